"""Zones are made as the kernels read them: convex, counter-clockwise, on the circle drawn, in a bounding circle."""

import math

import numpy as np
import pytest

from rl_cluster.environment.allocate.state import AllocateState
from rl_cluster.environment.shared.interface import Sizes
from rl_cluster.environment.shared.keyed_random import TRAINING, key
from rl_cluster.environment.shared.obstacles import is_inside
from rl_cluster.environment.shared.zones import (
    MAX_DRAWN_CORNERS,
    NUM_ZONE_DRAWS,
    Circle,
    bounding_circle,
    counter_clockwise,
    draw_zone,
)

PLACE_M = np.array([5000.0, 1234.5])


def drawn(num_zones: int, polygon_share: float, num_vertices: int = MAX_DRAWN_CORNERS) -> AllocateState:
    state = AllocateState.empty(1, Sizes(1, 1, num_zones, 1, num_vertices))
    episode_key = np.uint64(key(0, TRAINING, 0, 0))
    for o in range(num_zones):
        draw_zone(state, 0, o, Circle(PLACE_M[0], PLACE_M[1], 200.0), polygon_share, episode_key, NUM_ZONE_DRAWS * o)
    return state


def test_draw_zone__a_share_of_zero_draws_circles_without_any_corner() -> None:
    state = drawn(20, 0.0, num_vertices=0)

    assert state.obstacle_exists.all()
    assert not state.obstacle_num_vertices.any()
    assert (state.obstacle_radius_m == 200.0).all()
    assert (state.obstacle_center_m[0] == PLACE_M.astype(np.float32)).all()


def test_draw_zone__draws_polygons_by_their_share_with_3_to_8_corners() -> None:
    num_vertices = drawn(2000, 0.4).obstacle_num_vertices[0]

    # the share of 2000 draws has a standard deviation of 0.011
    assert abs((num_vertices > 0).mean() - 0.4) < 0.04
    assert set(num_vertices[num_vertices > 0].tolist()) == set(range(3, MAX_DRAWN_CORNERS + 1))


def test_draw_zone__polygons_are_convex_on_the_circle_and_hold_its_center() -> None:
    state = drawn(500, 1.0)
    for o, num_vertices in enumerate(state.obstacle_num_vertices[0]):
        corners = state.obstacle_vertices_m[0, o, :num_vertices].astype(np.float64)
        ahead = np.roll(corners, -1, axis=0) - corners
        turns = np.cross(np.pad(ahead, ((0, 0), (0, 1))), np.pad(np.roll(ahead, -1, axis=0), ((0, 0), (0, 1))))[:, 2]
        np.testing.assert_allclose(np.hypot(*(corners - PLACE_M).T), 200.0, atol=0.01)
        assert (turns > 0.0).all()
        assert not state.obstacle_vertices_m[0, o, num_vertices:].any()
        state.obstacle_exists[:] = np.arange(500) == o
        assert is_inside(state, 0, *PLACE_M)


def test_draw_zone__writes_the_circle_that_holds_the_corners() -> None:
    state = drawn(200, 1.0)
    for o, num_vertices in enumerate(state.obstacle_num_vertices[0]):
        corners = state.obstacle_vertices_m[0, o, :num_vertices].astype(np.float64)
        center, radius = bounding_circle(corners)
        np.testing.assert_array_equal(state.obstacle_center_m[0, o], center.astype(np.float32))
        assert state.obstacle_radius_m[0, o] == np.float32(radius)
        stored_center = state.obstacle_center_m[0, o].astype(np.float64)
        assert np.hypot(*(corners - stored_center).T).max() < state.obstacle_radius_m[0, o]


def test_draw_zone__other_zones_and_padding_change_no_bit() -> None:
    few, many = drawn(3, 0.5), drawn(9, 0.5, num_vertices=20)

    np.testing.assert_array_equal(few.obstacle_num_vertices[0], many.obstacle_num_vertices[0, :3])
    np.testing.assert_array_equal(few.obstacle_vertices_m[0], many.obstacle_vertices_m[0, :3, :MAX_DRAWN_CORNERS])
    assert len(set(many.obstacle_vertices_m[0, :, 0, 0].tolist())) > 3


def test_bounding_circle__of_a_triangle() -> None:
    center, radius = bounding_circle([(0, 0), (6, 0), (0, 8)])

    np.testing.assert_array_equal(center, [3.0, 4.0])
    assert radius == pytest.approx(5.0, rel=1e-5)
    assert radius > 5.0


@pytest.mark.parametrize("shift", [0.0, 1e6])
def test_counter_clockwise__turns_a_clockwise_polygon_and_keeps_its_first_corner(shift: float) -> None:
    clockwise = np.array([(0.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, 0.0)]) + shift

    turned = counter_clockwise(clockwise)

    np.testing.assert_array_equal(turned, clockwise[[0, 3, 2, 1]])
    np.testing.assert_array_equal(counter_clockwise(turned), turned)


def test_counter_clockwise__turns_a_spiral_by_its_area() -> None:
    angles = np.arange(7) * math.pi / 8
    horns = np.concatenate([np.stack([np.cos(angles), np.sin(angles)], 1), [[-0.5, 0.0], [0.0, 0.5]]])

    np.testing.assert_array_equal(counter_clockwise(horns[::-1])[1:], horns[:-1])
