"""Feature rows against the columns that `observation.py` lists, calculated again by plain loops, and laws of the rows.

They are empty where nothing exists, and show nothing of how the world is turned.
"""

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rl_cluster.config.schema import Config
from rl_cluster.environment.allocate.generator import AllocateGenerator
from rl_cluster.environment.allocate.heuristics import HEURISTICS
from rl_cluster.environment.allocate.scenarios import ScenarioFiles, scenario_of
from rl_cluster.environment.allocate.worlds import AllocateWorlds
from rl_cluster.environment.scenario.scenario_file import parse_scenario
from rl_cluster.types import WAIT, Observation
from tests.reference.fewest import fewest_that_cover

NOTHING = 1e-4


def ratio(a: float, b: float, limit: float) -> float:
    return min(a / b, limit) if b > NOTHING else 0.0


class Seen:
    """One row of the state in plain numbers, and the rows that the columns' list asks for."""

    def __init__(self, worlds: AllocateWorlds, row: int) -> None:
        state, self.world = worlds.state, worlds.world
        num_uavs, num_targets = int(state.uav_exists[row].sum()), int(state.target_exists[row].sum())
        self.uavs, self.targets, self.kinds = range(num_uavs), range(num_targets), range(worlds.sizes.num_resources)
        self.own = state.uav_resources[row].tolist()
        self.initial = state.uav_initial_resources[row].tolist()
        self.lack, self.demand = state.target_remaining[row].tolist(), state.target_demand[row].tolist()
        self.range_left, self.cruise = state.uav_range_left_m[row].tolist(), state.uav_cruise_mps[row].tolist()
        self.choice, self.heading = state.uav_choice[row].tolist(), state.uav_heading_rad[row].tolist()
        self.at, self.there = state.uav_position_m[row].tolist(), state.target_position_m[row].tolist()
        self.present, self.ends = state.uav_present[row].tolist(), state.uav_service_ends_s[row].tolist()
        self.preference = state.preference[row].tolist()
        self.involved, self.value = state.involved[row].tolist(), state.target_value[row].tolist()
        self.service, self.appears = state.target_service_s[row].tolist(), state.target_appears_s[row].tolist()
        depots = [None, *state.depot_position_m[row].tolist()]
        self.depot = [depots[number] for number in state.uav_depot[row]]
        self.time, self.time_limit = float(state.time_s[row]), float(state.time_limit_s[row])
        self.side = math.sqrt(state.area_m[row, 0] * state.area_m[row, 1])
        self.unit = [max(sum(self.initial[i][r] for i in self.uavs) / num_uavs, NOTHING) for r in self.kinds]

    def distance(self, i: int, j: int) -> float:
        return math.dist(self.at[i], self.there[j])

    def body_bearing(self, i: int, point: list[float]) -> list[float]:
        """cos and sin of the bearing in the body frame."""
        if tuple(point) == tuple(self.at[i]):
            return [1.0, 0.0]
        angle = math.atan2(point[1] - self.at[i][1], point[0] - self.at[i][0]) - self.heading[i]
        return [math.cos(angle), math.sin(angle)]

    def has_appeared(self, j: int) -> bool:
        return self.appears[j] <= self.time

    def is_open(self, j: int) -> bool:
        return self.has_appeared(j) and max(self.lack[j]) > NOTHING

    def could_serve(self, i: int, j: int) -> bool:
        helps = any(min(self.own[i][r], self.lack[j][r]) > NOTHING for r in self.kinds)
        if self.world.resource_kind == "capability" and self.involved[i][j]:
            helps = False
        way = self.distance(i, j) + (math.dist(self.there[j], self.depot[i]) if self.depot[i] else 0.0)
        is_there = self.present[i] and self.choice[i] == j
        return self.range_left[i] > 0.0 and helps and (is_there or way <= self.range_left[i])

    def is_legal(self, i: int, j: int) -> bool:
        able = [other for other in self.uavs if self.could_serve(other, j)]
        carried = [sum(self.own[other][r] for other in able) for r in self.kinds]
        is_coverable = all(carried[r] >= self.lack[j][r] - NOTHING for r in self.kinds)
        return self.is_open(j) and i in able and (self.world.coalition == "sum" or is_coverable)

    def under_way(self, j: int) -> list[int]:
        return [i for i in self.uavs if self.choice[i] == j]

    def free(self, j: int) -> list[int]:
        """UAVs without a choice that may choose the target."""
        return [i for i in self.uavs if self.choice[i] < 0 and self.is_legal(i, j)]

    def uncovered(self, j: int, r: int, without: int = -1) -> float:
        return max(0.0, self.lack[j][r] - sum(self.own[i][r] for i in self.under_way(j) if i != without))

    def ideal(self, j: int) -> float:
        return fewest_that_cover([self.initial[i] for i in self.uavs], self.demand[j])

    def uav_row(self, i: int) -> list[float]:
        sensing, choice = self.world.sensing_radius_m, self.choice[i]
        flying = [other for other in self.uavs if self.range_left[other] > 0.0]
        known = [j for j in self.targets if self.has_appeared(j)]
        num_open = sum(self.is_open(j) for j in known)
        supply = [sum(self.own[other][r] for other in flying) for r in self.kinds]
        lack = [sum(self.lack[j][r] for j in known) for r in self.kinds]
        to_choice = [0.0] * 4
        if choice >= 0:
            to_choice = [1.0, *self.body_bearing(i, self.there[choice]), min(self.distance(i, choice) / sensing, 4.0)]
        to_depot = [0.0] * 4
        if depot := self.depot[i]:
            distance = min(math.dist(self.at[i], depot) / sensing, 4.0)
            to_depot = [1.0, *self.body_bearing(i, depot), distance]
        return [
            *(self.own[i][r] / self.unit[r] for r in self.kinds),
            *(ratio(self.own[i][r], self.initial[i][r], 1.0) for r in self.kinds),
            *(ratio(supply[r], lack[r], 3.0) for r in self.kinds),
            *(self.uncovered(choice, r) / self.unit[r] if choice >= 0 else 0.0 for r in self.kinds),
            min(self.range_left[i] / sensing, 8.0) / 4.0,
            min(self.range_left[i] / self.side, 3.0),
            self.time / self.time_limit,
            min(max(self.time_limit - self.time, 0.0) * self.cruise[i] / sensing, 16.0) / 8.0,
            *to_choice,
            self.cruise[i] / (sum(self.cruise[other] for other in self.uavs) / len(self.uavs)),
            float(self.range_left[i] > 0.0),
            sum(self.is_legal(i, j) for j in self.targets) / max(num_open, 1),
            num_open / max(len(known), 1),
            len(flying) / len(self.uavs),
            min(len(flying) / max(num_open, 1), 4.0) / 4.0,
            float(self.present[i]),
            *to_depot,
            *(min(max(math.log2(weight) / 2.0, -3.0), 3.0) for weight in self.preference),
        ]

    def target_row(self, j: int) -> list[float]:
        committed = [sum(self.own[i][r] for i in self.under_way(j)) for r in self.kinds]
        uncovered = [self.uncovered(j, r) for r in self.kinds]
        free = [sum(self.own[i][r] for i in self.free(j)) for r in self.kinds]
        present = [i for i in self.under_way(j) if self.present[i]]
        arrivals = [0.0 if i in present else self.distance(i, j) / self.cruise[i] for i in self.under_way(j)]
        values = [self.value[other] for other in self.targets if self.has_appeared(other)]
        shares = [self.lack[j][r] / self.demand[j][r] for r in self.kinds if self.demand[j][r] > NOTHING]
        return [
            *(self.lack[j][r] / self.unit[r] for r in self.kinds),
            *(ratio(self.lack[j][r], self.demand[j][r], 1.0) for r in self.kinds),
            *(min(committed[r] / self.unit[r], 8.0) for r in self.kinds),
            *(uncovered[r] / self.unit[r] for r in self.kinds),
            *(min(free[r] / uncovered[r], 2.0) if uncovered[r] > NOTHING else 2.0 for r in self.kinds),
            *(min(sum(self.own[i][r] for i in present) / self.unit[r], 8.0) for r in self.kinds),
            min(self.ideal(j), 16.0) / 4.0,
            min(len(self.under_way(j)) / self.ideal(j), 2.0),
            min(min(arrivals, default=math.inf) / (10.0 * self.world.decision_interval_s), 2.0),
            float(max(uncovered) <= NOTHING),
            float(all(free[r] >= uncovered[r] - NOTHING for r in self.kinds)),
            sum(shares) / len(shares),
            1.0,
            min(self.value[j] * len(values) / sum(values), 4.0) / 2.0,
            min(self.service[j] / self.world.decision_interval_s, 4.0),
            float(any(self.ends[i] < math.inf for i in present)),
        ]

    def pair_row(self, i: int, j: int) -> list[float]:
        own, lack, unit, distance = self.own[i], self.lack[j], self.unit, self.distance(i, j)
        uncovered = [self.uncovered(j, r, without=i) for r in self.kinds]
        free = [other for other in self.free(j) if other != i]
        nearer_free = [other for other in free if self.distance(other, j) < distance]
        others = [other for other in self.under_way(j) if other != i]
        nearer = [other for other in others if self.is_legal(other, j) and self.distance(other, j) < distance]
        nearest_free = min((self.distance(other, j) for other in free), default=math.inf)
        supply = [own[r] + sum(self.own[other][r] for other in free) for r in self.kinds]
        gives = [min(own[r], lack[r]) / unit[r] for r in self.kinds]
        helps = [min(own[r], uncovered[r]) / unit[r] for r in self.kinds]
        rest = [max(0.0, uncovered[r] - sum(self.own[other][r] for other in nearer_free)) for r in self.kinds]
        return [
            *gives,
            *helps,
            *(ratio(min(own[r], lack[r]), lack[r], 1.0) for r in self.kinds),
            *(uncovered[r] / unit[r] for r in self.kinds),
            *(rest[r] / unit[r] for r in self.kinds),
            min(distance / self.world.sensing_radius_m, 8.0) / 2.0,
            *self.body_bearing(i, self.there[j]),
            float(self.choice[i] == j),
            min(distance / self.range_left[i], 1.0),
            float(all(own[r] >= lack[r] - NOTHING for r in self.kinds)),
            float(all(own[r] >= uncovered[r] - NOTHING for r in self.kinds)),
            ratio(sum(gives), sum(lack[r] / unit[r] for r in self.kinds), 1.0),
            ratio(sum(helps), sum(uncovered[r] / unit[r] for r in self.kinds), 1.0),
            min(len(nearer) / self.ideal(j), 2.0),
            min(len(others) / self.ideal(j), 2.0),
            min(len(nearer_free) / 4.0, 2.0),
            max(-2.0, min(2.0, (distance - nearest_free) / self.world.sensing_radius_m)),
            float(all(supply[r] >= uncovered[r] - NOTHING for r in self.kinds)),
            min(distance / self.cruise[i] / max(self.time_limit - self.time, 1.0), 2.0),
        ]


