"""Standard streams that never fail: closed ones, a reader that is gone, characters that they cannot encode."""

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

__all__ = ["forgive_full_disk", "prepare_streams", "replace_what_cannot_be_encoded", "without_stdin"]

GONE = {errno.EPIPE, errno.EIO, errno.ENXIO}
"""The errors when the reader has ended or the terminal is closed."""

FULL = {errno.ENOSPC, errno.EDQUOT}
STDERR = 2


class _LastingStream(io.RawIOBase):
    """Writes to a descriptor; drops text that can no longer be read."""

    dropped: set[int] = set(GONE)  # noqa: RUF012 - of all streams, and of one that says otherwise

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        if descriptor == STDERR:  # not data: warnings on a full disk must not end a command
            self.dropped = GONE | FULL

    def write(self, data: Any, /) -> int:
        try:
            return os.write(self._descriptor, data)
        except OSError as error:
            if error.errno not in self.dropped:
                raise
            return memoryview(data).nbytes

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def writable(self) -> bool:
        return True


def prepare_streams() -> None:
    """Makes this process's standard streams last as long as it does."""
    _open_closed_descriptors()
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - it is a descriptor, for good
    sys.stdout, sys.stderr = _lasting(1, sys.stdout), _lasting(2, sys.stderr)


def replace_what_cannot_be_encoded() -> None:
    """Makes streams that belong to other code, such as a test, escape characters that they cannot encode."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def forgive_full_disk() -> None:
    """Drops lines that a full disk has no room for from here on: a run continues without its log."""
    _LastingStream.dropped.update(FULL)


@contextmanager
def without_stdin() -> Iterator[None]:
    """Replaces standard input by an empty file, so that code that asks the user does not wait for an answer."""
    former = os.dup(0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    try:
        yield
    finally:
        os.dup2(former, 0)
        os.close(former)


def _open_closed_descriptors() -> None:
    """Opens closed descriptors; otherwise the next opened file would become the standard output."""
    descriptor = os.open(os.devnull, os.O_RDWR)
    while descriptor <= 2:  # the lowest free one
        os.set_inheritable(descriptor, True)
        descriptor = os.open(os.devnull, os.O_RDWR)
    os.close(descriptor)


def _lasting(descriptor: int, former: TextIO | None) -> TextIO:
    encoding = former.encoding if former else "utf-8"
    stream = io.BufferedWriter(_LastingStream(descriptor))
    return io.TextIOWrapper(stream, encoding, "backslashreplace", line_buffering=True)  # a log is read while it grows
