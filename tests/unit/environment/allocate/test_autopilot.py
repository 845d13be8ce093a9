"""Flight: hand-computed steps; no zone is ever entered, every goal that can be reached is, on a short way."""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rl_cluster.config.schema import Config
from rl_cluster.environment.allocate.autopilot import fly, wrap
from rl_cluster.environment.allocate.generator import AllocateGenerator
from rl_cluster.environment.allocate.route import plan_routes
from rl_cluster.environment.allocate.rules import Rules
from rl_cluster.environment.allocate.state import AllocateState
from rl_cluster.environment.allocate.worlds import AllocateWorlds
from rl_cluster.environment.shared.interface import Sizes
from rl_cluster.environment.shared.obstacles import gap_m, is_inside
from rl_cluster.environment.shared.zones import bounding_circle, counter_clockwise
from tests.reference.autopilot import LoopedAutopilot
from tests.reference.zones import zones_of

CAPTURE_M, CLEARANCE_M = 100.0, 50.0
RULES = Rules(20, 1.0, CAPTURE_M, CLEARANCE_M, 1500.0, replan=True, idle_decisions=0)
ROW = np.array([0])


def _one_uav(
    num_obstacles: int = 0, cruise_mps: float = 25.0, turn_rate_radps: float = 0.3, num_vertices: int = 0
) -> AllocateState:
    state = AllocateState.empty(1, Sizes(1, 1, num_obstacles, 1, num_vertices))
    state.uav_exists[0, 0] = state.target_exists[0, 0] = True
    state.uav_cruise_mps[0, 0] = cruise_mps
    state.uav_speed_mps[0, 0] = 0.5 * cruise_mps, 1.5 * cruise_mps
    state.uav_max_turn_rate_radps[0, 0] = turn_rate_radps
    state.uav_range_left_m[0, 0] = 1e6
    return state


def _put_polygon(state: AllocateState, o: int, corners: Any) -> None:
    corners = counter_clockwise(corners).astype(np.float32)
    state.obstacle_exists[0, o] = True
    state.obstacle_center_m[0, o], state.obstacle_radius_m[0, o] = bounding_circle(corners)
    state.obstacle_num_vertices[0, o] = len(corners)
    state.obstacle_vertices_m[0, o, : len(corners)] = corners


def _put_circle(state: AllocateState, o: int, center: Any, radius_m: float) -> None:
    state.obstacle_exists[0, o] = True
    state.obstacle_center_m[0, o], state.obstacle_radius_m[0, o] = center, radius_m


def _plan(state: AllocateState, clearance_m: float = CLEARANCE_M) -> None:
    state.clearance_m[:] = clearance_m
    plan_routes(state, ROW)


def _fly_until_captured(
    state: AllocateState, num_steps: int = 2000, substep_s: float = 1.0
) -> tuple[np.ndarray[Any, Any], int]:
    path, entered = [state.uav_position_m[0, 0].astype(np.float64)], 0
    for _ in range(num_steps):
        entered += fly(state, 0, 0, 0, RULES._replace(substep_s=substep_s))[1]
        path.append(state.uav_position_m[0, 0].astype(np.float64))
        if np.linalg.norm(path[-1] - state.target_position_m[0, 0]) <= CAPTURE_M:
            return np.array(path), entered
    raise AssertionError("the target was never reached")


def _closest_m(state: AllocateState, b: int, path: np.ndarray[Any, Any]) -> float:
    """The least gap to a zone along the flown way, sampled finely between its points."""
    shares = np.linspace(0.0, 1.0, 9)[:, None, None]
    points = (path[:-1] + shares * (path[1:] - path[:-1])).reshape(-1, 2)
    zones = np.flatnonzero(state.obstacle_exists[b])
    return min((gap_m(state, b, o, x, y) for o in zones for x, y in points.tolist()), default=np.inf)


