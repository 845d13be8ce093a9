"""Ways round zones: hand-computed corners and lengths, the looped planner's lengths, and nothing without zones."""

import math
from typing import Any

import numpy as np
import pytest

from rl_cluster.config.schema import Config
from rl_cluster.environment.allocate.generator import AllocateGenerator
from rl_cluster.environment.allocate.route import can_see, plan_routes
from rl_cluster.environment.allocate.state import AllocateState
from rl_cluster.environment.allocate.worlds import AllocateWorlds
from rl_cluster.environment.shared.interface import Sizes
from rl_cluster.environment.shared.zones import bounding_circle, counter_clockwise
from tests.reference.autopilot import LoopedAutopilot
from tests.reference.zones import zones_of

Shape = list[tuple[float, float]]
SQUARE: Shape = [(400.0, -100.0), (600.0, -100.0), (600.0, 100.0), (400.0, 100.0)]


def world(*shapes: Shape, target: tuple[float, float] = (1000.0, 0.0)) -> AllocateState:
    """One UAV at (0, 0), one target, and polygons."""
    state = AllocateState.empty(1, Sizes(1, 1, len(shapes), 1, max(map(len, shapes), default=0)))
    state.uav_exists[:] = state.target_exists[:] = True
    state.target_position_m[0, 0] = target
    for o, shape in enumerate(shapes):
        corners = counter_clockwise(shape)
        state.obstacle_exists[0, o] = True
        state.obstacle_num_vertices[0, o] = len(corners)
        state.obstacle_vertices_m[0, o, : len(corners)] = corners
        state.obstacle_center_m[0, o], state.obstacle_radius_m[0, o] = bounding_circle(corners)
    return state


def planned(state: AllocateState, clearance_m: float = 50.0) -> AllocateState:
    state.clearance_m[:] = clearance_m
    plan_routes(state, np.array([0]))
    return state


def waypoints(state: AllocateState) -> np.ndarray[Any, Any]:
    return state.waypoint_m[0, state.waypoint_exists[0]]


def test_plan_routes__pushes_the_corners_of_a_square_along_their_diagonals() -> None:
    state = planned(world(SQUARE))

    corners = sorted(map(tuple, waypoints(state).tolist()))
    assert corners == [(350.0, -150.0), (350.0, 150.0), (650.0, -150.0), (650.0, 150.0)]


def test_plan_routes__gives_the_length_of_the_shortest_way() -> None:
    state = planned(world(SQUARE))

    lengths = {tuple(p): d for p, d in zip(waypoints(state).tolist(), state.waypoint_to_goal_m[0, 0], strict=False)}
    behind = math.hypot(350.0, 150.0)
    assert lengths[650.0, 150.0] == pytest.approx(behind)
    assert lengths[350.0, -150.0] == pytest.approx(300.0 + behind)


def test_plan_routes__the_corners_round_a_circle_are_an_octagon_about_it() -> None:
    state = world([(0.0, 0.0)] * 3)
    state.obstacle_num_vertices[:] = 0
    state.obstacle_center_m[0, 0], state.obstacle_radius_m[0, 0] = (500.0, 0.0), 150.0

    corners = waypoints(planned(state)).astype(np.float64)

    assert len(corners) == 8
    np.testing.assert_allclose(np.hypot(*(corners - [500.0, 0.0]).T), 200.0 / math.cos(math.pi / 8), rtol=1e-6)
    middles = (corners + np.roll(corners, 1, axis=0)) / 2.0
    np.testing.assert_allclose(np.hypot(*(middles - [500.0, 0.0]).T), 200.0, rtol=1e-6)


def test_plan_routes__only_convex_corners_turn_a_way() -> None:
    notched = [(0.0, 0.0), (100.0, 0.0), (100.0, 100.0), (50.0, 30.0), (0.0, 100.0), (0.0, 50.0)]

    state = planned(world([(x + 400.0, y) for x, y in notched]), clearance_m=5.0)

    assert state.waypoint_exists[0, :8].tolist() == [True, True, True, False, True, False, False, False]


def test_plan_routes__a_corner_inside_another_zone_is_no_waypoint() -> None:
    overlapping = [(580.0, -60.0), (800.0, -60.0), (800.0, 60.0), (580.0, 60.0)]

    state = planned(world(SQUARE, overlapping), clearance_m=30.0)

    # the left corners of the second zone, pushed to (550, -90) and (550, 90), lie inside the first
    corners = sorted(map(tuple, waypoints(state).tolist()))
    assert corners == [(370.0, -130.0), (370.0, 130.0), (630.0, -130.0), (630.0, 130.0), (830.0, -90.0), (830.0, 90.0)]


