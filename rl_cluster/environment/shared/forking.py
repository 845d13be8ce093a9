"""Copies rows of one struct of arrays into another: what `Worlds.fork` is made of."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

__all__ = ["copy_rows"]


def copy_rows(
    source: Iterable[NDArray[np.generic]], rows: NDArray[np.int64], target: Iterable[NDArray[np.generic]]
) -> None:
    """Writes the rows (B',) of each of the source's arrays (B, ..) into the target's arrays (B', ..)."""
    for array, copy in zip(source, target, strict=True):
        np.take(array, rows, axis=0, out=copy)
