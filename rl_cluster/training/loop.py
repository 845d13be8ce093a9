"""The loop of a run: iterations, evaluations on the way, metrics, checkpoints, and where a stopped run goes on.

It drives any `Engine`, so a run with Ray and one without differ in nothing but who samples and who updates. Nothing is
written before the engine stands: a bad address or a full cluster leaves no folder behind.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from rl_cluster.config.schema import Config
from rl_cluster.environment.tasks import make_source
from rl_cluster.errors import CheckpointError, ConfigError
from rl_cluster.metrics.names import AGENT_STEPS, AGENT_STEPS_TOTAL, ELAPSED_S, evaluation_key, outcome_means
from rl_cluster.training.checkpoint import Checkpoint, find_checkpoint, load_model
from rl_cluster.training.engine import Engine, EngineState
from rl_cluster.training.evaluation import ModelPolicy, evaluate
from rl_cluster.training.run_folder import RunFolder

__all__ = ["Report", "Start", "check_same", "default_path", "new_start", "resumed_start", "train"]

Report = Callable[[int, dict[str, float]], None]
"""Is told the number of iterations done, and the metrics of the last one."""


@dataclass(frozen=True, slots=True)
class Start:
    """Where a run begins: in a new folder, or from a checkpoint."""

    path: Path
    """The run folder."""
    config: Config
    checkpoint: Checkpoint | None
    """What a resumed run goes on from; None = a new run."""
    weights: dict[str, Tensor] | None = None
    """What a new run begins with; None = untrained."""
    damaged: tuple[CheckpointError, ...] = ()
    """Newer checkpoints that had to be passed over."""


def new_start(config: Config, path: Path, weights: Path | None = None) -> Start:
    """A new run; nothing is written yet.

    Args:
        config: The run.
        path: Its folder.
        weights: Run or checkpoint folder, of either API stack, whose weights it begins with.

    Raises CheckpointError if something of that name exists, or if the weights do not fit the run's network.
    """
    if path.exists() or path.is_symlink():
        go_on = f"go on with --resume {path}, or " if (path / "checkpoints").is_dir() else ""
        raise CheckpointError(str(path), "exists already", f"{go_on}choose another --out")
    if not weights:
        return Start(path, config, None)
    found = find_checkpoint(weights)
    model = load_model(Checkpoint.load(found.folder), config)
    return Start(path, config, None, model.state_dict(), found.damaged)


def default_path(config: Config) -> Path:
    """A run folder of its own under the home folder: a job's working directory is temporary."""
    return Path.home() / "rl_cluster_runs" / f"{config.name}-{time.strftime('%Y%m%d-%H%M%S')}"


def check_same(config: Config | None, start: Start) -> None:
    """Raises ConfigError if settings are given to a run that goes on with other ones; None = none are given."""
    if config is None or config == start.config:
        return
    given, own = config.model_dump(), start.config.model_dump()
    key = next(name for name, value in _flat(given) if value != dict(_flat(own)).get(name))
    what = f"{key}={dict(_flat(given))[key]} is not the run's own {key}={dict(_flat(own))[key]}"
    raise ConfigError(str(start.path), what, "leave the settings away with --resume, or train a new run")


def _flat(data: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and values of nested settings."""
    for name, value in data.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def resumed_start(path: Path) -> Start:
    """A run that goes on from its newest sound checkpoint.

    Raises CheckpointError if there is none, if it does not fit its own config, if the run has ended, or if it is one of
    the old API stack.
    """
    found = find_checkpoint(path)
    checkpoint = Checkpoint.load(found.folder)
    if checkpoint.config.api_stack == "old":
        what = "was trained with api_stack=old, which keeps neither its optimizer nor its worlds"
        raise CheckpointError(str(path), what, f"begin a new run with its weights: --weights {path}")
    load_model(checkpoint)  # weights that do not fit are found before anything is started
    training = checkpoint.config.training
    if checkpoint.iteration >= training.iterations:
        what = f"has ended: all {training.iterations} iterations are done"
        raise CheckpointError(str(path), what, "evaluate it, or train a new run with more training.iterations")
    return Start(path, checkpoint.config, checkpoint, None, found.damaged)


def _never() -> bool:
    return False


def train(engine: Engine, start: Start, report: Report, is_stopped: Callable[[], bool] = _never) -> Path:
    """Runs to the last iteration or the time limit; returns the folder of the last checkpoint.

    Args:
        engine: Runs the iterations.
        start: Where the run begins.
        report: Told of every iteration.
        is_stopped: Asked after every iteration; if it says True, that was the last one, and it is saved.

    Raises CheckpointError if the run folder or a checkpoint cannot be written.
    """
    config, counters = start.config, {AGENT_STEPS_TOTAL: 0.0, ELAPSED_S: 0.0}
    first = start.checkpoint.iteration if start.checkpoint else 0
    if start.checkpoint:
        checkpoint = start.checkpoint
        engine.load_state(EngineState(checkpoint.weights, checkpoint.optimizer, checkpoint.arrays))
        counters |= checkpoint.state
        folder = RunFolder.resume(start.path, first)
    else:
        if start.weights:
            engine.load_state(engine.state()._replace(weights=start.weights))
        folder = RunFolder.create(start.path, config)
    begin_s = time.monotonic() - counters[ELAPSED_S]
    saved = start.path
    with folder:
        for done in range(first + 1, config.training.iterations + 1):
            metrics = engine.iterate(done - 1)
            counters[AGENT_STEPS_TOTAL] += metrics[AGENT_STEPS]
            if config.training.evaluate_every and done % config.training.evaluate_every == 0:
                metrics |= _evaluate(engine, config)
            counters[ELAPSED_S] = time.monotonic() - begin_s
            metrics |= counters
            folder.append(done, metrics)
            report(done, metrics)
            is_out_of_time = counters[ELAPSED_S] >= config.training.time_limit_s
            is_last = done == config.training.iterations or is_out_of_time or is_stopped()
            if is_last or done % config.training.checkpoint_every == 0:
                saved = _save(engine, config, folder, done, counters)
            if is_last:
                break
    return saved


def _evaluate(engine: Engine, config: Config) -> dict[str, float]:
    """Mean metrics of argmax play on episodes of the evaluation stream."""
    source = make_source(config, config.seed, is_training=False)
    outcomes = evaluate(ModelPolicy(engine.model(), "argmax"), source, config, config.training.evaluation_episodes)
    return outcome_means(outcomes, evaluation_key)


def _save(engine: Engine, config: Config, folder: RunFolder, done: int, counters: dict[str, Any]) -> Path:
    state = engine.state()
    checkpoint = Checkpoint(config, done, state.weights, state.optimizer, state.arrays, dict(counters))
    return checkpoint.save(folder.checkpoints, config.training.keep_checkpoints)
