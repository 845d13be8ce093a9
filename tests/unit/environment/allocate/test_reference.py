"""Batched kernels against the looped world : choices, flights, deliveries, rewards and metrics.

Once with teams of three sizes, and once with every combination of the rules that can be switched on.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rl_cluster.config.allocate import AllocateRewardConfig
from rl_cluster.config.schema import Config
from rl_cluster.environment.allocate.generator import AllocateGenerator
from rl_cluster.environment.allocate.state import AllocateState
from rl_cluster.environment.allocate.worlds import AllocateWorlds
from rl_cluster.types import Observation
from tests.reference.allocate_world import LoopedWorld

SEED = 21


def assert_same_state(looped: LoopedWorld, state: AllocateState, row: int) -> None:
    """Within 1e-5 of the unit of each quantity: 1 km, 100 units of a resource, 1 rad."""
    num_uavs, num_targets = len(looped.uavs), len(looped.targets)
    for array, attribute, unit in (
        (state.uav_position_m, "position", 1000.0),
        (state.uav_range_left_m, "range_left", 1000.0),
        (state.uav_flown_m, "flown", 1000.0),
        (state.uav_resources, "resources", 100.0),
        (state.uav_choice, "choice", 0.0),
        (state.uav_collisions, "num_collisions", 0.0),
        (state.uav_wasted_trips, "num_wasted", 0.0),
        (state.uav_inside_obstacle, "is_inside", 0.0),
        (state.uav_present, "is_present", 0.0),
        (state.uav_service_ends_s, "service_ends", 0.0),
        (state.uav_waited_s, "waited", 0.0),
    ):
        expected = [getattr(uav, attribute) for uav in looped.uavs]
        np.testing.assert_allclose(array[row, :num_uavs], expected, rtol=1e-5, atol=1e-5 * unit, err_msg=attribute)
    turned = state.uav_heading_rad[row, :num_uavs] - [uav.heading for uav in looped.uavs]
    np.testing.assert_allclose(np.sin(turned / 2.0), 0.0, atol=1e-5)
    remaining = [target.remaining for target in looped.targets]
    np.testing.assert_allclose(state.target_remaining[row, :num_targets], remaining, rtol=1e-5, atol=1e-3)
    assert state.time_s[row] == looped.time


def choices_of(actions: NDArray[np.int16], candidates: NDArray[np.int16]) -> list[int]:
    return [int(candidates[i, action - 1]) if action > 0 else -1 for i, action in enumerate(actions)]


def random_actions(
    worlds: AllocateWorlds, observation: Observation[NDArray[Any]], rng: np.random.Generator
) -> NDArray[np.int16]:
    """Legal actions; a UAV's current choice is drawn more often, so that it arrives at times."""
    preference = rng.random(observation.action_mask.shape)
    is_current = observation.candidates == worlds.state.uav_choice[..., None]
    preference[..., 1:] += 0.7 * (is_current & (observation.candidates >= 0))
    return np.where(observation.action_mask, preference, -1.0).argmax(axis=-1).astype(np.int16)


ALL_TERMS = AllocateRewardConfig(
    completion=2.0,
    share=0.3,
    waste=0.4,
    congestion=0.7,
    path=0.2,
    time=0.01,
    approach=0.5,
    collision=0.6,
    all_done=0.9,
    own_weight=0.3,
)


@dataclass
class Compared:
    """What the ended episodes met, so that no rule goes untested."""

    num_deadlocked: int = 0
    num_idle: int = 0
    """deadlocked because nobody did anything, although somebody might have"""
    num_late: int = 0
    num_closed: int = 0
    num_wasted: int = 0
    num_crowded: int = 0
    num_done: int = 0
    waited_s: float = 0.0

    def add(self, world: LoopedWorld) -> None:
        self.num_deadlocked += world.is_deadlocked
        self.num_idle += world.is_deadlocked and not world.is_stuck()
        self.num_done += world.is_terminated
        self.num_late += world.is_truncated and not world.is_deadlocked
        self.num_wasted += sum(uav.num_wasted for uav in world.uavs)
        self.num_closed += sum(not target.is_unmet for target in world.targets)
        self.num_crowded += sum(target.crowding > 0.0 for target in world.targets)
        self.waited_s += sum(uav.waited for uav in world.uavs)