def test_fly__turns_at_most_the_turn_rate() -> None:
    state = _one_uav()
    state.target_position_m[0, 0] = 0.0, 5000.0

    flown_m, _ = fly(state, 0, 0, 0, RULES)

    # heading 0 to +90 degrees wanted, 0.3 rad allowed; then 25 m along the new heading
    assert flown_m == 25.0
    assert state.uav_heading_rad[0, 0] == pytest.approx(0.3, abs=1e-6)
    assert state.uav_position_m[0, 0] == pytest.approx([25 * math.cos(0.3), 25 * math.sin(0.3)], abs=1e-4)


def test_fly__stops_where_the_range_ends() -> None:
    state = _one_uav()
    state.target_position_m[0, 0] = 5000.0, 0.0
    state.uav_range_left_m[0, 0] = 10.0

    flown_m, _ = fly(state, 0, 0, 0, RULES)

    assert flown_m == 10.0
    assert state.uav_range_left_m[0, 0] == 0.0
    assert state.uav_flown_m[0, 0] == 10.0


@pytest.mark.parametrize("bearing_rad", np.linspace(0.0, 2 * math.pi, 9)[:-1])
@pytest.mark.parametrize("distance_m", [110.0, 150.0, 260.0, 900.0])
def test_fly__reaches_a_target_inside_its_turn_circle(bearing_rad: float, distance_m: float) -> None:
    state = _one_uav(cruise_mps=60.0)  # turn radius 200 m at cruise, 100 m at the lowest speed
    state.target_position_m[0, 0] = distance_m * math.cos(bearing_rad), distance_m * math.sin(bearing_rad)

    path, _ = _fly_until_captured(state, 200)

    assert len(path) > 1


def _random_place(state: AllocateState, rng: np.random.Generator) -> Any:
    while True:
        place = rng.uniform([300.0, -1000.0], [2500.0, 1000.0]).astype(np.float32)
        if not is_inside(state, 0, *place.tolist()):
            return place


