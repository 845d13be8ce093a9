"""Stores a trial's checkpoints: STUDY/trials/TRIAL/SEED/checkpoint-000123, in the one checkpoint format."""

import logging
from collections.abc import Sequence
from pathlib import Path

from rl_cluster.config.schema import Config
from rl_cluster.errors import CheckpointError
from rl_cluster.training.checkpoints.checkpoint import Checkpoint
from rl_cluster.training.checkpoints.content import Content
from rl_cluster.training.checkpoints.store import checkpoint_name, list_checkpoints

__all__ = ["TRIALS", "TrialStore"]

TRIALS = "trials"
"""The folder of all trials in a study."""
KEPT = 5
"""Rounds that are kept, because a population copies what a better trial saved a while ago."""

logger = logging.getLogger(__name__)


class TrialStore:
    """The checkpoints of one trial; those of all its seeds at the same iteration belong together.

    Args:
        trials: Folder of all trials.
        trial: Name of this trial.
        seeds: Seeds of its runs.
    """

    def __init__(self, trials: Path, trial: str, seeds: Sequence[int]) -> None:
        self._trials, self._trial, self._seeds = trials, trial, seeds
        self.folders = [trials / trial / str(seed) for seed in seeds]
        """One for each seed."""

    def of(self, trial: str) -> "TrialStore":
        """The store of another trial."""
        return TrialStore(self._trials, trial, self._seeds)

    def save(self, checkpoints: Sequence[Checkpoint]) -> None:
        """Saves one checkpoint per seed. Raises CheckpointError if they cannot be written."""
        for folder, checkpoint in zip(self.folders, checkpoints, strict=True):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                what = f"cannot be made: {error.strerror}"
                raise CheckpointError(str(folder), what, "make room, or make it writable") from error
            checkpoint.save(folder, KEPT)

    def load(self, iteration: int, configs: Sequence[Config]) -> list[Checkpoint]:
        """The newest checkpoints up to an iteration that are sound for all seeds; empty if there are none.

        Checkpoints later than the iteration were never reported, so their rounds are trained again.

        Args:
            iteration: The latest that counts.
            configs: Settings of the runs that are to resume from them.
        """
        for name in self._names():
            if name > checkpoint_name(iteration):
                continue
            try:
                return [self._load(folder / name, config) for folder, config in zip(self.folders, configs, strict=True)]
            except CheckpointError as error:
                logger.warning("passed over: %s", error)
        return []

    def _names(self) -> list[str]:
        """Names of the first seed's checkpoints, newest first."""
        first = self.folders[0]
        return [folder.name for folder in list_checkpoints(first)] if first.is_dir() else []

    @staticmethod
    def _load(folder: Path, config: Config) -> Checkpoint:
        checkpoint = Checkpoint.load(folder)
        if checkpoint.lacks:
            raise CheckpointError(str(folder), f"no run can go on from it: {checkpoint.lacks}", "use a newer one")
        if checkpoint.iteration > config.training.iterations:
            what = f"is of iteration {checkpoint.iteration}, and the trial has {config.training.iterations}"
            raise CheckpointError(str(folder), what, "use an older one")
        _check_fits(checkpoint, config, folder)
        return checkpoint


def _check_fits(checkpoint: Checkpoint, config: Config, folder: Path) -> None:
    """Raises CheckpointError if a run of these settings cannot resume from it; its own settings may differ."""
    misfits = Content(config).misfits(
        weights=checkpoint.weights, optimizer=checkpoint.optimizer, snapshots=checkpoint.snapshots,
        arrays=checkpoint.arrays, iteration=checkpoint.iteration, state=checkpoint.state,
    )  # fmt: skip
    for misfit in misfits:
        what = f"{misfit.what}: it is of other settings than the trial's"
        raise CheckpointError(str(folder / misfit.file), what, "use one of the same study")
