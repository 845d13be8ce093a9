"""The form of an array of saved worlds: dtype, shape, and the values that it can hold.

Kernels use these arrays as indices without bounds checks, so every array is checked before a kernel gets it.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["FAR", "ArrayForm", "Bounds", "forms_of"]

FAR = 1e15
"""Metres, seconds or amounts that no world reaches; its square is finite in float32."""


class Bounds(NamedTuple):
    """The range of a field's values."""

    low: float = 0.0
    high: float = FAR
    can_be_infinite: bool = False
    """True = +inf is allowed, and means never, or no way"""
    needs_one: bool = False
    """True = at least one entry of each world is not 0"""


class ArrayForm(NamedTuple):
    """One array."""

    dtype: np.dtype[np.generic]
    shape: tuple[int, ...]
    bounds: Bounds

    @property
    def words(self) -> str:
        """`float32 [2, 3]`"""
        return f"{self.dtype} {list(self.shape)}"

    def fault(self, array: NDArray[np.generic]) -> str | None:
        """A description of what is wrong with an array; None = nothing is."""
        if (array.dtype, array.shape) != (self.dtype, self.shape):
            return f"is {array.dtype} {list(array.shape)}, not {self.words}"
        if self.dtype == np.bool_:
            if array.view(np.uint8).max(initial=0) > 1:
                return "holds bytes that are neither true nor false"
        elif what := self._range_fault(array):
            return what
        if self.bounds.needs_one and not array.any(axis=tuple(range(1, array.ndim))).all():
            return "is empty in one of the worlds"
        return None

    def _range_fault(self, array: NDArray[np.generic]) -> str | None:
        low, high, can_be_infinite, _ = self.bounds
        numbers: NDArray[np.float64] = array.astype(np.float64)
        values = numbers[np.isfinite(numbers)]
        num_infinite = int(np.isposinf(numbers).sum()) if can_be_infinite else 0
        if values.size + num_infinite < numbers.size:
            return "holds numbers that are not finite"
        if values.size and (values.min() < low or values.max() > high):
            worst = values.min() if values.min() < low else values.max()
            return f"holds {worst:g}, which is not within {low:g} to {high:g}"
        return None


def forms_of(arrays: Mapping[str, NDArray[np.generic]], bounds: Mapping[str, Bounds]) -> dict[str, ArrayForm]:
    """Name -> form of arrays like these; `bounds` overrides the default range of 0 to `FAR`."""
    return {name: ArrayForm(array.dtype, array.shape, bounds.get(name, Bounds())) for name, array in arrays.items()}
