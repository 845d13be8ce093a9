"""Laws that hold for all heuristics."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rl_cluster.environment.allocate.heuristics import HEURISTICS
from rl_cluster.environment.allocate.scenarios import ScenarioFiles, scenario_of
from rl_cluster.environment.allocate.state import EPSILON
from rl_cluster.environment.allocate.worlds import AllocateWorlds
from rl_cluster.types import WAIT
from tests.unit.environment.allocate.heuristics.cases import (
    CAPABILITY,
    HOVERS,
    NAMES,
    PLANNERS,
    SYNC,
    VARIANTS,
    WORLD,
    chosen,
    generated,
    generated_by,
    given,
    played,
)

pytestmark = pytest.mark.slow

EQUIVARIANT = ["greedy", "hungarian", "commitment-aware", "cbba", "complete-only"]
UNSOLVABLE = ("failing", "scarce", "rich", "sync without replanning")
"""Variants with other supply, or in which a choice or a failure may make targets impossible to serve."""
UAV_FIELDS = (
    *("uav_position_m", "uav_heading_rad", "uav_resources", "uav_range_m", "uav_speed_mps", "uav_cruise_mps"),
    *("uav_max_turn_rate_radps", "uav_goal_m", "uav_fails_s"),
)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", NAMES)
def test_heuristics__choose_only_legal_actions(name: str, variant: str) -> None:
    worlds, policy = generated_by(VARIANTS[variant], 16), HEURISTICS[name](0)
    observation = worlds.reset()

    for _ in range(30):
        actions = policy.act(worlds, observation)
        legal = np.take_along_axis(observation.action_mask, actions[..., None].astype(np.int64), axis=2)
        assert actions.dtype == np.int16
        assert legal.all()
        observation, _, _ = worlds.step(actions)

    assert worlds.state.episode.max() > 0


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", NAMES)
def test_heuristics__decide_alike_whatever_the_batch(name: str, variant: str) -> None:
    together, policy = generated_by(VARIANTS[variant], 5), HEURISTICS[name](0)
    alone = [generated_by(VARIANTS[variant], 1, first_world=world) for world in range(5)]
    seen_together, seen_alone = together.reset(), [worlds.reset() for worlds in alone]

    for _ in range(8):
        actions = policy.act(together, seen_together)
        for row, worlds in enumerate(alone):
            own = policy.act(worlds, seen_alone[row])
            np.testing.assert_array_equal(own[0], actions[row])
            seen_alone[row], _, _ = worlds.step(own)
        seen_together, _, _ = together.step(actions)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", EQUIVARIANT)
def test_heuristics__regard_no_numbers_of_uavs(name: str, variant: str) -> None:
    """UAVs in another order get the same targets, each its own. Leftovers of `complete-first` choose in turn."""
    worlds, policy, rng = generated_by(VARIANTS[variant], 12), HEURISTICS[name](0), np.random.default_rng(0)
    targets = chosen(worlds.reset(), policy.act(worlds, worlds.observation))
    num_flying = 0

    for row in range(12):
        order = rng.permutation(int(worlds.state.uav_exists[row].sum()))
        scenario = scenario_of(worlds.state, row)
        uavs: dict[str, Any] = {field: np.asarray(getattr(scenario, field))[order] for field in UAV_FIELDS}
        source = ScenarioFiles([replace(scenario, uav_ids=tuple(f"u{i}" for i in order), **uavs)], worlds.world, seed=0)
        permuted = AllocateWorlds(source, worlds.world, worlds.reward, num_worlds=1)
        others = chosen(permuted.reset(), policy.act(permuted, permuted.observation))
        np.testing.assert_array_equal(others[0], targets[row, order])
        num_flying += (others != HOVERS).sum()

    assert num_flying > 0


SOLVABLE = [
    *("generator.supply_demand_ratio=[2, 2]", "generator.range_sides=[50, 50]", "world.time_limit_sides=60"),
    *("generator.num_uavs=[6, 6]", "generator.num_targets=[6, 6]"),
]
"""All targets can be served, whoever has gone where before."""


@pytest.mark.parametrize("variant", [name for name in VARIANTS if name not in UNSOLVABLE])
@pytest.mark.parametrize("name", NAMES)
def test_heuristics__serve_all_targets_where_that_stays_possible(name: str, variant: str) -> None:
    worlds = played(name, generated_by([*VARIANTS[variant], *SOLVABLE], 16))

    outcomes = worlds.outcomes(worlds.state.ended)

    assert outcomes["satisfied_rate"].tolist() == [1.0] * 16
    assert not outcomes["deadlock_rate"].any()


@pytest.mark.parametrize("name", NAMES)
def test_heuristics__do_not_turn_round_for_ever(name: str) -> None:
    """Under sync, where some can always begin until no target can be covered, no episode lasts until its time limit."""
    settings = [
        *("generator.supply_demand_ratio=[1, 1]", "generator.target_value=[1, 10]", "generator.has_depot=true", SYNC),
        *("generator.service_time_s=[0, 90]", "generator.range_sides=[50, 50]", "world.time_limit_sides=40"),
    ]

    worlds = played(name, generated_by(settings, 64))

    assert not worlds.outcomes(worlds.state.ended)["timeout_rate"].any()


@pytest.mark.parametrize("overrides", [(), (SYNC,), (CAPABILITY,), (SYNC, CAPABILITY)], ids=" ".join)
@pytest.mark.parametrize("num_uavs", [3, 8])
@pytest.mark.parametrize("name", NAMES)
def test_heuristics__do_not_let_equal_uavs_stand_off(name: str, num_uavs: int, overrides: tuple[str, ...]) -> None:
    """UAVs that start alike at one point serve all targets: fewer than themselves, as many, more, and all by three."""
    uavs = [(500.0, 500.0, [30.0, 30.0])] * num_uavs
    for num_targets, demand in ((num_uavs - 1, 20.0), (num_uavs, 30.0), (num_uavs + 1, 20.0), (num_uavs // 3, 90.0)):
        places = [(2500.0 + 400.0 * (j % 5), 900.0 + 700.0 * (j // 5), [demand, demand]) for j in range(num_targets)]

        worlds = played(name, given(uavs, places, ("world.time_limit_sides=40", *overrides)))

        assert worlds.outcomes(worlds.state.ended)["satisfied_rate"] == 1.0, (num_targets, demand)


@pytest.mark.parametrize("name", ["random", "greedy"])
def test_unaware_heuristics__hover_only_without_a_legal_target(name: str) -> None:
    worlds, policy = generated(32), HEURISTICS[name](0)
    observation = worlds.reset()

    for _ in range(10):
        actions = policy.act(worlds, observation)
        np.testing.assert_array_equal(actions == WAIT, np.logical_not(observation.action_mask[..., 1:].any(axis=2)))
        observation, _, _ = worlds.step(actions)


@pytest.mark.parametrize("name", PLANNERS)
def test_planners__hover_only_where_nothing_helps(name: str) -> None:
    worlds, policy = generated(32), HEURISTICS[name](0)
    observation, num_hovering = worlds.reset(), 0

    for _ in range(10):
        actions = policy.act(worlds, observation)
        targets, state = chosen(observation, actions), worlds.state
        for b, i in np.argwhere(state.uav_exists & (actions == WAIT)):
            for j in observation.candidates[b, i][observation.action_mask[b, i, 1:]]:
                committed = state.uav_resources[b, targets[b] == j].sum(axis=0)
                uncovered = np.maximum(state.target_remaining[b, j] - committed, 0.0)
                assert np.minimum(state.uav_resources[b, i], uncovered).max() <= 2.0 * EPSILON
                num_hovering += 1
        observation, _, _ = worlds.step(actions)

    assert num_hovering > 0


@pytest.mark.parametrize("name", NAMES)
def test_heuristics__keep_the_target_without_replanning(name: str) -> None:
    worlds, policy = generated(16, world=WORLD.model_copy(update={"replan": False})), HEURISTICS[name](0)
    observation, num_kept = worlds.reset(), 0

    for _ in range(6):
        actions = policy.act(worlds, observation)
        keeps = np.logical_not(observation.action_mask[..., WAIT])
        np.testing.assert_array_equal(chosen(observation, actions)[keeps], worlds.state.uav_choice[keeps])
        num_kept += keeps.sum()
        observation, _, _ = worlds.step(actions)

    assert num_kept > 0


@pytest.mark.parametrize("name", NAMES)
def test_heuristics__say_whether_they_draw(name: str) -> None:
    """Who draws nothing decides alike with another seed."""
    worlds = generated(32)
    observation = worlds.reset()
    first, second = (HEURISTICS[name](seed).act(worlds, observation) for seed in (0, 1))

    assert HEURISTICS[name](0).is_deterministic == np.array_equal(first, second)
