"""Choices one after the other: against a looped reference, and what follows from them for UAVs that are alike."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rl_cluster.config.schema import Config
from rl_cluster.environment.allocate.generator import AllocateGenerator
from rl_cluster.environment.allocate.legality import is_coverable
from rl_cluster.environment.allocate.state import EPSILON, AllocateState
from rl_cluster.environment.allocate.turns import take_turns
from rl_cluster.environment.allocate.worlds import AllocateWorlds
from rl_cluster.types import WAIT, FloatArray, Observation
from tests.unit.environment.allocate.given_world import given, target, uav

NUM_WORLDS, NUM_STEPS = 24, 10

AnyObservation = Observation[NDArray[Any]]


def generated(config: Config, num_worlds: int = NUM_WORLDS, first_world: int = 0) -> AllocateWorlds:
    source = AllocateGenerator(config.generator, config.world, seed=8, is_training=False)
    return AllocateWorlds(source, config.world, config.reward, num_worlds, first_world)


def log_probabilities(observation: AnyObservation, rng: np.random.Generator) -> FloatArray:
    """Of a policy that was drawn; it prefers waiting as often as any target."""
    logits = np.where(observation.action_mask, 2.0 * rng.standard_normal(observation.action_mask.shape), -1e9)
    return (logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))).astype(np.float32)


def waits_at(state: AllocateState, b: int, i: int, j: int) -> bool:
    is_here = state.uav_choice[b, i] == j and bool(state.uav_present[b, i])
    return is_here and bool(np.isinf(state.uav_service_ends_s[b, i]))


def looped(
    worlds: AllocateWorlds, seen: AnyObservation, logp: FloatArray, b: int
) -> tuple[dict[int, int], dict[int, set[int]]]:
    """UAV -> action, and UAV -> its legal actions, of world b; scores are log-probabilities."""
    state = worlds.state
    left = {j: state.target_remaining[b, j].astype(float) for j in np.flatnonzero(state.target_exists[b]).tolist()}
    legal = {
        i: set(np.flatnonzero(seen.action_mask[b, i]).tolist()) for i in np.flatnonzero(state.uav_exists[b]).tolist()
    }

    def place(i: int) -> tuple[float, float]:
        best = max(legal[i], key=lambda action: (logp[b, i, action], -action))
        if best == WAIT:
            distance = np.inf
        else:
            there = state.target_position_m[b, seen.candidates[b, i, best - 1]]
            distance = float(np.linalg.norm(there.astype(float) - state.uav_position_m[b, i]))
        return (-logp[b, i, best] if seen.decides[b, i] else -np.inf), distance

    order, does_move = sorted(legal, key=place), False
    actions: dict[int, int] = {}
    for i in order:
        goal_of = {action: int(seen.candidates[b, i, action - 1]) for action in legal[i] if action != WAIT}
        if seen.decides[b, i]:
            carried = state.uav_resources[b, i].astype(float)
            helpful = {a for a, j in goal_of.items() if (np.minimum(carried, left[j]) > EPSILON).any()}
            legal[i] = helpful | {WAIT}
            if i == order[-1] and not does_move:
                moves = {
                    a for a in helpful if is_coverable(state, b, goal_of[a]) and not waits_at(state, b, i, goal_of[a])
                }
                legal[i] = moves or legal[i]
        actions[i] = max(legal[i], key=lambda action: (logp[b, i, action], -action))
        if actions[i] != WAIT:
            j = goal_of[actions[i]]
            does_move |= not waits_at(state, b, i, j)
            left[j] = np.maximum(left[j] - state.uav_resources[b, i], 0.0)
    return actions, legal


def test_take_turns__equals_the_loop_and_touches_nothing(ruled: Config) -> None:
    worlds, rng, num_forced = generated(ruled), np.random.default_rng(0), 0
    sees = worlds.reset()
    for _ in range(NUM_STEPS):
        logp, before, mask = log_probabilities(sees, rng), worlds.state_dict(), sees.action_mask.copy()

        actions, seen = take_turns(worlds.state, sees, logp, logp)

        for name, array in worlds.state_dict().items():
            np.testing.assert_array_equal(array, before[name], err_msg=name)
        np.testing.assert_array_equal(sees.action_mask, mask)
        for b in np.flatnonzero(~worlds.state.ended).tolist():
            expected, legal = looped(worlds, sees, logp, b)
            for i, action in expected.items():
                assert actions[b, i] == action
                assert set(np.flatnonzero(seen.action_mask[b, i]).tolist()) == legal[i]
                assert seen.decides[b, i] == (len(legal[i]) > 1)
                num_forced += WAIT not in legal[i] and bool(mask[b, i, WAIT])
        worlds.advance(actions)
        sees = worlds.observe()
    assert num_forced > 0


def test_take_turns__plays_a_world_alike_in_any_batch(ruled: Config) -> None:
    together, alone = generated(ruled), generated(ruled, 1, first_world=5)
    sees, sees_alone, rng = together.reset(), alone.reset(), np.random.default_rng(1)
    for _ in range(NUM_STEPS):
        logp = log_probabilities(sees, rng)

        actions, seen = take_turns(together.state, sees, logp, logp)
        actions_alone, seen_alone = take_turns(alone.state, sees_alone, logp[5:6], logp[5:6])

        np.testing.assert_array_equal(actions_alone[0], actions[5])
        np.testing.assert_array_equal(seen_alone.action_mask[0], seen.action_mask[5])
        for worlds, chosen in ((together, actions), (alone, actions_alone)):
            worlds.advance(chosen)
        sees, sees_alone = together.observe(), alone.observe()


def test_take_turns__does_not_depend_on_the_order_of_the_uavs(quick_demo: Config) -> None:
    """Confidences differ, so nobody's number decides."""
    uavs = [uav(1000.0 + 300.0 * i, [30.0 + 10.0 * i, 50.0]) for i in range(5)]
    targets = [target(3000.0, [60.0, 40.0]), target(2500.0, [90.0, 90.0], y=3000.0), target(500.0, [20.0, 0.0])]
    permutation = [3, 0, 4, 2, 1]
    plain = given(quick_demo, uavs, targets)
    permuted = given(quick_demo, [uavs[i] for i in permutation], targets)
    rng = np.random.default_rng(2)
    for _ in range(50):
        logp = log_probabilities(plain.observe(), rng)

        actions, seen = take_turns(plain.state, plain.observe(), logp, logp)
        mirrored, mirrored_seen = take_turns(
            permuted.state, permuted.observe(), logp[:, permutation], logp[:, permutation]
        )

        np.testing.assert_array_equal(mirrored, actions[:, permutation])
        np.testing.assert_array_equal(mirrored_seen.action_mask, seen.action_mask[:, permutation])