def generated(config: Config, num_worlds: int = 6) -> AllocateWorlds:
    source = AllocateGenerator(config.generator, config.world, seed=2, is_training=False)
    return AllocateWorlds(source, config.world, config.reward, num_worlds)


def idling(observation: Observation[NDArray[Any]], actions: NDArray[np.int16], step: int) -> NDArray[np.int16]:
    """The actions, but every third UAV waits at a step, so that some are free while others are under way."""
    waits = (np.arange(actions.shape[1]) + step) % 3 == 0
    return np.where(waits & observation.action_mask[..., WAIT], WAIT, actions).astype(np.int16)


def test_rows__are_the_listed_columns(ruled: Config) -> None:
    worlds, policy = generated(ruled), HEURISTICS["random"](0)
    worlds.reset()
    worlds.state.preference[:] = [0.5, 3.0, 1.0]
    observation, num_pairs, num_present = worlds.observe(), 0, 0

    for step in range(25):
        num_present += worlds.state.uav_present.sum()
        for b in range(worlds.state.num_worlds):
            seen = Seen(worlds, b)
            for i in seen.uavs:
                np.testing.assert_allclose(observation.uav[b, i], seen.uav_row(i), rtol=1e-4, atol=1e-5)
                for c in np.flatnonzero(observation.candidates[b, i] >= 0):
                    expected = seen.pair_row(i, int(observation.candidates[b, i, c]))
                    np.testing.assert_allclose(observation.pair[b, i, c], expected, rtol=1e-4, atol=1e-5)
                    num_pairs += 1
            for j in seen.targets:
                expected = seen.target_row(j) if seen.is_open(j) else [0.0] * observation.target.shape[-1]
                np.testing.assert_allclose(observation.target[b, j], expected, rtol=1e-4, atol=1e-5)
        actions = policy.act(worlds, observation)
        observation, _, _ = worlds.step(idling(observation, actions, step))

    assert num_pairs > 300
    assert (num_present > 20) == bool(ruled.generator.has_depot)


