"""Files that commands write for the user: whole or not at all, and refused before the work begins if they cannot be."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from rl_cluster.errors import ConfigError

__all__ = ["check_output", "output_file"]


def check_output(path: Path) -> None:
    """Raises ConfigError if no file can be written there. A file that exists will be replaced."""
    if path.is_dir():
        raise ConfigError(str(path), "is a folder", "name a file")
    if not path.absolute().parent.is_dir():
        raise ConfigError(str(path), "lies in a folder that does not exist", "make the folder first")
    if not os.access(path.absolute().parent, os.W_OK):
        raise ConfigError(str(path), "lies in a folder that cannot be written", "choose another folder")


@contextmanager
def output_file(path: Path) -> Iterator[TextIO]:
    """A text file that takes its name only when it is complete; an error on the way leaves nothing behind."""
    check_output(path)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("w", encoding="utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
