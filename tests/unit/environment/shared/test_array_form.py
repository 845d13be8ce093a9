"""Arrays of saved worlds: each fault is told in words, and the edges of bounds are within them."""

from typing import Any

import numpy as np
import pytest

from rl_cluster.environment.shared.array_form import FAR, ArrayForm, Bounds, forms_of

FLOATS = ArrayForm(np.dtype(np.float32), (2, 3), Bounds(low=-1.0, high=4.0))


def filled(value: float) -> np.ndarray[Any, Any]:
    array = np.ones((2, 3), dtype=np.float32)
    array[1, 2] = value
    return array


@pytest.mark.parametrize("value", [-1.0, 0.0, 4.0])
def test_value__within_its_bounds_is_no_fault(value: float) -> None:
    assert FLOATS.fault(filled(value)) is None


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (-1.5, "holds -1.5, which is not within -1 to 4"),
        (4.5, "holds 4.5, which is not within -1 to 4"),
        (np.inf, "holds numbers that are not finite"),
        (-np.inf, "holds numbers that are not finite"),
        (np.nan, "holds numbers that are not finite"),
    ],
)
def test_value__beyond_its_bounds_is_told(value: float, what: str) -> None:
    assert FLOATS.fault(filled(value)) == what


@pytest.mark.parametrize(("value", "is_sound"), [(np.inf, True), (-np.inf, False), (np.nan, False), (5.0, False)])
def test_infinity__stands_for_never_where_it_may(value: float, is_sound: bool) -> None:
    form = FLOATS._replace(bounds=Bounds(high=4.0, can_be_infinite=True))

    assert (form.fault(filled(value)) is None) == is_sound


@pytest.mark.parametrize(
    "array", [np.ones((2, 3)), np.ones((3, 2), dtype=np.float32), np.ones((2, 3, 1), dtype=np.float32)]
)
def test_dtype_and_shape__must_be_the_same(array: np.ndarray[Any, Any]) -> None:
    assert FLOATS.fault(array) == f"is {array.dtype} {list(array.shape)}, not float32 [2, 3]"


def test_booleans__are_bytes_of_0_or_1() -> None:
    form, array = ArrayForm(np.dtype(np.bool_), (3,), Bounds()), np.array([0, 1, 2], dtype=np.uint8)

    assert form.fault(array.view(np.bool_)) == "holds bytes that are neither true nor false"
    assert form.fault((array % 2).view(np.bool_)) is None


def test_each_world__has_one_where_one_is_needed() -> None:
    form = ArrayForm(np.dtype(np.bool_), (2, 3), Bounds(needs_one=True))
    exists = np.array([[True, False, False], [False, False, True]])

    assert form.fault(exists) is None
    exists[1] = False
    assert form.fault(exists) == "is empty in one of the worlds"


def test_array_without_entries__is_no_fault() -> None:
    assert ArrayForm(np.dtype(np.int64), (4, 0), Bounds()).fault(np.empty((4, 0), dtype=np.int64)) is None


def test_forms__have_the_given_bounds_or_the_usual_ones() -> None:
    arrays: dict[str, np.ndarray[Any, Any]] = {
        "a": np.zeros(2, dtype=np.float32),
        "b": np.zeros((1, 2), dtype=np.int16),
    }

    forms = forms_of(arrays, {"b": Bounds(low=-1, high=9)})

    assert forms["a"] == (np.dtype(np.float32), (2,), Bounds(0.0, FAR))
    assert forms["b"] == (np.dtype(np.int16), (1, 2), Bounds(-1, 9))
    assert np.isfinite(np.float32(FAR) ** 2)
