"""Training from Python: a run from its settings, with callbacks, and a run that goes on."""

from collections.abc import Sequence
from pathlib import Path

from rl_cluster.api.callbacks import CallbackLike, as_callbacks, load_callbacks
from rl_cluster.api.engines import engine_of
from rl_cluster.api.run import Run
from rl_cluster.api.trackers import check_trackers, tracker_openers
from rl_cluster.config.schema import Config
from rl_cluster.config.shared_address import place
from rl_cluster.training.callback import Callbacks
from rl_cluster.training.loop import open_run, train_in
from rl_cluster.training.run import Record
from rl_cluster.training.start import Start, new_start, resumed_start
from rl_cluster.training.trackers import Trackers

__all__ = ["resume", "train"]


def train(
    config: Config,
    out: str | Path | None = None,
    *,
    callbacks: Sequence[CallbackLike] = (),
    weights: str | Path | None = None,
    address: str | None = None,
) -> Run:
    """Trains a new run to its end, and returns it.

    Args:
        config: The run's settings. With `engine=local` it trains in this process, without Ray.
        out: The run's folder, which must be new; None = one in ~/rl_cluster_runs. An address in shared storage, as
            `s3://BUCKET/FOLDER`, is where each checkpoint of such a folder is copied.
        callbacks: Watch the run, and may end it; see `Callback`. A function is called with each iteration's record.
            Those that the settings name come before them, if the environment variable RL_CLUSTER_ALLOWED_IMPORTS
            names them, too.
        weights: Run or checkpoint folder whose weights it begins with, or `pretrained`.
        address: The Ray to use, HOST:PORT or auto; None = RAY_ADDRESS, else one of its own on this machine.

    Raises:
        CheckpointError: The folder exists, cannot be written, or the weights do not fit.
        ClusterError: Ray does not answer, or has no room for the run.
        ConfigError: Something that a setting or a callback needs is missing, or a callback is not allowed.
        ExtensionFault: The module of a callback that the settings name raises when it is imported.
    """
    start = new_start(config, place(out) if out else None, place(weights) if weights else None)
    return _train(start, callbacks, address)


def resume(run: str | Path | Run, *, callbacks: Sequence[CallbackLike] = (), address: str | None = None) -> Run:
    """Goes on with a run from its last checkpoint to its end, as if it had never stopped; see `train`.

    Raises CheckpointError if it has ended, or cannot go on.
    """
    start = resumed_start(run.path if isinstance(run, Run) else place(run))
    return _train(start, callbacks, address)


def _train(start: Start, callbacks: Sequence[CallbackLike], address: str | None) -> Run:
    config, given = start.config, load_callbacks(start)
    hooks = Callbacks([given.own, as_callbacks(callbacks)])
    check_trackers(config.monitoring)
    engine = engine_of(config, address, given.rllibs)(config, address)
    try:
        with open_run(engine, start) as folder:
            hooks.on_start(folder.path, config)
            first = start.checkpoint.iteration + 1 if start.checkpoint else 1
            with Trackers(tracker_openers(config, folder.path, first)) as trackers:

                def report(record: Record) -> None:
                    trackers.note(record)
                    hooks.on_iteration(record)

                saved = train_in(folder, engine, start, report, hooks.wants_end)
    finally:
        engine.close()
    hooks.on_end(saved)
    return Run.open(folder.path)
