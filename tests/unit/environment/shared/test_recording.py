"""Numbers of traces: float32 values come back exactly, and changes add up to the last value."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rl_cluster.environment.shared.recording import Step, change, to_plain

SINGLES = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(SINGLES)
def test_plain_number__comes_back_in_single_precision(value: float) -> None:
    assert np.float32(to_plain(np.float32(value))) == np.float32(value)


@pytest.mark.parametrize(
    ("values", "plain"),
    [
        (np.float64(1 / 3), 0.333333333),
        (np.array([1, 2], dtype=np.int16), [1.0, 2.0]),
        (np.array([[0.1], [1e9 + 0.4]]), [[0.1], [1e9]]),
        (np.empty((2, 0)), [[], []]),
    ],
)
def test_plain__has_nine_digits_and_the_same_shape(values: Any, plain: Any) -> None:
    assert to_plain(values) == plain


@given(st.lists(SINGLES.filter(lambda value: abs(value) < 1e6), min_size=2, max_size=20))
def test_changes__add_up_to_the_last_value(values: list[float]) -> None:
    total = 0.0
    for before, after in itertools.pairwise(values):
        state = type("State", (), {"flown": np.array([[before], [after]], dtype=np.float32)})
        earlier = {"flown": np.array([[0.0], [before]], dtype=np.float32)}
        total += change(Step(state, earlier, None, None, None), "flown", 1).item()  # type: ignore[arg-type]  # needs none

    assert total == pytest.approx(values[-1] - values[0], abs=1e-6)
