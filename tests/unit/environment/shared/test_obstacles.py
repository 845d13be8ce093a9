"""Geometry of zones: the kernels are the looped zones, and hand-computed gaps; polygons far and near."""

from typing import Any

import numpy as np
import pytest

from rl_cluster.environment.allocate.state import AllocateState
from rl_cluster.environment.shared.interface import Sizes
from rl_cluster.environment.shared.obstacles import gap_m, is_inside, is_zone_near
from rl_cluster.environment.shared.zones import bounding_circle, counter_clockwise
from tests.reference.zones import zones_of

SQUARE = [(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0)]
NOTCHED = [(0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (5.0, 3.0), (0.0, 10.0)]
"""With a valley from above, down to (5, 3)."""


def polygons(*shapes: Any) -> AllocateState:
    state = AllocateState.empty(1, Sizes(1, 1, len(shapes), 1, max(map(len, shapes))))
    for o, shape in enumerate(shapes):
        corners = counter_clockwise(shape)
        state.obstacle_exists[0, o] = True
        state.obstacle_center_m[0, o], state.obstacle_radius_m[0, o] = bounding_circle(corners)
        state.obstacle_num_vertices[0, o] = len(corners)
        state.obstacle_vertices_m[0, o, : len(corners)] = corners
    return state


def circle(x: float, y: float, radius: float) -> AllocateState:
    state = AllocateState.empty(1, Sizes(1, 1, 1, 1))
    state.obstacle_exists[0, 0] = True
    state.obstacle_center_m[0, 0], state.obstacle_radius_m[0, 0] = (x, y), radius
    return state


def random_zones(rng: np.random.Generator) -> AllocateState:
    """A circle and two star-shaped polygons, most of them not convex."""
    stars = []
    for center in ((0.0, 0.0), (150.0, 60.0)):
        angles = np.sort(rng.uniform(0.0, 2.0 * np.pi, rng.integers(4, 10)))
        around = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        stars.append(np.add(center, rng.uniform(20.0, 100.0, len(angles))[:, None] * around))
    state = polygons(*stars, stars[0])
    state.obstacle_num_vertices[0, 2] = 0
    state.obstacle_center_m[0, 2], state.obstacle_radius_m[0, 2] = (80.0, -150.0), 60.0
    return state


def test_zones__are_the_looped_zones() -> None:
    rng = np.random.default_rng(3)
    num_inside = num_blocked = num_near = 0
    for _ in range(40):
        state = random_zones(rng)
        zones = zones_of(state, 0)
        for start, end in rng.uniform((-150, -250), (280, 200), (60, 2, 2)):
            gaps = [zone.gap(tuple(start)) for zone in zones]
            np.testing.assert_allclose([gap_m(state, 0, o, *start) for o in range(3)], gaps, rtol=1e-9, atol=1e-6)
            assert is_inside(state, 0, *start) == (min(gaps) < 0.0)
            distances = [zone.distance(tuple(start), tuple(end)) for zone in zones]
            for margin in (0.0, 25.0):
                near = [is_zone_near(state, 0, o, *start, *end, margin) for o in range(3)]
                assert near == [distance < margin for distance in distances]
            num_inside += min(gaps) < 0.0
            num_blocked += min(distances) < 0.0
            num_near += 0.0 < min(distances) < 25.0

    assert min(num_inside, num_blocked, num_near) > 100


@pytest.mark.parametrize(
    ("point", "gap"),
    [((2, 2), -2.0), ((1, 2), -1.0), ((6, 2), 2.0), ((7, 8), 5.0), ((-3, -4), 5.0), ((4, 2), 0.0)],
)
def test_gap__of_a_square(point: tuple[float, float], gap: float) -> None:
    state = polygons(SQUARE)

    assert gap_m(state, 0, 0, *point) == pytest.approx(gap, abs=1e-9)


def test_gap__of_a_circle() -> None:
    state = circle(1.0, 2.0, 5.0)

    assert gap_m(state, 0, 0, 4.0, 6.0) == 0.0
    assert gap_m(state, 0, 0, 1.0, 2.0) == -5.0
    assert gap_m(state, 0, 0, 7.0, 10.0) == 5.0


def test_is_inside__a_valley_of_a_polygon_is_outside() -> None:
    state = polygons(NOTCHED)

    assert is_inside(state, 0, 5.0, 2.9)
    assert not is_inside(state, 0, 5.0, 3.1)
    assert not is_inside(state, 0, 5.0, 9.0)
    assert is_inside(state, 0, 1.0, 7.0)


@pytest.mark.parametrize(
    ("start", "end", "margin", "blocked"),
    [
        ((-1, 5), (5, -1), 0.0, True),
        ((-1, -1), (5, 5), 0.0, True),
        ((-3, 1), (1, -3), 0.0, False),
        ((-3, 1), (1, -3), 1.5, True),
        ((5, -2), (5, 6), 0.9, False),
        ((5, -2), (5, 6), 1.1, True),
        ((1, 1), (2, 2), 0.0, True),
        ((6, 2), (6, 2), 1.9, False),
        ((6, 2), (6, 2), 2.1, True),
    ],
    ids=[
        "across",
        "through two corners",
        "past a corner",
        "near a corner",
        "beside",
        "near",
        "within",
        "point",
        "near point",
    ],
)
def test_is_zone_near__to_a_square(
    start: tuple[float, float], end: tuple[float, float], margin: float, blocked: bool
) -> None:
    state = polygons(SQUARE)

    assert is_zone_near(state, 0, 0, *start, *end, margin) == blocked
    assert is_zone_near(state, 0, 0, *end, *start, margin) == blocked


def test_is_inside__no_zone_that_does_not_exist() -> None:
    state = polygons(SQUARE)
    state.obstacle_exists[:] = False

    assert not is_inside(state, 0, 2.0, 2.0)
