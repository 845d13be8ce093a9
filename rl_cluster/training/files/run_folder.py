"""The folder of a run: RUN/{config.yaml, metrics.jsonl, checkpoints/}, and changes.jsonl if settings have changed.

One trainer writes it at a time.
`checkpoint.py` says what a checkpoint holds. The code that measures a metric names it.
"""

import json
import logging
import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any, Self

from rl_cluster.config.load import to_yaml
from rl_cluster.config.schema import Config
from rl_cluster.config.scratch import sweep
from rl_cluster.config.whole_file import whole_file, write_whole
from rl_cluster.errors import CheckpointError, typed
from rl_cluster.training.changes import Change
from rl_cluster.training.checkpoints.sealed_folder import remove_leftovers
from rl_cluster.training.events import Event, event_to_json
from rl_cluster.training.files.changes_file import note_changes
from rl_cluster.training.files.metrics_file import MetricsFile
from rl_cluster.training.files.metrics_lines import EVENTS, parse_line
from rl_cluster.training.files.new_folder import make_folder
from rl_cluster.training.files.run_names import CHECKPOINTS, CONFIG, METRICS, OWN_NAMES, is_run_folder

__all__ = ["RunFolder"]

logger = logging.getLogger(__name__)


class RunFolder:
    """A run folder that is open for writing. Make one by `create` or `resume`; use it in a `with`, or `close` it."""

    def __init__(self, path: Path, metrics: MetricsFile) -> None:
        self.path = path
        self.checkpoints = path / CHECKPOINTS
        """The folder for `Checkpoint.save`."""
        self.metrics = path / METRICS
        self._metrics = metrics
        self._unwritten: list[bytes] = []

    @classmethod
    def create(cls, path: Path, config: Config, *, is_numbered: bool = False) -> Self:
        """A new run folder that holds the resolved config; `path` says where it is.

        Args:
            path: Its place.
            config: The run's settings.
            is_numbered: If something of that name exists, take path-2, path-3 and so on.

        Raises:
            CheckpointError: Something of that name exists, or the folder cannot be made; nothing is left of it then.
        """

        def fill(folder: Path) -> MetricsFile:
            (folder / CHECKPOINTS).mkdir()
            (folder / CONFIG).write_text(to_yaml(config), encoding="utf-8")
            return undo.enter_context(closing(MetricsFile.create(folder / METRICS)))

        with ExitStack() as undo:
            place, metrics = make_folder(path, fill, is_numbered=is_numbered)
            undo.pop_all()
        metrics.path = place / METRICS
        return cls(place, metrics)

    @classmethod
    def resume(cls, path: Path, iteration: int) -> Self:
        """An existing run folder; its metrics are cut to the lines up to `iteration`, from which the run resumes.

        Half-written files of a killed trainer are deleted. Damaged lines are set aside and reported.

        Raises:
            CheckpointError: It is not a run folder, cannot be written, holds links, or another trainer writes it.
        """
        if not is_run_folder(path):
            what = f"is no run folder: it has no {CONFIG} or no {METRICS}"
            raise CheckpointError(str(path), what, "name the folder that was given to --out")
        for name in OWN_NAMES:  # files written there would end up elsewhere
            if (path / name).is_symlink():
                remedy = "put in its place what it points to, if that is the run's own"
                raise CheckpointError(str(path / name), "is a link, where a run has a file of its own", remedy)
        try:
            with ExitStack() as undo:
                metrics = undo.enter_context(closing(MetricsFile.open(path / METRICS)))
                sweep(path)
                remove_leftovers(path / CHECKPOINTS)
                metrics.cut(iteration)
                undo.pop_all()
        except OSError as error:
            raise _unwritable(path, error) from error
        return cls(path, metrics)

    def note_changes(self, config: Config, iteration: int, changes: Sequence[Change]) -> None:
        """Makes `config.yaml` that of the settings with which the run goes on, and notes what has changed, and when.

        Args:
            config: The settings that hold from here on.
            iteration: Iterations done before.
            changes: How they differ from those of the checkpoint from which the run goes on.

        Raises:
            CheckpointError: The folder cannot be written.
        """
        try:
            note_changes(self.path, iteration, changes)
            if changes:
                write_whole(self.path / CONFIG, to_yaml(config).encode())
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def append(self, iteration: int, metrics: Mapping[str, float], events: Sequence[Event] = ()) -> None:
        """Adds a line: metrics by name, and the decisions, if any, under `events`.

        Values that are not finite were not measured, and are omitted.

        If the disk is full, lines wait in memory, and are written with a later line.

        Raises:
            CheckpointError: The folder no longer exists.
        """
        kept = {name: value for name, value in metrics.items() if math.isfinite(value)}
        told = {EVENTS: [event_to_json(event) for event in events]} if events else {}
        line = json.dumps({"iteration": iteration, **kept, **told}, allow_nan=False)
        self._unwritten.append(line.encode() + b"\n")
        self._check_place()
        self._write()

    def write(self, name: str, data: Mapping[str, Any]) -> None:
        """Writes a small JSON file that is always complete and up to date; on a full disk the previous one stays."""
        with suppress(OSError), whole_file(self.path / name) as beside:
            beside.write_text(json.dumps(data), encoding="utf-8")

    def rewind(self, iteration: int) -> None:
        """Drops the lines of metrics later than `iteration`. Raises CheckpointError if it cannot."""
        self._unwritten = [line for line in self._unwritten if _is_until(line, iteration)]
        try:
            self._metrics.cut(iteration)
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def _check_place(self) -> None:
        """Raises CheckpointError if the folder has been deleted or moved: nothing more could be saved in it."""
        if self._metrics.is_in_place():
            return
        now = self._metrics.current_path()
        if now:
            what = f"has been moved to {typed(now.parent)} while the run was training"
            remedy = f"go on from its last checkpoint with {typed('--resume', now.parent)}"
        else:
            what, remedy = "has been deleted while the run was training", "begin anew: nothing of the run is left"
        raise CheckpointError(str(self.path), what, remedy)

    def _write(self) -> None:
        """Writes the waiting lines, whole lines only."""
        try:
            is_written = self._metrics.write(b"".join(self._unwritten))
        except OSError as error:
            logger.warning("%s cannot be written: %s; its lines wait for room", self.path / METRICS, error.strerror)
            return
        if is_written:
            self._unwritten.clear()

    def close(self) -> None:
        """Closes the folder's files and releases its lock."""
        self._metrics.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _unwritable(path: Path, error: OSError) -> CheckpointError:
    what = f"cannot be written: {error.strerror}"
    return CheckpointError(str(path), what, "make it writable, or copy the run elsewhere")


def _is_until(line: bytes, iteration: int) -> bool:
    data = parse_line(line)
    return data is not None and data["iteration"] <= iteration
