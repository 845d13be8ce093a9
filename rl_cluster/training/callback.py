"""What users' code does while a run trains: hooks that are called in the trainer's process.

A callback watches, and may end the run. It changes no result: a run with callbacks trains as it does without.
"""

from collections.abc import Sequence
from pathlib import Path

from rl_cluster.config.schema import Config
from rl_cluster.training.run import Record

__all__ = ["Callback", "Callbacks"]


class Callback:
    """Hooks of a run, which do nothing here. Derive a class, and override those that are wanted."""

    def on_start(self, folder: Path, config: Config) -> None:
        """The run has its folder, and begins or resumes."""

    def on_iteration(self, record: Record) -> None:
        """An iteration is done, and its line is in `metrics.jsonl`; `record.metrics` has the metrics by name."""

    def wants_end(self) -> bool:
        """Called after `on_iteration`: True = that iteration was the last. The run is saved, and can be resumed."""
        return False

    def on_end(self, checkpoint: Path) -> None:
        """The run has ended in order, and its last checkpoint is written."""


class Callbacks(Callback):
    """Several callbacks as one, called in their order."""

    def __init__(self, callbacks: Sequence[Callback]) -> None:
        self._callbacks = tuple(callbacks)
        self._has_iterated = False

    def on_start(self, folder: Path, config: Config) -> None:
        """Calls the hook of each."""
        for callback in self._callbacks:
            callback.on_start(folder, config)

    def on_iteration(self, record: Record) -> None:
        """Calls the hook of each."""
        self._has_iterated = True
        for callback in self._callbacks:
            callback.on_iteration(record)

    def wants_end(self) -> bool:
        """True = one of them wants the end; all are asked, but nobody before the first iteration."""
        answers = [callback.wants_end() for callback in self._callbacks if self._has_iterated]
        return any(answers)

    def on_end(self, checkpoint: Path) -> None:
        """Calls the hook of each."""
        for callback in self._callbacks:
            callback.on_end(checkpoint)
