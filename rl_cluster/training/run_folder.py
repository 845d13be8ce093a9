"""The folder of a run: RUN/{config.yaml, metrics.jsonl, checkpoints/}. One trainer writes it at a time.

What a checkpoint holds is in `checkpoint.py`; what the metrics are called is decided by those who measure them.
"""

import fcntl
import json
import logging
import math
import os
from collections.abc import Mapping, Sequence
from io import FileIO
from pathlib import Path
from typing import Any, Self

from rl_cluster.config.load import to_yaml
from rl_cluster.config.schema import Config
from rl_cluster.errors import CheckpointError

__all__ = ["CHECKPOINTS", "CONFIG", "METRICS", "RunFolder"]

CONFIG, METRICS, CHECKPOINTS = "config.yaml", "metrics.jsonl", "checkpoints"
EVENTS = "events"

logger = logging.getLogger(__name__)


class RunFolder:
    """A run folder that is open for writing. Make one by `create` or `resume`; use it in a `with`, or `close` it."""

    def __init__(self, path: Path, metrics: FileIO) -> None:
        self.path = path
        self.checkpoints = path / CHECKPOINTS
        """Where `Checkpoint.save` belongs."""
        self.metrics = path / METRICS
        self._metrics = metrics
        self._unwritten: list[bytes] = []

    @classmethod
    def create(cls, path: Path, config: Config) -> Self:
        """A new run folder that holds the resolved config.

        Raises:
            CheckpointError: Something of that name exists, or the folder cannot be made.
        """
        if os.path.lexists(path):
            raise CheckpointError(str(path), "exists already", f"go on with --resume {path}, or choose another --out")
        try:
            (path / CHECKPOINTS).mkdir(parents=True)
            (path / CONFIG).write_text(to_yaml(config), encoding="utf-8")
            return cls(path, _open_locked(path / METRICS))
        except OSError as error:
            what = f"cannot be made: {error.strerror}"
            raise CheckpointError(str(path), what, "choose another --out") from error

    @classmethod
    def resume(cls, path: Path, iteration: int) -> Self:
        """An existing run folder, its metrics cut to the lines up to `iteration`, the one that the run goes on from.

        Raises:
            CheckpointError: The folder is no run folder, cannot be written, or another trainer writes it.
        """
        if not (path / CONFIG).is_file() or not (path / METRICS).is_file():
            what = f"is no run folder: it has no {CONFIG} or no {METRICS}"
            raise CheckpointError(str(path), what, "name the folder that was given to --out")
        try:
            metrics = _open_locked(path / METRICS)
            _drop_later(metrics, iteration)
        except OSError as error:
            what = f"cannot be written: {error.strerror}"
            raise CheckpointError(str(path), what, "make it writable, or copy the run elsewhere") from error
        return cls(path, metrics)

    def append(self, iteration: int, metrics: Mapping[str, Any], events: Sequence[str] = ()) -> None:
        """Adds a line: metrics as JSON values by name, and under `events` what was decided, if anything was.

        What is not finite is left out: it was not measured.

        If the disk is full, lines wait in memory, and are written with a later one.
        """
        kept = {name: value for name, value in metrics.items() if not isinstance(value, float) or math.isfinite(value)}
        told = {EVENTS: list(events)} if events else {}
        line = json.dumps({"iteration": iteration, **kept, **told}, allow_nan=False)
        self._unwritten.append(line.encode() + b"\n")
        self._write()

    def write(self, name: str, data: Mapping[str, Any]) -> None:
        """A small JSON file that always holds the last word, whole; a full disk keeps the one before."""
        beside = self.path / f".{name}.new"
        try:
            beside.write_text(json.dumps(data), encoding="utf-8")
            beside.replace(self.path / name)
        except OSError:
            beside.unlink(missing_ok=True)

    def rewind(self, iteration: int) -> None:
        """Drops the lines of metrics that are later than `iteration`."""
        self._unwritten = [line for line in self._unwritten if _is_until(line, iteration)]
        _drop_later(self._metrics, iteration)

    def _write(self) -> None:
        """Writes what waits, whole lines only."""
        end = self._metrics.seek(0, os.SEEK_END)
        lines = b"".join(self._unwritten)
        try:
            num_written = self._metrics.write(lines)
        except OSError as error:
            logger.warning("%s cannot be written: %s; its lines wait for room", self.path / METRICS, error.strerror)
            return
        if num_written == len(lines):
            self._unwritten.clear()
        else:
            self._metrics.truncate(end)

    def close(self) -> None:
        """Lets go of the folder."""
        self._metrics.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _open_locked(path: Path) -> FileIO:
    """The file for reading and appending, under a lock that ends with this process, however it ends."""
    file = path.open("a+b", buffering=0)  # a buffer would hold on to what the disk has no room for
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        what, remedy = "is being written by another trainer", "wait for it, end it, or choose another --out"
        raise CheckpointError(str(path.parent), what, remedy) from error
    return file


def _drop_later(metrics: FileIO, iteration: int) -> None:
    """Cuts the file after the last line of `iteration`; a torn line counts as later."""
    metrics.seek(0)
    end = 0
    while line := metrics.readline():
        if not _is_until(line, iteration):
            break
        end = metrics.tell()
    metrics.truncate(end)


def _is_until(line: bytes, iteration: int) -> bool:
    try:
        return line.endswith(b"\n") and int(json.loads(line)["iteration"]) <= iteration
    except (ValueError, KeyError, TypeError):
        return False
