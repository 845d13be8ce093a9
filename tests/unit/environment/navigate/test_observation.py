"""What is seen of generated worlds, calculated once more from the state, column by column; then numbers by hand."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rl_cluster.environment.navigate.columns import EncounterColumn, UavColumn, ZoneColumn
from rl_cluster.environment.navigate.observation import num_encounter_slots
from rl_cluster.environment.navigate.worlds import NavigateWorlds
from rl_cluster.environment.shared.nearest import adaptive_k
from rl_cluster.types import Observation, neighbour_slots
from tests.reference.zones import zones_of

MakeWorlds = Callable[..., NavigateWorlds]
Vector = NDArray[np.float64]
MANY: dict[str, object] = {
    "generator__num_uavs": [1, 24],
    "generator__num_obstacles": [0, 6],
    "generator__spacing_m": 80.0,
    "generator__obstacle_radius_m": [4.0, 6.0],
    "world__num_encounters": 9,
}


def flown(worlds: NavigateWorlds, num_steps: int) -> Observation[NDArray[Any]]:
    """After random controls: UAVs fly, and some touch."""
    rng = np.random.default_rng(5)
    for _ in range(num_steps):
        observation, *_ = worlds.step(rng.uniform(-1.0, 1.0, worlds.state.uav_goal_m.shape).astype(np.float32))
    return observation


class Body:
    """A UAV or a zone as UAV i of a world meets it."""

    def __init__(self, worlds: NavigateWorlds, zones: list[Any], row: int, i: int, entity: int) -> None:
        state, world, num_uavs = worlds.state, worlds.world, worlds.sizes.num_uavs
        self.entity, self.is_zone = entity, entity >= num_uavs
        own: Vector = state.uav_position_m[row, i].astype(np.float64)
        self.velocity = -state.uav_velocity_mps[row, i].astype(np.float64)
        if self.is_zone:
            zone = zones[entity - num_uavs]
            self.signed = zone.gap(tuple(own))
            self.gap = self.signed - world.collision_distance_m / 2.0
            self.radius = float(state.obstacle_radius_m[row, entity - num_uavs])
            self.is_parked, self.way = False, np.full(2, np.nan)
        else:
            self.way = state.uav_position_m[row, entity].astype(np.float64) - own
            self.signed = float(np.linalg.norm(self.way))
            self.gap = self.signed - world.collision_distance_m
            self.velocity += state.uav_velocity_mps[row, entity]
            self.radius, self.is_parked = 0.0, bool(state.uav_arrived[row, entity])


def bodies(worlds: NavigateWorlds, zones: list[Any], row: int, i: int) -> list[Body]:
    """All others, by rising gap; UAVs first where gaps are equal."""
    num_uavs, state = worlds.sizes.num_uavs, worlds.state
    entities = [j for j in np.flatnonzero(state.uav_exists[row]).tolist() if j != i]
    entities += [num_uavs + o for o in np.flatnonzero(state.obstacle_exists[row]).tolist()]
    return sorted((Body(worlds, zones, row, i, entity) for entity in entities), key=lambda body: body.gap)


def frame(worlds: NavigateWorlds, row: int, i: int) -> NDArray[np.float64]:
    """(2, 2) takes vectors of the world into the UAV's body frame."""
    heading = float(worlds.state.uav_heading_rad[row, i])
    return np.array([[math.cos(heading), math.sin(heading)], [-math.sin(heading), math.cos(heading)]])


@pytest.fixture(scope="module", params=["unicycle", "double_integrator"])
def seen(
    request: pytest.FixtureRequest, generated: MakeWorlds
) -> tuple[NavigateWorlds, Observation[NDArray[Any]], list[list[Any]]]:
    """25 worlds, their observation and their looped zones."""
    worlds = generated(25, **MANY, world__dynamics=request.param, world__formation_radius_m=60.0)
    observation = flown(worlds, 20)
    return worlds, observation, [zones_of(worlds.state, row) for row in range(25)]


Seen = tuple[NavigateWorlds, Observation[NDArray[Any]], list[list[Any]]]