def _random_case(seed: int, widest_m: float) -> AllocateState:
    """Six zones (circles, and star-shaped polygons, mostly not convex), which may overlap; any start and UAV."""
    rng = np.random.default_rng(seed)
    cruise, turn_rate = rng.choice([5.0, 20.0, 60.0, 150.0]), rng.choice([0.1, 0.3, 0.6, 1.5])
    state = _one_uav(6, cruise, turn_rate, num_vertices=10)
    state.uav_speed_mps[0, 0, 0] = min(0.5 * cruise, CAPTURE_M * turn_rate)
    for o, cell in enumerate(rng.permutation(9)[:6]):
        center = np.array([cell % 3 * 700 + 700, cell // 3 * 700 - 700]) + rng.uniform(-80.0, 80.0, 2)
        radius_m = rng.uniform(100.0, widest_m)
        if o % 3 == 0:
            _put_circle(state, o, center, radius_m)
        else:
            angles = np.sort(rng.uniform(0.0, 2.0 * np.pi, rng.integers(4, 11)))
            around = np.stack([np.cos(angles), np.sin(angles)], axis=1)
            _put_polygon(state, o, center + radius_m * rng.uniform(0.25, 1.0, (len(angles), 1)) * around)
    state.uav_position_m[0, 0], state.target_position_m[0, 0] = _random_place(state, rng), _random_place(state, rng)
    state.uav_heading_rad[0, 0] = rng.uniform(-np.pi, np.pi)
    _plan(state)
    return state


@pytest.mark.slow
@pytest.mark.parametrize("substep_s", [0.2, 1.0, 4.0])
@pytest.mark.parametrize("widest_m", [240.0, 420.0], ids=["apart", "overlapping"])
def test_fly__never_enters_a_zone_and_always_arrives(widest_m: float, substep_s: float) -> None:
    for seed in range(25):
        state = _random_case(seed, widest_m)
        num_steps = int((12_000.0 / state.uav_cruise_mps[0, 0] + 200.0) / substep_s)
        path, entered = _fly_until_captured(state, num_steps, substep_s)
        assert entered == 0
        assert _closest_m(state, 0, path) > 0.0


@pytest.mark.slow
def test_fly__never_enters_a_zone_of_generated_episodes(quick_demo: Config) -> None:
    changes = {"num_obstacles": (3, 4), "polygon_share": 0.5}
    generator = quick_demo.generator.model_copy(update=changes)
    source = AllocateGenerator(generator, quick_demo.world, 3, True)
    worlds = AllocateWorlds(source, quick_demo.world, quick_demo.reward, num_worlds=12)
    worlds.reset()
    state, num_turned, closest_m = worlds.state, 0, np.inf
    state.uav_range_left_m[:] = 1e6
    for b in range(12):
        for i in np.flatnonzero(state.uav_exists[b]):
            for j in np.flatnonzero(state.target_exists[b]):
                path = [state.uav_position_m[b, i].astype(np.float64)]
                while np.linalg.norm(path[-1] - state.target_position_m[b, j]) > CAPTURE_M:
                    fly(state, b, i, j, RULES)
                    path.append(state.uav_position_m[b, i].astype(np.float64))
                    assert len(path) < 3000
                closest_m = min(closest_m, _closest_m(state, b, np.array(path)))
                num_turned += len(path) > 1

    assert not state.uav_collisions.any()
    assert closest_m > 0.0
    assert num_turned > 100


@pytest.mark.parametrize("heading_rad", [0.0, 2.0, math.pi])
def test_fly__goes_round_a_circle_on_nearly_the_shortest_way(heading_rad: float) -> None:
    state = _one_uav(1, 4.0, 1.0)
    _put_circle(state, 0, (1000.0, 10.0), 400.0)
    state.target_position_m[0, 0] = 2000.0, 0.0
    state.uav_heading_rad[0, 0] = heading_rad
    _plan(state)

    path, _ = _fly_until_captured(state)

    # two tangents of about sqrt(1000^2 - 400^2) and an arc of pi - 2 acos(400 / 1000) between them
    shortest_m = 2 * math.sqrt(1000**2 - 400**2) + 400 * (math.pi - 2 * math.acos(0.4)) - CAPTURE_M
    assert shortest_m * 0.99 < state.uav_flown_m[0, 0] < 1.1 * shortest_m
    assert _closest_m(state, 0, path) > 0.2 * CLEARANCE_M
    # the center lies to the left of the straight way: the right side is shorter
    assert path[:, 1].min() < -300.0


def test_fly__finds_its_way_out_of_a_dead_end() -> None:
    state = _one_uav(1, 4.0, 1.0, num_vertices=8)
    cup = [(0, -300), (300, -300), (300, 300), (0, 300), (0, 280), (280, 280), (280, -280), (0, -280)]
    _put_polygon(state, 0, [(float(x), float(y)) for x, y in cup])
    state.uav_position_m[0, 0] = 200.0, 0.0
    state.target_position_m[0, 0] = 900.0, 0.0
    _plan(state)

    _fly_until_captured(state)

    # over the upper rim: (200, 0) to (0, 280), along it to (300, 300), and on to the target
    shortest_m = math.hypot(200, 280) + 20 + 300 + math.hypot(600, 300) - CAPTURE_M
    assert shortest_m * 0.99 < state.uav_flown_m[0, 0] < 1.15 * shortest_m


def test_fly__slips_between_zones_that_leave_less_than_the_clearance() -> None:
    state = _one_uav(2, 4.0, 1.0, num_vertices=4)
    for o, (low, high) in enumerate([(-3000.0, -10.0), (10.0, 3000.0)]):
        _put_polygon(state, o, [(500.0, low), (600.0, low), (600.0, high), (500.0, high)])
    state.uav_position_m[0, 0] = 0.0, 400.0
    state.target_position_m[0, 0] = 1200.0, 300.0
    _plan(state, 12.0)

    path = [state.uav_position_m[0, 0].astype(np.float64)]
    for _ in range(600):
        fly(state, 0, 0, 0, RULES._replace(clearance_m=12.0))
        path.append(state.uav_position_m[0, 0].astype(np.float64))

    assert np.linalg.norm(path[-1] - state.target_position_m[0, 0]) < CAPTURE_M
    assert state.uav_flown_m[0, 0] < 2200.0
    assert _closest_m(state, 0, np.array(path)) > 0.0


def test_fly__hovers_where_there_is_no_way() -> None:
    state = _one_uav(4, num_vertices=4)
    for o, (x0, y0, x1, y1) in enumerate(
        [(700, -300, 1300, -250), (700, 250, 1300, 300), (700, -300, 750, 300), (1250, -300, 1300, 300)]
    ):
        _put_polygon(state, o, [(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
    state.target_position_m[0, 0] = 1000.0, 0.0
    _plan(state)

    flights = [fly(state, 0, 0, 0, RULES) for _ in range(300)]

    assert flights == [(0.0, False)] * 300
    assert state.uav_range_left_m[0, 0] == 1e6


def test_fly__turns_on_the_spot_before_a_wall() -> None:
    state = _one_uav(1, cruise_mps=60.0, num_vertices=4)
    _put_polygon(state, 0, [(30.0, -500.0), (90.0, -500.0), (90.0, 500.0), (30.0, 500.0)])
    state.target_position_m[0, 0] = -2000.0, 0.0
    _plan(state)

    flights = [fly(state, 0, 0, 0, RULES)[0] for _ in range(12)]

    # pi / 0.3 = 10.5 s for the turn, of which the first 1.2 rad or so face the wall within 60 m
    assert flights[:3] == [0.0, 0.0, 0.0]
    assert flights[-1] == 60.0


def test_fly__a_uav_inside_a_zone_is_counted_once_and_flies_out() -> None:
    state = _one_uav(1)
    _put_circle(state, 0, (0.0, 0.0), 200.0)
    state.target_position_m[0, 0] = 1000.0, 0.0
    _plan(state)

    _, entered = _fly_until_captured(state)

    assert entered == 1
    assert not state.uav_inside_obstacle[0, 0]


def test_fly__goes_to_the_depot_where_the_target_is_number_m() -> None:
    one, other = _random_case(0, 240.0), _random_case(0, 240.0)
    other.uav_depot[0, 0], other.depot_position_m[0, 0] = 1, other.target_position_m[0, 0]
    _plan(other)
    other.target_position_m[0, 0] = 0.0

    for _ in range(30):
        flights = [fly(state, 0, 0, j, RULES) for j, state in enumerate((one, other))]
        assert flights[0] == flights[1]

    np.testing.assert_array_equal(one.uav_position_m, other.uav_position_m)


@pytest.mark.parametrize("widest_m", [240.0, 420.0], ids=["apart", "overlapping"])
def test_fly__is_the_looped_autopilot(widest_m: float) -> None:
    for seed in range(100, 112):
        state = _random_case(seed, widest_m)
        goal, start = (tuple(place[0, 0].tolist()) for place in (state.target_position_m, state.uav_position_m))
        looped = LoopedAutopilot(zones_of(state, 0), [goal], [start], CLEARANCE_M, CAPTURE_M)
        uav = SimpleNamespace(
            position=start,
            heading=float(state.uav_heading_rad[0, 0]),
            lowest=float(state.uav_speed_mps[0, 0, 0]),
            cruise=float(state.uav_cruise_mps[0, 0]),
            turn_rate=float(state.uav_max_turn_rate_radps[0, 0]),
            range_left=1e6,
            flown=0.0,
        )
        for _ in range(120):
            flown_m, entered = fly(state, 0, 0, 0, RULES)
            assert looped.fly(uav, goal, 1.0) == pytest.approx(flown_m, abs=1e-2)
            assert uav.position == pytest.approx(state.uav_position_m[0, 0].tolist(), abs=1e-2)
            assert not entered
            if math.dist(uav.position, goal) <= CAPTURE_M:
                break


@pytest.mark.parametrize(
    ("angle", "wrapped"), [(0.0, 0.0), (math.pi, math.pi), (-math.pi, math.pi), (7.0, 7.0 - 2 * math.pi)]
)
def test_wrap__lies_above_minus_pi_up_to_pi(angle: float, wrapped: float) -> None:
    assert wrap(angle) == pytest.approx(wrapped, abs=1e-12)
