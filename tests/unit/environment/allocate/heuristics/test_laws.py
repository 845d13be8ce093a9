"""Laws that hold for all heuristics."""

import numpy as np
import pytest

from rl_cluster.environment.allocate.heuristics import HEURISTICS
from rl_cluster.environment.allocate.state import EPSILON
from rl_cluster.types import WAIT
from tests.unit.environment.allocate.heuristics.cases import NAMES, PLANNERS, WORLD, chosen, generated


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