SIZES = [(3, 2, 0, 2), (6, 5, 3, 2), pytest.param((16, 12, 6, 3), marks=pytest.mark.slow)]
"""UAVs, targets, zones and kinds at most; half of that at least."""


@pytest.fixture(params=SIZES, ids=str)
def config(request: pytest.FixtureRequest, quick_demo: Config) -> Config:
    num_uavs, num_targets, num_zones, num_kinds = request.param
    changes = {
        "num_uavs": ((num_uavs + 1) // 2, num_uavs),
        "num_targets": ((num_targets + 1) // 2, num_targets),
        "num_obstacles": ((num_zones + 1) // 2, num_zones),
        "num_resources": num_kinds,
        "polygon_share": 0.5,
        "range_sides": (0.4, 2.5),
    }
    # slow enough, in short enough episodes, for all of them: deadlocks, time limits, wasted trips, crowding
    changes |= {"cruise_mps": (20.0, 30.0), "speed_share": (0.6, 1.5)}
    world = quick_demo.world.model_copy(update={"num_candidates": 4, "time_limit_sides": 2.0})
    return quick_demo.model_copy(
        update={"generator": quick_demo.generator.model_copy(update=changes), "world": world, "reward": ALL_TERMS}
    )


def play(
    config: Config, num_worlds: int, num_steps: int, generator: type[AllocateGenerator] = AllocateGenerator
) -> Iterator[tuple[AllocateWorlds, list[LoopedWorld]]]:
    """Both, after each interval, before the ended episodes are reset."""
    source = generator(config.generator, config.world, SEED, False)
    worlds = AllocateWorlds(source, config.world, config.reward, num_worlds)
    observation, rng = worlds.reset(), np.random.default_rng(SEED)

    def begin(row: int) -> LoopedWorld:
        return LoopedWorld(worlds.state, row, config.world, config.reward)

    looped = [begin(row) for row in range(num_worlds)]
    for _ in range(num_steps):
        for row, world in enumerate(looped):
            for i, uav in enumerate(world.uavs):
                candidates, bound = observation.candidates[row, i], world.is_bound(i)
                expected = world.candidates(i)
                assert candidates[candidates >= 0].tolist() == expected
                assert observation.decides[row, i] == (bool(expected) and not bound)
                mask = [not bound, *(j == uav.choice or not bound for j in expected)]
                assert np.flatnonzero(observation.action_mask[row, i]).tolist() == np.flatnonzero(mask).tolist()
        actions = random_actions(worlds, observation, rng)
        result = worlds.advance(actions)
        for row, world in enumerate(looped):
            rewards = world.advance(choices_of(actions[row], observation.candidates[row])[: len(world.uavs)])
            np.testing.assert_allclose(result.reward[row, : len(rewards)], rewards, rtol=1e-5, atol=1e-5)
            np.testing.assert_array_equal(result.reward[row, len(rewards) :], 0.0)
            ends = result.terminated[row], result.truncated[row], result.deadlocked[row]
            assert ends == (world.is_terminated, world.is_truncated, world.is_deadlocked)
        yield worlds, looped
        worlds.reset_ended()
        looped = [begin(row) if world.has_ended else world for row, world in enumerate(looped)]
        observation = worlds.observe()


def compare(
    config: Config, num_worlds: int, num_steps: int, generator: type[AllocateGenerator] = AllocateGenerator
) -> Compared:
    """Plays both, holds state and outcomes of one against the other, and says what they met."""
    met = Compared()
    for worlds, looped in play(config, num_worlds, num_steps, generator):
        outcomes = worlds.outcomes(worlds.state.ended)
        for row, world in enumerate(looped):
            assert_same_state(world, worlds.state, row)
        for number, world in enumerate(world for world in looped if world.has_ended):
            for name, value in world.outcomes().items():
                assert outcomes[name][number] == pytest.approx(value, rel=1e-5, abs=1e-5, nan_ok=True), name
            met.add(world)
    return met


@pytest.mark.slow
def test_batched_worlds__are_the_looped_world(config: Config) -> None:
    met = compare(config, num_worlds=4, num_steps=200)

    assert min(met.num_deadlocked, met.num_late, met.num_wasted, met.num_crowded) > 0
    assert met.num_closed > 50


RULES = list(itertools.product(("sum", "sync"), ("consumed", "capability"), (0.0, 60.0), (0.0, 0.4), (False, True)))
"""Coalition, kind of resource, longest service, share of targets that appear and of UAVs that fail, depot."""


def with_rules(config: Config, rules: tuple[str, str, float, float, bool], *, replan: bool = True) -> Config:
    """Small teams by these rules; values differ between targets."""
    coalition, kind, service_s, share, has_depot = rules
    changes = {
        "num_uavs": (1, 4),
        "num_targets": (1, 3),
        "num_obstacles": (0, 2),
        "obstacle_radius_m": (60.0, 150.0),
        "cruise_mps": (30.0, 60.0),
        "supply_demand_ratio": (1.0, 2.0),
        "target_value": (0.5, 3.0),
        "service_time_s": (0.0, service_s),
        "appearing_share": share,
        "failing_share": share,
        "has_depot": has_depot,
    }
    world = config.world.model_copy(update={"coalition": coalition, "resource_kind": kind, "replan": replan})
    generator = config.generator.model_copy(update=changes)
    return config.model_copy(update={"generator": generator, "world": world, "reward": ALL_TERMS})


@pytest.mark.parametrize("rules", RULES, ids=str)
def test_batched_worlds__are_the_looped_world_by_all_rules(
    rules: tuple[str, str, float, float, bool], quick_demo: Config
) -> None:
    met = [
        compare(with_rules(quick_demo, rules, replan=replan), num_worlds=4, num_steps=40) for replan in (True, False)
    ]

    assert min(each.num_done for each in met) > 0
    assert all((each.waited_s > 0.0) == (rules[0] == "sync") for each in met)


class UnlikeRules(AllocateGenerator):
    """Every world of the batch has rules of its own."""

    def fill(self, state: AllocateState, rows: NDArray[np.int64], first_world: int) -> None:
        super().fill(state, rows, first_world)
        state.is_sync[rows], state.is_capability[rows] = rows % 2 == 1, rows % 3 == 1
        state.capture_radius_m[rows] = 60.0 + 25.0 * rows
        state.clearance_m[rows] = 10.0 * rows
        state.substep_s[rows] = 0.5 + 0.5 * (rows % 3)
        state.decision_interval_s[rows] = (4.0 + 8.0 * rows) * state.substep_s[rows]


def test_batched_worlds_of_unlike_rules_and_own_depots__are_the_looped_worlds(quick_demo: Config) -> None:
    config = with_rules(quick_demo, ("sum", "consumed", 60.0, 0.4, True))
    generator = config.generator.model_copy(update={"depot_per_uav": True})
    config = config.model_copy(update={"generator": generator})

    met = compare(config, num_worlds=6, num_steps=40, generator=UnlikeRules)

    assert min(met.num_done, met.num_late, met.num_closed) > 0
    assert met.waited_s > 0.0


@pytest.mark.slow
@pytest.mark.parametrize("replan", [True, False])
@pytest.mark.parametrize("coalition", ["sum", "sync"])
def test_batched_worlds__end_like_the_looped_world_where_nobody_does_anything(
    coalition: str, replan: bool, quick_demo: Config
) -> None:
    config = with_rules(quick_demo, (coalition, "consumed", 60.0, 0.4, True), replan=replan)
    world = config.world.model_copy(update={"idle_decisions": 1})

    met = compare(config.model_copy(update={"world": world}), num_worlds=6, num_steps=40)

    assert met.num_idle > 0


@pytest.mark.parametrize("coalition", ["sum", "sync"])
def test_batched_world_of_one_uav_and_one_target__is_the_looped_world(coalition: str, quick_demo: Config) -> None:
    config = with_rules(quick_demo, (coalition, "consumed", 60.0, 0.4, True))
    generator = config.generator.model_copy(update={"num_uavs": (1, 1), "num_targets": (1, 1)})

    met = compare(config.model_copy(update={"generator": generator}), num_worlds=6, num_steps=40)

    assert met.num_done > 0
