"""Files that commands write for the user: whole or not at all, and refused before the work begins if they cannot be."""

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from rl_cluster.errors import ConfigError

__all__ = ["check_output", "output_file", "write_output"]


def check_output(path: Path, others: Sequence[Path] = ()) -> None:
    """Raises ConfigError if no file can be written there. A file that exists will be replaced, but none of the others.

    Args:
        path: The file to be written.
        others: What the same command reads, or writes beside it.
    """
    folder = path.absolute().parent
    try:
        if path.is_dir():
            raise ConfigError(str(path), "is a folder", "name a file")
        if not folder.is_dir():
            raise ConfigError(str(path), "lies in a folder that does not exist", "make the folder first")
    except OSError as fault:
        raise _refusal(path, fault) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(str(path), "lies in a folder that cannot be written", "choose another folder")
    for other in others:
        if _is_same(path, other):
            what = "is also read, or written by another option"
            raise ConfigError(str(path), what, "name a file of its own, so that nothing is lost")


@contextmanager
def output_file(path: Path) -> Iterator[TextIO]:
    """A text file that takes its name only when it is complete; an error on the way leaves nothing behind.

    Raises ConfigError if it cannot be written, also at the end: the disk may be full.
    """
    with _whole(path) as beside, beside.open("w", encoding="utf-8") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def write_output(path: Path, content: bytes) -> None:
    """The same of bytes. Raises ConfigError if the file cannot be written."""
    with _whole(path) as beside:
        beside.write_bytes(content)


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """A place beside the file, which takes its name at the end."""
    check_output(path)
    beside = path.with_name(f".rl-cluster-{secrets.token_hex(8)}")  # as long as any name may be
    try:
        yield beside
        beside.replace(path)
    except OSError as fault:
        if fault.filename is not None and Path(fault.filename) != beside:
            raise
        raise _refusal(path, fault) from None
    finally:
        beside.unlink(missing_ok=True)


def _refusal(path: Path, fault: OSError) -> ConfigError:
    return ConfigError(str(path)[:200], f"cannot be written ({fault.strerror})", "choose another place")


def _is_same(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except OSError:  # one of them does not exist
        return path.absolute() == other.absolute()
