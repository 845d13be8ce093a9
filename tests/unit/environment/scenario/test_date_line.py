"""What crosses the date line is cut there into parts of one side each, and comes together again as it was."""

import math
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rl_cluster.environment.scenario.date_line import cut_line, cut_ring, join_rings

Ring = list[tuple[float, ...]]

SQUARE: Ring = [(179.9, 0.0), (-179.9, 0.0), (-179.9, 0.1), (179.9, 0.1)]
COMB: Ring = [
    (-179.9, 0.0), (-179.9, 0.5), (179.9, 0.5), (179.9, 0.4), (-179.95, 0.4), (-179.95, 0.3),
    (179.9, 0.3), (179.9, 0.2), (-179.95, 0.2), (-179.95, 0.1), (179.9, 0.1), (179.9, 0.0),
]  # fmt: skip
"""Its back lies east of the line, its three teeth reach across."""


def _area(ring: Sequence[tuple[float, ...]]) -> float:
    """Square degrees, counter-clockwise."""
    around = [(x % 360.0, y) for x, y in [*ring, ring[0]]]
    return 0.5 * sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in pairwise(around))


def _star(longitude: float, radii: list[float], turn: float) -> Ring:
    """A simple polygon about a point near the date line."""
    angles = [turn + math.tau * number / len(radii) for number in range(len(radii))]
    corners = [(longitude + r * math.cos(a), 10.0 + r * math.sin(a)) for r, a in zip(radii, angles, strict=True)]
    return [((x + 180.0) % 360.0 - 180.0, y) for x, y in corners]


stars = st.builds(
    _star,
    st.floats(179.5, 180.5),
    st.lists(st.floats(0.05, 0.6), min_size=3, max_size=40),
    st.floats(0.0, math.tau),
)


@given(stars)
def test_ring__comes_together_as_it_was_from_parts_of_one_side(ring: Ring) -> None:
    parts = cut_ring(ring)

    for part in parts:
        assert all(abs(a[0] - b[0]) <= 180.0 for a, b in pairwise([*part, part[0]]))
        assert all(-180.0 <= x <= 180.0 for x, _ in part)
    assert sum(map(_area, parts)) == pytest.approx(_area(ring), abs=1e-6)
    again = parts[0] if len(parts) == 1 else join_rings(parts)
    assert again is not None
    for (x, y), (longitude, latitude) in zip(again, ring, strict=True):
        assert math.remainder(x - longitude, 360.0) == pytest.approx(0.0, abs=2e-9)  # 180 and -180 are one meridian
        assert y == pytest.approx(latitude, abs=2e-9)


@pytest.mark.parametrize(("ring", "num_parts"), [(SQUARE, 2), (COMB, 4), (SQUARE[::-1], 2)])
def test_ring__may_be_cut_into_many_parts_and_turned_or_shuffled_before_it_returns(ring: Ring, num_parts: int) -> None:
    parts = cut_ring(ring)
    elsewhere = [[*part[1:], part[0]][::-1] for part in parts[::-1]]

    assert len(parts) == num_parts
    assert sum(map(_area, parts)) == pytest.approx(0.2 * 0.1 if num_parts == 2 else _area(COMB))
    again = join_rings(elsewhere)
    assert again is not None
    assert set(again) == set(ring)
    assert abs(_area(again)) == pytest.approx(abs(_area(ring)))


@pytest.mark.parametrize(
    "rings",
    [
        pytest.param([], id="nothing"),
        pytest.param([SQUARE], id="one"),
        pytest.param([SQUARE, SQUARE], id="the same twice"),
        pytest.param([[(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)], [(5.0, 0.0), (6.0, 0.0), (6.0, 1.0)]], id="apart"),
        pytest.param([[(180.0, 0.0), (180.0, 1.0), (180.0, 2.0)]] * 2, id="on the line"),
        pytest.param([cut_ring(SQUARE)[0], [(x, y + 5.0) for x, y in cut_ring(SQUARE)[1]]], id="shifted"),
    ],
)
def test_rings__that_are_no_parts_of_one_are_not_joined(rings: list[Ring]) -> None:
    assert join_rings(rings) is None


def test_ring__that_does_not_cross_stays_whole() -> None:
    for ring in ([(1.0, 0.0), (2.0, 0.0), (2.0, 1.0)], [(179.0, 0.0), (180.0, 0.0), (180.0, 1.0)]):
        assert cut_ring(ring) == [ring]
    touching = [(-180.0, 0.0), (179.9, 0.1), (179.9, 0.0)]
    assert cut_ring(touching) == [[pytest.approx((abs(x), y), abs=2e-9) for x, y in touching]]


def test_line__is_cut_wherever_it_crosses_and_nothing_is_lost() -> None:
    line = [(179.8, 0.0), (179.9, 0.1), (-179.9, 0.3), (-179.8, 0.1), (179.8, -0.3)]

    parts = cut_line(line)

    assert parts == [
        [(179.8, 0.0), (179.9, 0.1), (180.0, pytest.approx(0.2))],
        [(-180.0, pytest.approx(0.2)), (-179.9, 0.3), (-179.8, 0.1), (-180.0, pytest.approx(-0.1))],
        [(180.0, pytest.approx(-0.1)), (179.8, -0.3)],
    ]
    assert cut_line(line[:2]) == [line[:2]]
    assert cut_line([(-180.0, 0.0), (179.9, 0.1)]) == [[(pytest.approx(180.0), 0.0), (179.9, 0.1)]]