def existing(worlds: NavigateWorlds) -> list[tuple[int, int]]:
    return [(int(row), int(i)) for row, i in np.argwhere(worlds.state.uav_exists)]


def test_encounters__are_the_nearest_bodies(seen: Seen) -> None:
    worlds, observation, zones = seen
    for row, i in existing(worlds):
        nearest = bodies(worlds, zones[row], row, i)[: observation.candidates.shape[2]]
        expected = [body.entity for body in nearest]
        expected += [-1] * (observation.candidates.shape[2] - len(expected))
        assert observation.candidates[row, i].tolist() == expected


def test_encounter_rows__are_as_calculated(seen: Seen) -> None:
    worlds, observation, zones = seen
    world = worlds.world
    radius_m, top = world.sensing_radius_m, world.speed_mps[1]
    band = world.warning_distance_m - world.collision_distance_m
    num_zones = 0
    for row, i in existing(worlds):
        for c, body in enumerate(bodies(worlds, zones[row], row, i)[: observation.candidates.shape[2]]):
            features = observation.pair[row, i, c].astype(np.float64)
            ahead, left = frame(worlds, row, i) @ body.velocity / top
            expected = [np.clip(body.gap / radius_m, -4.0, 4.0), band / (band + max(body.gap, 0.0)), ahead, left]
            np.testing.assert_allclose(features[2:6], expected, atol=1e-5)
            np.testing.assert_allclose(features[9:], [body.is_zone, body.radius / radius_m, body.is_parked], rtol=1e-6)
            assert np.hypot(*features[:2]) == pytest.approx(1.0, abs=1e-4)
            if not body.is_zone:
                np.testing.assert_allclose(features[:2], frame(worlds, row, i) @ body.way / body.signed, atol=1e-5)
            closing = -(features[0] * ahead + features[1] * left)
            assert features[6] == pytest.approx(closing, abs=1e-5)
            way = abs(body.signed) * features[:2]
            relative = np.array([ahead, left]) * top
            until = max(0.0, -(way @ relative)) / max(relative @ relative, 1e-6)
            until = min(until, 2.0 * radius_m / top)
            assert features[7] == pytest.approx(until * top / radius_m / 2.0, abs=1e-4)
            miss = float(np.hypot(*(way + relative * until))) - (abs(body.signed) - body.gap)
            assert features[8] == pytest.approx(band / (band + max(miss, 0.0)), abs=1e-3)
            num_zones += body.is_zone
    assert num_zones > 50, "hardly a zone was met"


def test_uav_rows__are_as_calculated(seen: Seen) -> None:
    worlds, observation, _ = seen
    state, world = worlds.state, worlds.world
    radius_m, top = world.sensing_radius_m, world.speed_mps[1]
    for row, i in existing(worlds):
        position, turn = state.uav_position_m[row, i].astype(np.float64), frame(worlds, row, i)
        way, to_leader = state.uav_goal_m[row, i] - position, state.uav_position_m[row, 0] - position
        distance, behind = float(np.hypot(*way)), float(np.hypot(*to_leader))
        velocity = state.uav_velocity_mps[row, i].astype(np.float64)
        speed, left_s = float(np.hypot(*velocity)), float(state.time_limit_s[row] - state.time_s[row])
        expected = [
            *(turn @ way / distance),
            min(distance / radius_m, 4.0),
            world.arrival_radius_m / (world.arrival_radius_m + distance),
            *(turn @ velocity / top),
            left_s / state.time_limit_s[row],
            min(left_s * top / radius_m, 16.0) / 8.0,
            float(not state.uav_arrived[row, i]),
            state.uav_arrived[row].sum() / state.uav_exists[row].sum(),
            float(state.uav_touching[row, i]),
            min(speed**2 / (2.0 * world.max_acceleration_mps2) / radius_m, 4.0),
            min(speed / world.max_turn_rate_radps / radius_m, 4.0),
            float(i == 0),
            *(turn @ to_leader / max(behind, 1e-6)),
            min(behind / radius_m, 4.0),
            float(behind <= world.formation_radius_m),
        ]
        np.testing.assert_allclose(observation.uav[row, i], expected, atol=2e-4)


