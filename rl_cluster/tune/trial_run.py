"""One run of a trial: a seed's engine, its iterations, and the services that show them as curves."""

import math
from contextlib import ExitStack, suppress
from pathlib import Path

from rl_cluster.config.schema import Config
from rl_cluster.training.checkpoints.checkpoint import Checkpoint
from rl_cluster.training.engine import Engine
from rl_cluster.training.local_engine import LocalEngine
from rl_cluster.training.run import Record, Run
from rl_cluster.training.tracker_openers import service_openers
from rl_cluster.training.trackers import Trackers

__all__ = ["TrialRun"]


class TrialRun:
    """A run from its start, or from a checkpoint that it takes over.

    Args:
        config: The run's settings.
        folder: Where its checkpoints and curves are.
        name: What services call it.
        metric: Key of the metric that is its score.

    Raises as the engine does.
    """

    run: Run
    score: float
    """The last evaluation; NaN before the first."""

    def __init__(self, config: Config, folder: Path, name: str, metric: str) -> None:
        self.config, self._folder, self._name, self._metric = config, folder, name, metric
        self.score = math.nan
        self._ending, self._showing = ExitStack(), ExitStack()
        self._trackers: Trackers | None = None
        engine = _engine(config)
        self._ending.callback(engine.close)
        self.run = Run(engine, config, None)

    def round(self) -> Record:
        """Iterates to the next evaluation, or to the end."""
        while True:
            record = self.run.iterate()
            self._show(record)
            if self._metric in record.metrics or self.run.is_last:
                self.score = record.metrics.get(self._metric, self.score)
                if self._trackers:
                    self._trackers.flush()  # Tune may end the process after any round
                return record

    def _show(self, record: Record) -> None:
        if self._trackers is None:
            with suppress(OSError):  # a service that needs the folder says that it is not there
                self._folder.mkdir(parents=True, exist_ok=True)
            openers = service_openers(self.config, self._folder, record.done, self._name)
            self._trackers = self._showing.enter_context(Trackers(openers))
        self._trackers.note(record)

    def take_over(self, checkpoint: Checkpoint) -> None:
        """Goes on from a checkpoint. Curves of later iterations are cut there."""
        self._hide()
        self.run.take_over(checkpoint)

    def _hide(self) -> None:
        self._showing.close()
        self._trackers = None

    def close(self) -> None:
        """Delivers the last records, and ends the actors."""
        with self._ending:
            self._hide()


def _engine(config: Config) -> Engine:
    """The engine, in a process of Tune, which is connected. Another trial may still be ending where its actors go."""
    if config.engine == "local":
        return LocalEngine(config)
    # trials without Ray do not wait for RLlib's import
    from rl_cluster.rllib.engine import RayEngine
    from rl_cluster.rllib.placement.place import RESTART_PATIENCE_S

    return RayEngine(config, watches_nodes=False, patience_s=RESTART_PATIENCE_S)
