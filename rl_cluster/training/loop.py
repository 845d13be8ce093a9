"""The loop of a run: iterations, evaluations on the way, metrics, checkpoints, and what happens when something is lost.

It drives any `Engine`, so a run with Ray and one without differ in nothing but who samples and who updates. Nothing is
written before the engine stands: a bad address or a full cluster leaves no folder behind.

An engine that is lost is restarted, and the run goes on from its last checkpoint, as often as `training.max_restarts`
says. A checkpoint that cannot be written costs no iteration: it is tried again after each of the next ones.
"""

import logging
import time
from collections.abc import Callable
from pathlib import Path

from rl_cluster.environment.tasks import make_source
from rl_cluster.errors import CheckpointError, ClusterError
from rl_cluster.metrics.names import AGENT_STEPS, AGENT_STEPS_TOTAL, ELAPSED_S, evaluation_key, outcome_means
from rl_cluster.training.checkpoint import Checkpoint, find_checkpoint
from rl_cluster.training.engine import Engine, EngineLost, EngineState
from rl_cluster.training.evaluation import ModelPolicy, evaluate
from rl_cluster.training.run_folder import RunFolder
from rl_cluster.training.start import Start

__all__ = ["Report", "train"]

Report = Callable[[int, dict[str, float]], None]
"""Is told the number of iterations done, and the metrics of the last one."""

logger = logging.getLogger(__name__)


def _never() -> bool:
    return False


def train(engine: Engine, start: Start, report: Report, is_stopped: Callable[[], bool] = _never) -> Path:
    """Runs to the last iteration or the time limit; returns the folder of the last checkpoint.

    Args:
        engine: Runs the iterations.
        start: Where the run begins.
        report: Told of every iteration.
        is_stopped: Asked after every iteration; if it says True, that was the last one, and it is saved.

    Raises:
        CheckpointError: The run folder or the last checkpoint cannot be written.
        ClusterError: The engine was lost more often than `training.max_restarts`, or cannot be restarted.
    """
    with _open(engine, start) as folder:
        run = _Run(engine, start, folder)
        restarts_left = start.config.training.max_restarts
        while True:
            try:
                return run.go_on(report, is_stopped)
            except EngineLost as lost:
                failure: EngineLost | None = lost
            while failure:
                if not restarts_left:
                    raise _out_of_restarts(start, failure) from failure
                restarts_left -= 1
                logger.warning("%s; the run goes on from its last checkpoint (%d more times)", failure, restarts_left)
                failure = _restart(engine, run)


def _open(engine: Engine, start: Start) -> RunFolder:
    """The run folder, once the engine has taken the run's first state."""
    _load(engine, start, start.checkpoint)
    if start.checkpoint:
        return RunFolder.resume(start.path, start.checkpoint.iteration)
    return RunFolder.create(start.path, start.config)


def _load(engine: Engine, start: Start, checkpoint: Checkpoint | None) -> None:
    if checkpoint:
        engine.load_state(EngineState(checkpoint.weights, checkpoint.optimizer, checkpoint.arrays))
    elif start.weights:
        engine.load_state(engine.state()._replace(weights=start.weights))


def _restart(engine: Engine, run: "_Run") -> EngineLost | None:
    """Goes back to the last checkpoint with a new engine. What is returned: it was lost once more on the way."""
    try:
        engine.restart()
        run.go_back()
    except EngineLost as lost:
        return lost
    return None


def _out_of_restarts(start: Start, lost: EngineLost) -> ClusterError:
    limit = start.config.training.max_restarts
    what = f"{lost}, after {limit} restarts of training.max_restarts={limit}"
    return ClusterError(str(start.path), what, f"look after the cluster, then go on with --resume {start.path}")


class _Run:
    """A run whose engine has the state that it goes on from."""

    def __init__(self, engine: Engine, start: Start, folder: RunFolder) -> None:
        self._engine, self._start, self._folder = engine, start, folder
        self._config = start.config
        self._saved: Path | None = None
        self._is_save_due = False
        self._take_over(start.checkpoint)
        self._begin_s = time.monotonic() - self._counters[ELAPSED_S]

    def _take_over(self, checkpoint: Checkpoint | None) -> None:
        self._done = checkpoint.iteration if checkpoint else 0
        self._counters = {AGENT_STEPS_TOTAL: 0.0, ELAPSED_S: 0.0, **(checkpoint.state if checkpoint else {})}

    def go_back(self) -> None:
        """To the last checkpoint, or to the start: the engine's state, counters, and the lines of metrics."""
        checkpoint = self._start.checkpoint
        if self._saved:
            checkpoint = Checkpoint.load(find_checkpoint(self._start.path).folder)
        _load(self._engine, self._start, checkpoint)
        self._take_over(checkpoint)
        self._folder.rewind(self._done)

    def go_on(self, report: Report, is_stopped: Callable[[], bool]) -> Path:
        """Iterates to the end, and returns the folder of the last checkpoint."""
        while True:
            metrics = self._iterate()
            report(self._done, metrics)
            is_last = self._is_last() or is_stopped()
            if is_last:
                return self._checkpoint().save(self._folder.checkpoints, self._config.training.keep_checkpoints)
            self._is_save_due |= self._done % self._config.training.checkpoint_every == 0
            if self._is_save_due:
                self._save_or_warn()

    def _iterate(self) -> dict[str, float]:
        config = self._config
        metrics = self._engine.iterate(self._done)
        done = self._done + 1
        if config.training.evaluate_every and done % config.training.evaluate_every == 0:
            metrics |= self._evaluate()
        self._done = done
        self._counters[AGENT_STEPS_TOTAL] += metrics[AGENT_STEPS]
        self._counters[ELAPSED_S] = time.monotonic() - self._begin_s
        metrics |= self._counters
        self._folder.append(done, metrics)
        return metrics

    def _is_last(self) -> bool:
        training = self._config.training
        return self._done == training.iterations or self._counters[ELAPSED_S] >= training.time_limit_s

    def _evaluate(self) -> dict[str, float]:
        """Mean metrics of argmax play on episodes of the evaluation stream."""
        config = self._config
        source = make_source(config, config.seed, is_training=False)
        policy = ModelPolicy(self._engine.model(), "argmax")
        return outcome_means(evaluate(policy, source, config, config.training.evaluation_episodes), evaluation_key)

    def _save_or_warn(self) -> None:
        """A full disk costs no iteration: the older checkpoints are untouched, and the next iteration tries again."""
        try:
            self._saved = self._checkpoint().save(self._folder.checkpoints, self._config.training.keep_checkpoints)
        except CheckpointError as error:
            logger.warning("%s; the run goes on, and tries again after the next iteration", error)
        else:
            self._is_save_due = False

    def _checkpoint(self) -> Checkpoint:
        state = self._engine.state()
        return Checkpoint(self._config, self._done, state.weights, state.optimizer, state.arrays, dict(self._counters))
