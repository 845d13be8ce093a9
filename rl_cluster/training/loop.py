"""The loop of a run: iterations, metrics and checkpoints on disk, and what happens when something is lost.

It drives any `Engine`, so runs with and without Ray differ only in who samples and who updates. Nothing is written
before the engine is ready: a bad address or a full cluster leaves no folder behind. A new run's first checkpoint is
that of iteration 0.

A lost engine is restarted, and the run continues from its last checkpoint, as often as `training.max_restarts` says.
One whose nodes are about to go is saved, and restarted elsewhere, which costs no iteration. A checkpoint that cannot be
written costs none either: the loop tries again after each of the next ones.
"""

import logging
import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from rl_cluster.config.schema import Config
from rl_cluster.config.shared_address import Place
from rl_cluster.errors import CheckpointError, ClusterError, typed
from rl_cluster.metrics.names import CHECKPOINT_AGE_S
from rl_cluster.training.changes import fitted
from rl_cluster.training.checkpoints.checkpoint import Checkpoint, find_checkpoint
from rl_cluster.training.engine import Engine, EngineLeaves, EngineLost, EngineState
from rl_cluster.training.files.run_folder import RunFolder
from rl_cluster.training.files.run_mirror import RunMirror, TakenOver
from rl_cluster.training.files.shared_storage import SharedFolder
from rl_cluster.training.files.status import STATUS, StatusBoard
from rl_cluster.training.run import Record, Run
from rl_cluster.training.start import Start

__all__ = ["Report", "open_run", "train", "train_in"]

Report = Callable[[Record], None]
"""Called after every iteration."""

logger = logging.getLogger(__name__)


def _never() -> bool:
    return False


def open_run(engine: Engine, start: Start) -> RunFolder:
    """The run's folder, once the engine has taken the run's first state; `path` says where a new folder is.

    Raises CheckpointError if it cannot be written, or if something else is there.
    """
    _load(engine, start)
    if start.checkpoint:
        with ExitStack() as undo:
            folder = undo.enter_context(RunFolder.resume(start.path, start.checkpoint.iteration))
            folder.note_changes(start.config, start.checkpoint.iteration, start.changes)
            undo.pop_all()
        return folder
    return RunFolder.create(start.path, start.config, is_numbered=start.is_numbered)


def train(engine: Engine, start: Start, report: Report, is_stopped: Callable[[], bool] = _never) -> Path:
    """Opens the run's folder and trains in it; see `open_run` and `train_in`."""
    with open_run(engine, start) as folder:
        return train_in(folder, engine, start, report, is_stopped)


def train_in(
    folder: RunFolder, engine: Engine, start: Start, report: Report, is_stopped: Callable[[], bool] = _never
) -> Path:
    """Runs to the last iteration or the time limit; returns the folder of the last checkpoint.

    Args:
        folder: What `open_run` returned.
        engine: Runs the iterations.
        start: Where the run begins.
        report: Called after every iteration.
        is_stopped: Called after every iteration; if it returns True, that iteration was the last, and is saved.

    Raises:
        CheckpointError: The last checkpoint cannot be written, or the folder has been deleted or moved on the way.
        ClusterError: The engine was lost more often than `training.max_restarts`, or cannot be restarted.
    """
    run = _SavedRun(engine, start, folder)
    restarts_left = start.config.training.max_restarts
    while True:
        failure: EngineLost | None
        try:
            return run.go_on(report, is_stopped)
        except EngineLeaves as leaves:
            logger.warning("%s; the run is saved, and its parts start again", leaves)
            failure = _restart(engine, run)
        except EngineLost as lost:
            failure = lost
        while failure:
            if not restarts_left:
                raise _out_of_restarts(start.config, start.shared or folder.path, failure) from failure
            restarts_left -= 1
            logger.warning("%s; the run goes on from its last checkpoint (%d more times)", failure, restarts_left)
            failure = _restart(engine, run)


def _load(engine: Engine, start: Start) -> None:
    checkpoint = start.checkpoint
    if checkpoint:
        engine.load_state(EngineState(checkpoint.weights, checkpoint.optimizer, checkpoint.arrays))
    elif start.weights:
        engine.load_state(engine.state()._replace(weights=start.weights))


def _restart(engine: Engine, run: "_SavedRun") -> EngineLost | None:
    """Goes back to the last checkpoint with a new engine. Returns the error if that engine was lost, too."""
    try:
        engine.restart()
        run.go_back()
    except EngineLost as lost:
        return lost
    return None