def test_plan_routes__a_gap_narrower_than_the_clearance_is_flown_where_there_is_no_other() -> None:
    # A wall about the target with a gap of 60 m, which the clearance of 50 m would close.
    wall = [(-300.0, 300.0), (-300.0, -300.0), (300.0, -300.0), (300.0, 300.0), (30.0, 300.0), (30.0, 280.0)]
    wall += [(280.0, 280.0), (280.0, -280.0), (-280.0, -280.0), (-280.0, 280.0), (-30.0, 280.0), (-30.0, 300.0)]
    state = planned(world([(x + 1000.0, y) for x, y in wall]))

    lengths_m = state.waypoint_to_goal_m[0, 0, state.waypoint_exists[0]]

    assert np.isfinite(lengths_m).all()
    assert lengths_m.max() > 600.0


def test_plan_routes__a_closed_ring_leaves_no_way() -> None:
    # Three overlapping bars and a fourth: a frame about the target.
    frame = [
        [(700.0, -300.0), (1300.0, -300.0), (1300.0, -250.0), (700.0, -250.0)],
        [(700.0, 250.0), (1300.0, 250.0), (1300.0, 300.0), (700.0, 300.0)],
        [(700.0, -300.0), (750.0, -300.0), (750.0, 300.0), (700.0, 300.0)],
        [(1250.0, -300.0), (1300.0, -300.0), (1300.0, 300.0), (1250.0, 300.0)],
    ]

    state = planned(world(*frame))

    outside = np.abs(waypoints(state) - [1000.0, 0.0]).max(axis=1) > 300.0
    assert outside.any()
    assert np.isinf(state.waypoint_to_goal_m[0, 0, state.waypoint_exists[0]][outside]).all()


def test_plan_routes__leads_to_the_depot_too() -> None:
    state = world(SQUARE)
    state.uav_depot[0, 0], state.depot_position_m[0, 0] = 1, state.target_position_m[0, 0]

    planned(state)

    np.testing.assert_array_equal(state.waypoint_to_goal_m[0, 1], state.waypoint_to_goal_m[0, 0])


def test_can_see__keeps_the_margin_but_for_ends_that_are_nearer() -> None:
    state = world(SQUARE)

    assert can_see(state, 0, 0.0, 120.0, 1000.0, 120.0, 15.0)
    assert not can_see(state, 0, 0.0, 120.0, 1000.0, 120.0, 25.0)
    # from 5 m beside the zone along it, and away from it; towards it and through it not
    assert can_see(state, 0, 500.0, 105.0, 1000.0, 105.0, 25.0)
    assert can_see(state, 0, 500.0, 105.0, 1000.0, 500.0, 25.0)
    assert not can_see(state, 0, 500.0, 105.0, 1000.0, 60.0, 25.0)
    assert not can_see(state, 0, 500.0, 105.0, 500.0, -105.0, 25.0)


def test_plan_routes__are_the_looped_routes(quick_demo: Config) -> None:
    changes = {"num_obstacles": (0, 5), "polygon_share": 0.5, "obstacle_radius_m": (100.0, 400.0), "has_depot": True}
    config = quick_demo.generator.model_copy(update=changes)
    world_config = quick_demo.world.model_copy(update={"obstacle_clearance_m": 90.0})
    worlds = AllocateWorlds(AllocateGenerator(config, world_config, 5, True), world_config, quick_demo.reward, 40)
    worlds.reset()
    state, num_compared = worlds.state, 0

    for b in range(40):
        goals = list(map(tuple, state.target_position_m[b, state.target_exists[b]].tolist()))
        starts = list(map(tuple, state.uav_position_m[b, state.uav_exists[b]].tolist()))
        looped = LoopedAutopilot(zones_of(state, b), goals, starts, clearance=90.0, capture=100.0)
        exists = state.waypoint_exists[b]
        assert exists.sum() == len(looped.waypoints)
        if looped.waypoints:
            np.testing.assert_allclose(state.waypoint_m[b, exists], looped.waypoints, rtol=1e-6)
        for j, goal in enumerate(goals):
            np.testing.assert_allclose(state.waypoint_to_goal_m[b, j, exists], looped.to_goal[goal], rtol=1e-6)
        num_compared += len(looped.waypoints)

    assert num_compared > 500


def test_plan_routes__padding_changes_no_length(quick_demo: Config) -> None:
    changes = {"num_obstacles": (2, 2), "polygon_share": 0.5}
    config = quick_demo.generator.model_copy(update=changes)
    source = AllocateGenerator(config, quick_demo.world, 0, True)
    n, m, o, r, c, _ = source.sizes
    states = [AllocateState.empty(8, sizes) for sizes in (source.sizes, Sizes(n + 2, m + 3, o + 2, r, c + 5))]
    for state in states:
        source.fill(state, np.arange(8), first_world=0)
        state.clearance_m[:] = 50.0
        plan_routes(state, np.arange(8))

    for b in range(8):
        exact, padded = ((s.waypoint_m[b, s.waypoint_exists[b]], s) for s in states)
        np.testing.assert_array_equal(exact[0], padded[0])
        for j in range(m):
            lengths = [s.waypoint_to_goal_m[b, j, s.waypoint_exists[b]] for s in states]
            np.testing.assert_array_equal(*lengths)


def test_plan_routes__a_world_without_zones_has_no_waypoints() -> None:
    state = world()

    assert planned(state).waypoint_m.size == 0
