"""RUN/metrics.jsonl as its one trainer writes it: whole lines, under a lock that ends with the process.

Which lines are sound is decided in `metrics_lines.py`.
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
"""Beside the file: the bytes of lines that were not sound."""
MAX_TOLD = 10
CHUNK_BYTES = 1 << 20

logger = logging.getLogger(__name__)


class MetricsFile:
    """The file, open and locked. Make one by `create` or `open`, and `close` it."""

    def __init__(self, path: Path, file: FileIO) -> None:
        self.path = path
        """Where it was opened."""
        self._file = file

    @classmethod
    def create(cls, path: Path) -> Self:
        """A new file. Raises OSError."""
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        file = FileIO(os.open(path, flags, 0o666), "a+")  # no buffer: it would hold on to what the disk has no room for
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return cls(path, file)

    @classmethod
    def open(cls, path: Path) -> Self:
        """A file that is there.

        Raises:
            CheckpointError: It is no regular file, or another trainer holds it.
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
        """False = somebody has deleted or moved it, or put another one there."""
        try:
            return os.path.samestat(os.fstat(self._file.fileno()), self.path.lstat())
        except (FileNotFoundError, NotADirectoryError):
            return False

    def current_path(self) -> Path | None:
        """Where it is now, if it has been moved; None = it has been deleted, or nobody knows."""
        try:
            path = Path(f"/proc/self/fd/{self._file.fileno()}").readlink()
            return path if os.path.samestat(os.fstat(self._file.fileno()), path.lstat()) else None
        except OSError:
            return None

    def write(self, lines: bytes) -> bool:
        """Adds all of the lines, or none: False = there is no room for them. Raises OSError."""
        end = self._file.seek(0, os.SEEK_END)
        if self._file.write(lines) == len(lines):
            return True
        self._file.truncate(end)
        return False

    def cut(self, iteration: int) -> None:
        """Drops what is later than `iteration`. Damaged lines are set aside in a file beside this one, and told of.

        Raises OSError: nothing is lost then.
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
        """A new file with these lines takes this one's name; it is locked before it has it."""
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
        """Lets go of it."""
        self._file.close()