def _out_of_restarts(config: Config, path: Place, lost: EngineLost) -> ClusterError:
    limit = config.training.max_restarts
    what = f"{lost}, after {limit} restarts of training.max_restarts={limit}"
    return ClusterError(str(path), what, f"check the cluster, then go on with {typed('--resume', path)}")


class _SavedRun:
    """A run with its folder; the engine has the state from which the run continues."""

    def __init__(self, engine: Engine, start: Start, folder: RunFolder) -> None:
        self._start, self._folder = start, folder
        self._training = start.config.training
        self._run = Run(engine, start.config, start.checkpoint)
        self._engine = engine
        self._board = StatusBoard(start.config, folder.metrics)
        self._saved: Path | None = None
        self._saved_s = time.monotonic()
        self._is_save_due = False
        self._mirror: RunMirror | None = None
        if start.shared:
            keep, is_new = self._training.keep_checkpoints, not start.checkpoint
            self._mirror = RunMirror(SharedFolder(start.shared), folder.path, keep, is_new=is_new)

    def go_back(self) -> None:
        """Returns to the last checkpoint, or to the start: the engine's state, counters, and the lines of metrics."""
        checkpoint = self._start.checkpoint
        if self._saved:
            checkpoint = fitted(Checkpoint.load(find_checkpoint(self._folder.path).folder), self._start.config)
        elif not checkpoint:
            _load(self._engine, self._start)
        self._run.take_over(checkpoint)
        self._folder.rewind(self._run.done)

    def go_on(self, report: Report, is_stopped: Callable[[], bool]) -> Path:
        """Iterates to the end, and returns the folder of the last checkpoint."""
        if not (self._start.checkpoint or self._saved):
            self._saved = self._save_first()
            if is_stopped():
                return self._saved
        else:
            self._share(lambda mirror: mirror.claim())
        while True:
            record = self._run.iterate()
            record.metrics[CHECKPOINT_AGE_S] = time.monotonic() - self._saved_s
            self._folder.append(record.done, record.metrics, record.events)
            self._tell(record)
            report(record)
            is_last = self._run.is_last or is_stopped()
            if is_last:
                return self._save_last()
            leaving = self._engine.status().leaving
            self._is_save_due |= leaving is not None or record.done % self._training.checkpoint_every == 0
            if self._is_save_due:
                self._save_or_warn()
            if leaving and not self._is_save_due:
                raise EngineLeaves(leaving)

    def _tell(self, record: Record) -> None:
        status = self._board.note(record.done, record.metrics, self._run.alerts, self._engine.status())
        self._folder.write(STATUS, status)
        self._engine.tell(status)

    def _save_first(self) -> Path:
        """Saves the first state of a new run, so that it can be resumed whenever it ends."""
        try:
            saved = self._save()
            if self._mirror:
                self._mirror.upload(saved)
        except CheckpointError:
            shutil.rmtree(self._folder.path, ignore_errors=True)  # a folder that cannot be resumed is in the way
            if self._mirror:
                self._mirror.abandon()
            raise
        return saved

    def _save_last(self) -> Path:
        saved = self._save()
        try:
            if self._mirror:
                self._mirror.upload(saved)
        except TakenOver:
            raise
        except CheckpointError as error:
            what = f"{error.what}, and the last checkpoint is only in {saved}"
            remedy = f"{error.remedy}, then copy {typed(self._folder.path)} there"
            raise CheckpointError(error.where, what, remedy) from error
        return saved

    def _save(self) -> Path:
        saved = self._run.checkpoint().save(self._folder.checkpoints, self._training.keep_checkpoints)
        self._saved_s = time.monotonic()
        return saved

    def _save_or_warn(self) -> None:
        """Saves, or warns. If the disk is full, older checkpoints are untouched, and the next iteration retries."""
        try:
            self._saved = self._save()
        except CheckpointError as error:
            logger.warning("%s; the run goes on, and tries again after the next iteration", error)
        else:
            self._is_save_due = False
            saved = self._saved
            self._share(lambda mirror: mirror.upload(saved))

    def _share(self, act: Callable[[RunMirror], None]) -> None:
        """Acts on the copy in shared storage, if the run has one, or warns. Raises TakenOver."""
        try:
            if self._mirror:
                act(self._mirror)
        except TakenOver:
            raise
        except CheckpointError as error:
            logger.warning("%s; the run goes on, and copies its next checkpoint", error)
