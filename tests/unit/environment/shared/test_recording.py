"""Numbers of traces: float32 values come back exactly, and changes add up to the last value."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rl_cluster.environment.shared.recording import Flight, Step, change, to_plain

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


def test_turns__are_where_course_or_speed_changed_and_nowhere_else() -> None:
    """UAV 0 flies 10 m/s east, then north; UAV 1 stops after 1.5 s; the world ends after 4 s, and another goes on."""
    time_s = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0], [3.0, 3.0], [4.0, 4.0], [4.0, 5.0]])
    east = [[0, 0], [10, 0], [20, 0], [20, 10], [20, 20], [20, 20]]
    stops = [[0, 5], [10, 5], [15, 5], [15, 5], [15, 5], [15, 5]]
    position_m = np.array([east, stops], dtype=np.float32).swapaxes(0, 1)
    flight = Flight(time_s, np.stack([position_m, np.zeros_like(position_m)], axis=1))

    assert flight.turns(0, num_uavs=2) == [[[2.0, 20.0, 0.0]], [[1.0, 10.0, 5.0], [2.0, 15.0, 5.0]]]
    assert flight.turns(0, num_uavs=1) == [[[2.0, 20.0, 0.0]]]
    assert flight.turns(1, num_uavs=2) == [[], []]


@given(st.lists(st.tuples(st.floats(-0.5, 0.5), st.floats(0.0, 30.0)), min_size=1, max_size=20))
def test_turns__leave_out_nothing_that_was_flown(flown: list[tuple[float, float]]) -> None:
    """A line through the start, the turns and the end passes every position at its time, within centimetres."""
    turned, speeds = np.array(flown).T
    heading = np.cumsum(np.where(np.abs(turned) < 0.1, 0.0, turned))
    moves = speeds.round(0)[:, None] * np.stack([np.cos(heading), np.sin(heading)], axis=1)
    way_m = np.concatenate([np.full((1, 2), 4000.0), 4000.0 + np.cumsum(moves, axis=0)]).astype(np.float32)
    time_s = np.arange(len(way_m), dtype=np.float32)

    (turns,) = Flight(time_s[:, None], way_m[:, None, None]).turns(0, num_uavs=1)

    shown = np.array([[0.0, *way_m[0].tolist()], *turns, [time_s[-1], *way_m[-1].tolist()]])
    for axis in (0, 1):
        drawn_m = np.interp(time_s, shown[:, 0], shown[:, 1 + axis])
        assert np.abs(drawn_m - way_m[:, axis]).max() < 0.1


def test_turns__of_a_step_without_substeps_are_none() -> None:
    flight = Flight(np.array([[0.0], [20.0]]), np.zeros((2, 1, 3, 2), dtype=np.float32))

    assert flight.turns(0, num_uavs=3) == [[], [], []]
