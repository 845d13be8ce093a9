"""The one way in which this package reads a file that somebody else may have made: plain, and not too large.

A pipe that nobody writes to is never waited for, a device never read without end, and no file fills the memory.
"""

import os
import stat
from pathlib import Path
from typing import Literal

__all__ = ["FileFault", "read_bounded"]

Kind = Literal["folder", "special", "large", "unreadable"]


class FileFault(Exception):  # noqa: N818  a finding, which whoever reads turns into the user's error
    """The file is not read: `what` says why, `kind` tells apart what to do about it."""

    def __init__(self, kind: Kind, what: str) -> None:
        super().__init__(what)
        self.kind, self.what = kind, what


def read_bounded(path: Path, max_bytes: int, *, follow_links: bool = True) -> bytes:
    """The content of a regular file.

    Args:
        path: Of the file.
        max_bytes: A larger file is refused before it is read.
        follow_links: False = a symbolic link is refused, too.

    Raises:
        FileFault: There is no such file, it is a folder, a pipe, a device or a link, is too large, or cannot be read.
        FileNotFoundError: There is no such file.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY | (0 if follow_links else os.O_NOFOLLOW)
    try:
        if not stat.S_ISREG(_mode(path, follow_links)):  # some devices act when they are opened
            raise _not_regular(_mode(path, follow_links))
        with os.fdopen(os.open(path, flags), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise _not_regular(status.st_mode)
            if status.st_size > max_bytes:
                raise _too_large(status.st_size, max_bytes)
            content = file.read(max_bytes + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise FileFault("unreadable", f"cannot be read ({error.strerror})") from None
    except ValueError:  # a name with a zero byte
        raise FileFault("unreadable", "cannot be read (its name is none)") from None
    if len(content) > max_bytes:
        raise _too_large(len(content), max_bytes)
    return content


def _mode(path: Path, follow_links: bool) -> int:
    return (path.stat() if follow_links else path.lstat()).st_mode


def _not_regular(mode: int) -> FileFault:
    return FileFault("folder", "is a folder") if stat.S_ISDIR(mode) else FileFault("special", "is not a regular file")


def _too_large(num_bytes: int, max_bytes: int) -> FileFault:
    unit, name = (2**20, "MiB") if max_bytes >= 2**20 else (1, "bytes")
    return FileFault(
        "large", f"has {num_bytes / unit:.{1 if unit > 1 else 0}f} {name}, more than {max_bytes // unit} {name}"
    )