def test_mask_and_rows__are_empty_where_nothing_exists(quick_demo: Config) -> None:
    worlds, policy = generated(quick_demo), HEURISTICS["greedy"](0)
    observation, sizes = worlds.reset(), worlds.sizes

    for _ in range(10):
        state = worlds.state
        exists = np.concatenate([state.uav_exists, state.target_open, state.obstacle_exists], axis=1)
        np.testing.assert_array_equal(observation.mask, exists)
        for rows, first in (
            (observation.uav, 0),
            (observation.target, sizes.num_uavs),
            (observation.obstacle, sizes.num_uavs + sizes.num_targets),
        ):
            absent = np.logical_not(exists[:, first : first + rows.shape[1]])
            assert not np.asarray(rows)[absent].any()
        np.testing.assert_array_equal(observation.action_mask[..., 1:], np.greater_equal(observation.candidates, 0))
        assert observation.action_mask[..., WAIT].all()
        observation, _, _ = worlds.step(policy.act(worlds, observation))


def test_obstacle_rows__hold_radius_and_clearance(quick_demo: Config) -> None:
    worlds = generated(quick_demo)

    observation = worlds.reset()

    radius_m, exists = worlds.state.obstacle_radius_m, worlds.state.obstacle_exists
    sensing_m, clearance_m = quick_demo.world.sensing_radius_m, quick_demo.world.obstacle_clearance_m
    expected = np.stack([radius_m, radius_m + clearance_m], axis=-1) / sensing_m
    np.testing.assert_allclose(
        observation.obstacle.astype(np.float32), np.where(exists[..., None], expected, 0.0), rtol=1e-6
    )
    assert exists.any()


