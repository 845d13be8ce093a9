"""Heuristics: laws that hold for all, then cases on a few UAVs and targets that can be solved by hand."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rl_cluster.config.allocate import AllocateWorldConfig
from rl_cluster.config.load import load_config
from rl_cluster.environment.allocate.generator import AllocateGenerator
from rl_cluster.environment.allocate.heuristics import HEURISTICS
from rl_cluster.environment.allocate.scenarios import ScenarioFiles
from rl_cluster.environment.allocate.state import EPSILON
from rl_cluster.environment.allocate.worlds import AllocateWorlds
from rl_cluster.environment.scenario.scenario_file import parse_scenario
from rl_cluster.types import WAIT, Observation

CONFIG = load_config("quick_demo")
WORLD, REWARD, GENERATOR = CONFIG.world, CONFIG.reward, CONFIG.generator
NAMES = list(HEURISTICS)
PLANNERS = ["hungarian", "commitment-aware", "complete-first"]
HOVERS = -1


def generated(num_worlds: int, first_world: int = 0, world: AllocateWorldConfig = WORLD) -> AllocateWorlds:
    source = AllocateGenerator(GENERATOR, world, seed=3, is_training=False)
    return AllocateWorlds(source, world, REWARD, num_worlds, first_world)


def given(
    uavs: list[tuple[float, float, list[float]]], targets: list[tuple[float, float, list[float]]]
) -> AllocateWorlds:
    """One world of UAVs (x, y, resources) and targets (x, y, demand)."""
    flight = {"heading_rad": 0.0, "range_m": 9000.0, "speed_mps": [15.0, 40.0], "cruise_mps": 25.0}
    data: dict[str, Any] = {
        "name": "given",
        "area": {"width_m": 5000.0, "height_m": 5000.0},
        "uavs": [{"id": f"u{i}", "position_m": [x, y], "resources": r, **flight} for i, (x, y, r) in enumerate(uavs)],
        "targets": [
            {"id": f"t{j}", "position_m": [x, y], "demand": d, "value": 1.0} for j, (x, y, d) in enumerate(targets)
        ],
    }
    return AllocateWorlds(ScenarioFiles([parse_scenario(data, "given")], WORLD, seed=0), WORLD, REWARD, num_worlds=1)


def chosen(observation: Observation[NDArray[Any]], actions: NDArray[np.int16]) -> NDArray[np.int16]:
    """Target (B, N) of each action; HOVERS for waiting."""
    candidate = np.take_along_axis(observation.candidates, np.maximum(actions - 1, 0)[..., None], axis=2)[..., 0]
    return np.where(actions == WAIT, HOVERS, candidate)


def plan(name: str, worlds: AllocateWorlds) -> list[int]:
    observation = worlds.reset()
    return chosen(observation, HEURISTICS[name](0).act(worlds, observation))[0].tolist()


@pytest.mark.parametrize("name", NAMES)
def test_heuristics__choose_only_legal_actions(name: str) -> None:
    worlds, policy = generated(32), HEURISTICS[name](0)
    observation = worlds.reset()

    for _ in range(40):
        actions = policy.act(worlds, observation)
        legal = np.take_along_axis(observation.action_mask, actions[..., None].astype(np.int64), axis=2)
        assert actions.dtype == np.int16
        assert legal.all()
        observation, _, _ = worlds.step(actions)

    assert worlds.state.episode.max() > 0


@pytest.mark.parametrize("name", NAMES)
def test_heuristics__decide_alike_whatever_the_batch(name: str) -> None:
    together, policy = generated(7), HEURISTICS[name](0)
    alone = [generated(1, first_world=world) for world in range(7)]
    seen_together, seen_alone = together.reset(), [worlds.reset() for worlds in alone]

    for _ in range(8):
        actions = policy.act(together, seen_together)
        for row, worlds in enumerate(alone):
            own = policy.act(worlds, seen_alone[row])
            np.testing.assert_array_equal(own[0], actions[row])
            seen_alone[row], _, _ = worlds.step(own)
        seen_together, _, _ = together.step(actions)


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


def test_random__keeps_its_target() -> None:
    worlds = given([(500, 500, [50.0])], [(4000, 500 + 300 * j, [80.0]) for j in range(8)])
    policy, observation = HEURISTICS["random"](0), worlds.reset()
    targets = []

    for _ in range(6):
        actions = policy.act(worlds, observation)
        targets.append(int(chosen(observation, actions)[0, 0]))
        worlds.advance(actions)
        observation = worlds.observe()

    assert len(set(targets)) == 1


def test_random__draws_every_target_about_equally_often() -> None:
    worlds = given([(500, 500, [50.0])] * 50, [(4000, 500 + 300 * j, [80.0]) for j in range(4)])

    counts = sum(
        np.bincount(chosen(worlds.reset(), HEURISTICS["random"](seed).act(worlds, worlds.reset()))[0], minlength=4)
        for seed in range(20)
    )

    # 1000 draws: 250 each, standard deviation sqrt(1000 / 4 * 3 / 4) = 13.7; four of them is 55.
    np.testing.assert_allclose(counts, 250, atol=55)


def test_greedy__meets_at_the_nearest_target() -> None:
    worlds = given([(500, 500, [50.0]), (700, 500, [50.0])], [(1000, 500, [50.0]), (500, 1500, [50.0])])

    assert plan("greedy", worlds) == [0, 0]


def test_greedy__keeps_its_target_when_another_comes_nearer() -> None:
    worlds = given([(500, 500, [50.0])], [(1000, 500, [50.0]), (500, 1500, [50.0])])
    worlds.reset()
    worlds.state.uav_choice[0, 0] = 1
    observation = worlds.observe()

    actions = HEURISTICS["greedy"](0).act(worlds, observation)

    assert chosen(observation, actions).tolist() == [[1]]


# On a line: u0 at 0, t0 at 200, u1 at 300, t1 at 900 (all + 500). The shortest pair is (u1, t0) with 100 m, which
# leaves (u0, t1) with 900 m, together 1000 m; (u0, t0) and (u1, t1) are 200 + 600 = 800 m.
LINE_UAVS = [(500.0, 500.0, [50.0]), (800.0, 500.0, [50.0])]
LINE_TARGETS = [(700.0, 500.0, [50.0]), (1400.0, 500.0, [50.0])]


def test_hungarian__takes_the_least_total_distance() -> None:
    assert plan("hungarian", given(LINE_UAVS, LINE_TARGETS)) == [0, 1]


def test_hungarian__adds_uavs_round_by_round_until_covered() -> None:
    uavs = [(500.0 + 300.0 * i, 500.0, [50.0]) for i in range(3)]

    # 100 = 50 + 50: the two nearer ones, u2 (100 m away) and u1 (400 m); u0 is left over.
    assert plan("hungarian", given(uavs, [(1200.0, 500.0, [100.0])])) == [HOVERS, 0, 0]


def test_hungarian__sends_nobody_who_lacks_the_kind() -> None:
    worlds = given([(900.0, 500.0, [50.0, 0.0]), (500.0, 500.0, [0.0, 50.0])], [(1200.0, 500.0, [0.0, 40.0])])

    assert plan("hungarian", worlds) == [HOVERS, 0]


def test_commitment_aware__takes_the_shortest_pair_first() -> None:
    assert plan("commitment-aware", given(LINE_UAVS, LINE_TARGETS)) == [1, 0]


def test_commitment_aware__counts_what_is_promised_by_kind() -> None:
    uavs = [(1100.0, 500.0, [60.0, 0.0]), (1000.0, 500.0, [60.0, 0.0]), (500.0, 500.0, [0.0, 60.0])]
    worlds = given(uavs, [(1200.0, 500.0, [60.0, 60.0]), (3000.0, 500.0, [10.0, 0.0])])

    # u0 covers t0's first kind, so u1 helps only at t1; t0's second kind is u2's.
    assert plan("commitment-aware", worlds) == [0, 1, 0]


def test_complete_first__leaves_out_what_cannot_be_covered() -> None:
    uavs = [(500.0, 500.0, [50.0]), (600.0, 500.0, [50.0])]
    targets = [(700.0, 500.0, [150.0]), (2000.0, 500.0, [100.0])]

    # Both together carry 100: enough for t1, not for the nearer t0.
    assert plan("complete-first", given(uavs, targets)) == [1, 1]
    assert plan("commitment-aware", given(uavs, targets)) == [0, 0]


def test_complete_first__takes_the_cheapest_team_first() -> None:
    uavs = [(500.0, 500.0, [50.0]), (1000.0, 500.0, [50.0])]
    targets = [(750.0, 500.0, [100.0]), (1400.0, 500.0, [50.0])]

    # t0 needs both, 250 + 250 m; t1 needs only u1, 400 m. Then t0 cannot be covered, and u0 helps it as a leftover.
    assert plan("complete-first", given(uavs, targets)) == [0, 1]


def test_complete_first__passes_over_who_does_not_help() -> None:
    uavs = [(1100.0, 500.0, [60.0, 0.0]), (1000.0, 500.0, [60.0, 0.0]), (500.0, 500.0, [0.0, 60.0])]

    assert plan("complete-first", given(uavs, [(1200.0, 500.0, [60.0, 60.0])])) == [0, HOVERS, 0]
