"""`rl-cluster train`: begin or resume a run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rl_cluster.api.trackers import check_trackers, tracker_openers
from rl_cluster.cli.arguments import Address, Overrides, PresetOrFileIfAny
from rl_cluster.cli.console import make_console, say
from rl_cluster.cli.exits import fail
from rl_cluster.cli.paths import PathCommand, new_folder, path
from rl_cluster.cli.signals import StopRequest, orderly
from rl_cluster.cli.streams import forgive_full_disk, without_stdin
from rl_cluster.errors import ConfigError, typed

if TYPE_CHECKING:
    from collections.abc import Callable

    from rl_cluster.config.schema import Config
    from rl_cluster.training.callback import Callbacks
    from rl_cluster.training.engine import Engine
    from rl_cluster.training.files.run_folder import RunFolder
    from rl_cluster.training.run import Record
    from rl_cluster.training.start import Start

__all__ = ["app"]

app = typer.Typer()


@app.command(
    "train",
    cls=PathCommand,
    epilog="Example: rl-cluster train quick_demo seed=1 --out runs/first; then rl-cluster train --resume runs/first",
)
def train_policy(
    preset_or_file: PresetOrFileIfAny = None,
    overrides: Overrides = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", parser=new_folder, help="Run folder; by default a new one in ~/rl_cluster_runs."),
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(metavar="RUN", parser=path, help="Go on with a run from its last checkpoint.")
    ] = None,
    resume_or_start: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN",
            parser=path,
            help="Begin a run in this folder, or go on with it, whichever a requeued job needs.",
        ),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN", parser=path, help="Begin with the weights of another run or checkpoint, or pretrained."
        ),
    ] = None,
    callback: Annotated[
        list[str] | None,
        typer.Option(metavar="MODULE:CLASS", help="Callback of your own, which watches the run; may be repeated."),
    ] = None,
    address: Address = None,
) -> None:
    """Train a policy: on a Ray cluster, on a Ray of its own on this machine, or without Ray (engine=local)."""
    from rl_cluster.api.callbacks import load_callbacks

    callbacks = load_callbacks(callback or [])
    if resume_or_start:
        start = _requeued_start(preset_or_file, overrides or [], resume_or_start, weights, out or resume)
    else:
        start = _start_of(preset_or_file, overrides or [], out, resume, weights)
    if start is None:
        say(f"run folder: {resume_or_start}; the run has ended")
    else:
        _run(start, address, callbacks)


def _run(start: "Start", address: str | None, callbacks: "Callbacks") -> None:
    """Trains from that start, and says how the run ended."""
    from rl_cluster.api.engines import engine_of
    from rl_cluster.training.loop import open_run

    check_trackers(start.config.monitoring)
    for error in start.damaged:
        say(f"passed over: {error}")
    make_engine = engine_of(start.config, address)
    forgive_full_disk()
    with orderly(), without_stdin():
        engine = make_engine(start.config, address)
        with StopRequest() as request:
            try:
                with open_run(engine, start) as folder:
                    say(f"run folder: {folder.path}")
                    callbacks.on_start(folder.path, start.config)
                    _train(engine, start, folder, callbacks, request.is_set)
            finally:
                engine.close()
    if request.signal:
        fail(f"train: {_how_it_was_stopped(start.config, folder.path, request)}", request.exit_code)
    say(f"score it: {typed('rl-cluster', 'evaluate', folder.path)}")


def _how_it_was_stopped(config: "Config", path: Path, request: StopRequest) -> str:
    assert request.signal
    if not request.is_heeded:
        score = typed("rl-cluster", "evaluate", path)
        return f"{request.signal.name} came when the run was done; score it: {score}"
    how = "--weights" if config.api_stack == "old" else "--resume"
    return f"stopped by {request.signal.name}; go on with {typed('rl-cluster', 'train', how, path)}"


def _train(
    engine: "Engine", start: "Start", folder: "RunFolder", callbacks: "Callbacks", is_stopped: "Callable[[], bool]"
) -> None:
    """Trains to the end, shows iterations to the user and to the services, and draws the timeline if there is one."""
    from rl_cluster.cli.views.display import Display
    from rl_cluster.cli.views.timeline import save_timeline
    from rl_cluster.metrics.names import ELAPSED_S
    from rl_cluster.training.loop import train_in
    from rl_cluster.training.start import time_is_up
    from rl_cluster.training.trackers import Trackers

    console = make_console()
    config, done = start.config, start.checkpoint.iteration if start.checkpoint else 0
    last: Record | None = None
    with Display(console, config) as display, Trackers(tracker_openers(config, folder.path, done + 1)) as trackers:

        def report(record: "Record") -> None:
            nonlocal last
            last = record
            display.show(record)
            trackers.note(record)
            callbacks.on_iteration(record)

        saved = train_in(folder, engine, start, report, lambda: is_stopped() or callbacks.wants_end())
    callbacks.on_end(saved)
    say(f"checkpoint: {saved}")
    training = config.training
    if last and last.done < training.iterations:
        if last.metrics[ELAPSED_S] >= training.time_limit_s:
            say("ended early: {}; {}".format(*time_is_up(config, last.done)))
        elif not is_stopped():
            go_on = typed("rl-cluster", "train", "--resume", folder.path)
            say(f"ended by a callback after {last.done} of {training.iterations} iterations; go on with {go_on}")
    if config.curriculum:
        picture = folder.path / "timeline.png"
        save_timeline(folder.metrics, config.curriculum, picture)
        say(f"timeline: {picture}")


def _start_of(
    preset_or_file: str | None, overrides: list[str], out: Path | None, resume: Path | None, weights: Path | None
) -> "Start":
    """Where the run begins. With --resume, settings may be given again, but must be those of the run."""
    from rl_cluster.config.load import load_config
    from rl_cluster.training.start import check_same, new_start, resumed_start

    config = load_config(preset_or_file, overrides) if preset_or_file else None
    if resume:
        if out:
            raise ConfigError("train", "--out and --resume exclude each other", "omit --out: the run has its folder")
        if weights:
            raise ConfigError(
                "train", "--weights and --resume exclude each other", "omit --weights: the run has its own"
            )
        start = resumed_start(resume)
        check_same(config, start.config, start.path)
        return start
    if not config:
        raise ConfigError("train", "nothing to train is given", "name a preset or file, or a run to --resume")
    return new_start(config, out, weights)


def _requeued_start(
    preset_or_file: str | None, overrides: list[str], path: Path, weights: Path | None, other: Path | None
) -> "Start | None":
    """Where the run in this folder begins or resumes; None = it has ended."""
    from rl_cluster.config.load import load_config
    from rl_cluster.training.requeue import resume_or_start

    if other:
        what = "--resume-or-start excludes --out and --resume"
        raise ConfigError("train", what, "omit them: it names the run folder")
    if not preset_or_file:
        raise ConfigError("train", "nothing to train is given", "name a preset or file before --resume-or-start")
    return resume_or_start(load_config(preset_or_file, overrides), path, weights)