def test_neighbours__are_the_k_nearest_of_each_kind(seen: Seen) -> None:
    worlds, observation, zones = seen
    num_slots = neighbour_slots(*worlds.sizes[:3]).obstacles
    for row, i in existing(worlds):
        k = adaptive_k(int(worlds.state.uav_exists[row].sum()))
        others = bodies(worlds, zones[row], row, i)
        uavs = [body.entity for body in others if not body.is_zone][:k]
        near_zones = [body.entity for body in others if body.is_zone][:k]
        assert [j for j in observation.neighbours[row, i, :num_slots].tolist() if j >= 0] == uavs
        assert [o for o in observation.neighbours[row, i, num_slots:].tolist() if o >= 0] == near_zones


def test_entities__are_masked_and_placed(seen: Seen) -> None:
    worlds, observation, _ = seen
    state = worlds.state
    exists = np.concatenate([state.uav_exists, state.obstacle_exists], axis=1)
    np.testing.assert_array_equal(observation.mask, exists)
    points_m = np.concatenate([state.uav_position_m, state.obstacle_center_m], axis=1)
    expected = (points_m - state.area_m[:, None] / 2.0) / worlds.world.sensing_radius_m
    np.testing.assert_allclose(observation.position, np.where(exists[..., None], expected, 0.0), atol=1e-5)
    zone_rows = np.stack([state.obstacle_radius_m / worlds.world.sensing_radius_m, state.obstacle_num_vertices > 0], -1)
    np.testing.assert_allclose(observation.obstacle, zone_rows * state.obstacle_exists[..., None], atol=1e-6)


def test_who_decides__exists_and_has_not_arrived(seen: Seen) -> None:
    worlds, observation, _ = seen
    state = worlds.state
    np.testing.assert_array_equal(observation.decides, state.uav_exists & ~state.uav_arrived)
    np.testing.assert_array_equal(observation.action_mask[..., 0] | ~observation.decides, True)
    assert not observation.action_mask[..., 1:].any()


def test_shapes__are_those_of_the_features(seen: Seen) -> None:
    worlds, observation, _ = seen
    num_worlds, num_uavs = worlds.state.uav_exists.shape
    num_zones, num_encounters = worlds.sizes.num_obstacles, worlds.world.num_encounters
    assert observation.uav.shape == (num_worlds, num_uavs, len(UavColumn))
    assert observation.target.shape == (num_worlds, 0, 0)
    assert observation.obstacle.shape == (num_worlds, num_zones, len(ZoneColumn))
    assert observation.pair.shape == (num_worlds, num_uavs, num_encounters, len(EncounterColumn))
    assert num_encounter_slots(worlds.sizes, 64) == num_uavs - 1 + num_zones


def test_two_uavs_head_on__by_hand(given: MakeWorlds) -> None:
    """30 m apart at 2 * 10 m/s: 1.5 s to the closest approach, where the second passes 4 m to the left."""
    uavs = [(300.0, 300.0, 0.0, 350.0, 300.0), (330.0, 304.0, math.pi, 100.0, 304.0)]
    worlds = given(uavs, world__speed_mps=[10.0, 10.0])
    observation: Observation[NDArray[Any]] = worlds.observe()
    row = observation.pair[0, 0, 0]
    distance = math.hypot(30.0, 4.0)
    gap = distance - 6.0
    expected = [30.0 / distance, 4.0 / distance, gap / 50.0, 4.0 / (4.0 + gap), -2.0, 0.0, 2.0 * 30.0 / distance]
    np.testing.assert_allclose(row, [*expected, 1.5 / 10.0, 1.0, 0.0, 0.0, 0.0], atol=1e-6)
    np.testing.assert_allclose(observation.uav[0, 0, :6], [1.0, 0.0, 1.0, 6.0 / 56.0, 1.0, 0.0], atol=1e-6)
