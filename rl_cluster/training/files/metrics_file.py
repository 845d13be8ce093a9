"""RUN/metrics.jsonl as its one trainer writes it: whole lines, under a lock that ends with the process.

`metrics_lines.py` decides which lines are sound.
"""

import fcntl
import logging
import os
import stat
from collections.abc import Sequence
from io import FileIO
from pathlib import Path
from typing import Self

from rl_cluster.config.scratch import make_scratch_file
from rl_cluster.errors import CheckpointError
from rl_cluster.training.files.metrics_lines import Sorted, sort_lines

__all__ = ["MetricsFile"]

DAMAGED = "metrics.damaged"
"""The file beside it that holds the bytes of damaged lines."""
MAX_TOLD = 10
CHUNK_BYTES = 1 << 20

logger = logging.getLogger(__name__)


class MetricsFile:
    """The file, open and locked. Make one by `create` or `open`, and `close` it."""

    def __init__(self, path: Path, file: FileIO) -> None:
        self.path = path
        """The path where it was opened."""
        self._file = file

    @classmethod
    def create(cls, path: Path) -> Self:
        """A new file. Raises OSError."""
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        file = FileIO(os.open(path, flags, 0o666), "a+")  # no buffer: it would keep what the disk has no room for
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return cls(path, file)

    @classmethod
    def open(cls, path: Path) -> Self:
        """An existing file.

        Raises:
            CheckpointError: It is not a regular file, or another trainer holds it.
            OSError: It cannot be opened.
        """
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK)
        file = FileIO(descriptor, "a+")
        metrics = cls(path, file)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise CheckpointError(str(path), "is no regular file", "put the run's own file there")
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not metrics.is_in_place():
                raise BlockingIOError
        except BlockingIOError as error:
            file.close()
            what, remedy = "is being written by another trainer", "wait for it, end it, or choose another --out"
            raise CheckpointError(str(path.parent), what, remedy) from error
        except BaseException:
            file.close()
            raise
        return metrics

    def is_in_place(self) -> bool:
        """False = the file has been deleted, moved or replaced."""
        try:
            return os.path.samestat(os.fstat(self._file.fileno()), self.path.lstat())
        except (FileNotFoundError, NotADirectoryError):
            return False

    def current_path(self) -> Path | None:
        """Where the file is now, if it has been moved; None = deleted, or unknown."""
        try:
            path = Path(f"/proc/self/fd/{self._file.fileno()}").readlink()
            return path if os.path.samestat(os.fstat(self._file.fileno()), path.lstat()) else None
        except OSError:
            return None

    def write(self, lines: bytes) -> bool:
        """Adds all of the lines or none; returns False if the disk has no room for them. Raises OSError."""
        end = self._file.seek(0, os.SEEK_END)
        if self._file.write(lines) == len(lines):
            return True
        self._file.truncate(end)
        return False

    def cut(self, iteration: int) -> None:
        """Drops lines later than `iteration`. Moves damaged lines to a file beside this one, and reports them.

        Raises OSError; nothing is lost then.
        """
        lines = sort_lines(self._file, iteration)
        if not lines.damaged:
            self._file.truncate(sum(lines.kept[-1]) if lines.kept else 0)
            return
        self._set_aside(lines.damaged)
        self._replace(lines.kept)
        self._tell(lines)

    def _set_aside(self, spans: Sequence[tuple[int, int]]) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
        with os.fdopen(os.open(self.path.with_name(DAMAGED), flags, 0o666), "wb") as file:
            for span in spans:
                file.write(os.pread(self._file.fileno(), span[1], span[0]).removesuffix(b"\n") + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def _replace(self, spans: Sequence[tuple[int, int]]) -> None:
        """Replaces this file by a new one with these lines, which is locked before it gets the name."""
        beside, descriptor = make_scratch_file(self.path.parent)
        try:
            with os.fdopen(os.dup(descriptor), "wb", CHUNK_BYTES) as file:
                for begin, length in spans:
                    file.write(os.pread(self._file.fileno(), length, begin))
            os.fsync(descriptor)
            beside.replace(self.path)
        except BaseException:
            os.close(descriptor)
            beside.unlink(missing_ok=True)
            raise
        self._file.close()
        self._file = FileIO(descriptor, "a+")

    def _tell(self, lines: Sorted) -> None:
        numbers = lines.damaged_numbers
        words = ", ".join(map(str, numbers[:MAX_TOLD]))
        words += f" and {len(numbers) - MAX_TOLD} more" if len(numbers) > MAX_TOLD else ""
        logger.warning(
            "%s: line %s damaged: set aside in %s; the %d sound lines are kept",
            self.path, f"{words} is" if len(numbers) == 1 else f"{words} are", DAMAGED, len(lines.kept),
        )  # fmt: skip

    def close(self) -> None:
        """Closes the file, which also releases its lock."""
        self._file.close()
