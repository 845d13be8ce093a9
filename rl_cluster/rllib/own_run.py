"""The run of an algorithm that RLlib or Tune drives: the same `Run` as the loop's, on the algorithm's own iterations.

So controllers decide, evaluations take place and checkpoints are written as in `rl-cluster train`, and
`algorithm.train()` gives the same weights. Nobody restarts a lost Learner here: that is the caller's, or Tune's.
"""

import math
from pathlib import Path
from typing import Any, Protocol

from rl_cluster.config.schema import Config
from rl_cluster.environment.tasks import task_of
from rl_cluster.errors import CheckpointError, ConfigError
from rl_cluster.metrics.names import evaluation_key
from rl_cluster.model.transformer_gnn import TransformerGNN
from rl_cluster.rllib.engine_state import load_state, model_of, state_of
from rl_cluster.rllib.learners import Learners
from rl_cluster.rllib.runner_group import RunnerGroup
from rl_cluster.training.checkpoints.checkpoint import Checkpoint, find_checkpoint
from rl_cluster.training.checkpoints.content import Content
from rl_cluster.training.engine import EngineState, EngineStatus
from rl_cluster.training.run import Run
from rl_cluster.types import Controls

__all__ = ["EVALUATION", "OwnRun", "read_saved"]

EVALUATION = "evaluation"
"""Key of the last evaluation's means in the result of `train()`: metric -> value."""
PREFIX = evaluation_key("")


class Iterating(Protocol):
    """What of the algorithm its own run drives."""

    @property
    def learners(self) -> Learners:
        """All Learners."""

    @property
    def runners(self) -> RunnerGroup:
        """All env runners."""

    def iterate(self, controls: Controls) -> dict[str, float]:
        """Runs one iteration, and returns its record."""

    def discard_samples(self) -> None:
        """Drops what runners have sampled ahead."""


class _OwnEngine:
    """The algorithm as the Engine of its own run."""

    def __init__(self, config: Config, algorithm: Iterating) -> None:
        self._config, self._algorithm = config, algorithm

    def iterate(self, iteration: int, controls: Controls) -> dict[str, float]:  # noqa: ARG002 - RLlib counts by itself
        """One iteration of the algorithm."""
        return self._algorithm.iterate(controls)

    def model(self) -> TransformerGNN:
        """A copy of the network with the current weights, on the CPU."""
        return model_of(self._config, self._algorithm.learners)

    def state(self) -> EngineState:
        """Copies of weights, optimizer, and the worlds of all env runners."""
        return state_of(self._algorithm.learners, self._algorithm.runners)

    def load_state(self, state: EngineState) -> None:
        """Puts weights, optimizer and worlds back."""
        self._algorithm.discard_samples()
        load_state(state, self._algorithm.learners, self._algorithm.runners)

    def status(self) -> EngineStatus:
        """Nothing: no monitor is on the nodes."""
        return EngineStatus()

    def tell(self, status: dict[str, Any]) -> None:
        """Does nothing: Tune, or the caller, shows results."""

    def restart(self) -> None:
        """Never called: only the loop restarts engines."""
        raise AssertionError("RLlib or Tune restarts the algorithm")

    def close(self) -> None:
        """Does nothing: `Algorithm.stop` ends the actors."""


class OwnRun:
    """A run from its first iteration, or from a checkpoint.

    Args:
        config: The run's settings.
        algorithm: Its actors are set up.
    """

    def __init__(self, config: Config, algorithm: Iterating) -> None:
        self._config = config
        self._engine = _OwnEngine(config, algorithm)
        self._run = Run(self._engine, config, None)
        self._scores = dict.fromkeys((metric.name for metric in task_of(config).metrics), math.nan)

    @property
    def is_last(self) -> bool:
        """Whether the last iteration is done or the time limit is reached."""
        return self._run.is_last

    def iterate(self) -> dict[str, float]:
        """One iteration with all that follows from it; returns its record. Raises ConfigError after the last one."""
        iterations = self._config.training.iterations
        if self._run.done >= iterations:
            what = f"all {iterations} iterations are done"
            raise ConfigError("SwarmAlgorithm.train", what, "build the algorithm with more training.iterations")
        metrics = self._run.iterate().metrics
        self._note({key: value for key, value in metrics.items() if key.startswith(PREFIX)})
        return metrics

    def _note(self, means: dict[str, float]) -> dict[str, float]:
        self._scores |= {key.removeprefix(PREFIX): value for key, value in means.items()}
        return dict(self._scores)

    @property
    def scores(self) -> dict[str, float]:
        """Metric -> mean of the last evaluation; NaN before the first."""
        return dict(self._scores)

    def evaluate(self) -> dict[str, float]:
        """Plays the evaluation's episodes now; the run does not decide anything on the result."""
        means, _ = self._run.evaluate()
        return self._note(means)

    def save(self, folder: Path) -> None:
        """Writes a checkpoint into the folder. Raises CheckpointError."""
        self._run.checkpoint().save(folder, self._config.training.keep_checkpoints)

    def load(self, path: Path) -> int:
        """Goes on from a checkpoint, and returns its number of iterations.

        Raises:
            CheckpointError: As from `read_saved`; or it does not fit the sizes of this run.
        """
        saved = read_saved(path)
        parts = {"weights": saved.weights, "optimizer": saved.optimizer, "snapshots": saved.snapshots}
        content = Content(self._config)
        for misfit in content.misfits(**parts, arrays=saved.arrays, iteration=saved.iteration, state=saved.state):
            what = f"does not fit the algorithm's settings: {misfit.file}: {misfit.what}"
            raise CheckpointError(str(path), what, "build it from the checkpoint, by SwarmAlgorithm.from_checkpoint")
        self._engine.load_state(EngineState(saved.weights, saved.optimizer, saved.arrays))
        self._run = Run(self._engine, self._config, saved)
        return saved.iteration


def read_saved(path: Path) -> Checkpoint:
    """The newest sound checkpoint in a folder, from which an algorithm can go on. Raises CheckpointError."""
    saved = Checkpoint.load(find_checkpoint(path).folder)
    if saved.config.api_stack == "old":
        what = "was trained with api_stack=old, which keeps neither its optimizer nor its worlds"
        raise CheckpointError(str(path), what, "train with its weights: rl-cluster train --weights")
    if saved.lacks:
        what = f"was written by an older version, and cannot go on: {saved.lacks}"
        raise CheckpointError(str(path), what, "train with its weights: rl-cluster train --weights")
    return saved
