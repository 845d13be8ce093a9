"""Files that are complete or absent: written beside their place, flushed to the disk, and renamed.

A crash or a full disk at any point leaves the earlier file. The next writer sweeps what a killed one has left.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rl_cluster.config.scratch import scratch_file, sweep

__all__ = ["whole_file", "write_whole"]


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary file beside the file. It gets the file's name at the end, unless an error leaves the block.

    Raises OSError if the folder cannot be written.
    """
    sweep(path.parent)
    with scratch_file(path.parent) as beside:
        yield beside
        beside.replace(path)


def write_whole(path: Path, content: bytes) -> None:
    """Writes or replaces the file. Raises OSError if it cannot; the earlier file is then untouched."""
    with whole_file(path) as beside, beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