@pytest.mark.parametrize("quarter_turns", [1, 2, 3])
def test_rows__do_not_change_when_the_world_is_turned(quick_demo: Config, quarter_turns: int) -> None:
    worlds = generated(quick_demo, 1)
    worlds.reset()
    data = scenario_of(worlds.state, 0).as_dict()
    side_m = data["area"]["width_m"]

    def turned(point_m: list[float]) -> list[float]:
        for _ in range(quarter_turns):
            point_m = [side_m - point_m[1], point_m[0]]
        return point_m

    def observed(scenario: dict[str, Any]) -> Observation[NDArray[Any]]:
        source = ScenarioFiles([parse_scenario(scenario, "given")], quick_demo.world, seed=0)
        return AllocateWorlds(source, quick_demo.world, quick_demo.reward, num_worlds=1).reset()

    before = observed(data)
    for uav in data["uavs"]:
        uav["heading_rad"] += 0.5 * math.pi * quarter_turns
    for entity in (*data["uavs"], *data["targets"]):
        entity["position_m"] = turned(entity["position_m"])
    for zone in data["obstacles"]:
        zone["center_m"] = turned(zone["center_m"])
    after = observed(data)

    for name in ("uav", "target", "obstacle", "pair"):
        np.testing.assert_allclose(getattr(after, name), getattr(before, name), rtol=1e-4, atol=1e-5, err_msg=name)
    np.testing.assert_array_equal(after.candidates, before.candidates)
    np.testing.assert_array_equal(after.neighbours, before.neighbours)


def test_observation__stays_small_where_nobody_carries_a_kind_that_is_demanded(quick_demo: Config) -> None:
    source = AllocateGenerator(quick_demo.generator, quick_demo.world, 0, is_training=False)
    worlds = AllocateWorlds(source, quick_demo.world, quick_demo.reward, 20)
    worlds.reset()
    for array in (worlds.state.uav_resources, worlds.state.uav_initial_resources):
        array[..., 0] = 0.0

    observation = worlds.observe()

    assert max(np.abs(array).max() for array in (observation.uav, observation.target, observation.pair)) < 20.0