@pytest.mark.parametrize("num_uavs", [2, 4, 6])
def test_equal_uavs_at_one_point__choose_unlike_targets(quick_demo: Config, num_uavs: int) -> None:
    """One network gives them equal probabilities; each target needs one of them."""
    targets = [target(3000.0 + 100.0 * j, [40.0, 40.0], y=1000.0 + 300.0 * j) for j in range(num_uavs)]
    worlds = given(quick_demo, [uav(1000.0, [50.0, 50.0])] * num_uavs, targets)
    seen = worlds.observe()
    logp = np.log(np.full((1, num_uavs, 1 + num_uavs), 1.0 / (1 + num_uavs), dtype=np.float32))
    logp += np.array([-0.5, 0.0, 0.5] + [0.0] * (num_uavs - 2), dtype=np.float32)  # all like one target best

    actions, _ = take_turns(worlds.state, seen, logp, logp)

    chosen = [seen.candidates[0, i, action - 1] for i, action in enumerate(actions[0])]
    assert WAIT not in actions[0]
    assert sorted(chosen) == list(range(num_uavs))


def test_three_of_a_kind__serve_a_target_that_takes_two(quick_demo: Config) -> None:
    """Under sync and capability they once stood off, each at a target of its own, for ever."""
    rules: dict[str, Any] = {"coalition": "sync", "resource_kind": "capability"}
    targets = [target(2000.0, [80.0, 80.0], y=1000.0 + 500.0 * j) for j in range(3)]
    worlds = given(quick_demo, [uav(1000.0, [50.0, 50.0])] * 3, targets, **rules)
    rng = np.random.default_rng(3)
    while not worlds.state.ended[0]:
        logp = log_probabilities(worlds.observe(), rng)
        worlds.advance(take_turns(worlds.state, worlds.observation, logp, logp)[0])
        worlds.observe()

    assert worlds.outcomes(worlds.state.ended)["satisfied_rate"] == [1.0]


def test_all_want_to_wait__one_goes_while_a_target_can_be_served(quick_demo: Config) -> None:
    worlds = given(quick_demo, [uav(1000.0, [50.0, 50.0]), uav(1500.0, [50.0, 50.0])], [target(3000.0, [80.0, 80.0])])
    logp = np.log(np.array([[[0.8, 0.2], [0.9, 0.1]]], dtype=np.float32))

    actions, seen = take_turns(worlds.state, worlds.observe(), logp, logp)

    assert actions.tolist() == [[1, WAIT]]  # the less confident one chooses last
    assert seen.action_mask.tolist() == [[[False, True], [True, True]]]
    assert seen.decides.tolist() == [[False, True]]


def test_all_want_to_wait__they_may_if_nothing_can_be_served_wholly(quick_demo: Config) -> None:
    worlds = given(quick_demo, [uav(1000.0, [50.0, 50.0])] * 2, [target(3000.0, [180.0, 80.0])])
    logp = np.log(np.array([[[0.8, 0.2], [0.9, 0.1]]], dtype=np.float32))

    actions, _ = take_turns(worlds.state, worlds.observe(), logp, logp)

    assert actions.tolist() == [[WAIT, WAIT]]
