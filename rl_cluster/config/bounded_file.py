"""The only way in which this package reads a file that somebody else may have made: plain, and not too large.

It never waits for a pipe without a writer, never reads a device without end, and no file fills the memory.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Literal

__all__ = ["FileFault", "read_bounded", "read_first_line"]

Kind = Literal["folder", "special", "large", "unreadable"]


class FileFault(Exception):  # noqa: N818  a finding, which the reader turns into the user's error
    """The file is not read: `what` says why, `kind` distinguishes what to do about it."""

    def __init__(self, kind: Kind, what: str) -> None:
        super().__init__(what)
        self.kind, self.what = kind, what


def read_bounded(path: Path, max_bytes: int, *, follow_links: bool = True) -> bytes:
    """The content of a regular file.

    Args:
        path: The file's path.
        max_bytes: A larger file is refused before it is read.
        follow_links: False = a symbolic link is refused, too.

    Raises:
        FileFault: The file is a folder, a pipe, a device or a link, is too large, or cannot be read.
        FileNotFoundError: There is no such file.
    """
    with _opened(path, follow_links) as file:
        num_bytes = os.fstat(file.fileno()).st_size
        if num_bytes > max_bytes:
            raise _too_large(num_bytes, max_bytes)
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:  # it grows while it is read
        raise _too_large(len(content), max_bytes)
    return content


def read_first_line(path: Path, max_bytes: int) -> bytes:
    """The first line of a regular file, which may be larger. Raises like `read_bounded`."""
    with _opened(path, follow_links=True) as file:
        line = file.readline(max_bytes + 1)
    if len(line) > max_bytes:
        raise FileFault("large", f"has a first line of more than {max_bytes // 2**20} MiB")
    return line


@contextmanager
def _opened(path: Path, follow_links: bool) -> Iterator[BinaryIO]:
    """The file, open for reading. Errors while it is read become FileFault, too."""
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY | (0 if follow_links else os.O_NOFOLLOW)
    try:
        _check_mode(path.stat() if follow_links else path.lstat())  # some devices act when they are opened
        with os.fdopen(os.open(path, flags), "rb") as file:
            _check_mode(os.fstat(file.fileno()))
            yield file
    except FileNotFoundError:
        raise
    except OSError as error:
        raise FileFault("unreadable", f"cannot be read ({error.strerror})") from None
    except ValueError:
        raise FileFault("unreadable", "cannot be read (its name holds a zero byte)") from None


def _check_mode(status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise FileFault("folder", "is a folder")
    if not stat.S_ISREG(status.st_mode):
        raise FileFault("special", "is not a regular file")


def _too_large(num_bytes: int, max_bytes: int) -> FileFault:
    if max_bytes < 2**20:
        return FileFault("large", f"has {num_bytes} bytes, more than {max_bytes} bytes")
    return FileFault("large", f"has {num_bytes / 2**20:.1f} MiB, more than {max_bytes / 2**20:.4g} MiB")
