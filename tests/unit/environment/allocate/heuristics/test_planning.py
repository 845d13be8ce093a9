"""What heuristics share: distances of legal pairs, commitments, and actions that fly to targets."""

import numpy as np
import pytest

from rl_cluster.environment.allocate.heuristics.planning import (
    IDLE,
    commit,
    commit_kept,
    helps,
    legal_distances,
    nearest_team,
    per_value,
    to_actions,
)
from rl_cluster.types import WAIT
from tests.unit.environment.allocate.heuristics.cases import chosen, generated, given


def test_distances__are_of_legal_pairs_alone() -> None:
    worlds = given([(500.0, 500.0, [50.0, 0.0])], [(800.0, 900.0, [10.0, 0.0]), (600.0, 500.0, [0.0, 10.0])])

    assert legal_distances(worlds.state, worlds.reset()).tolist() == [[[500.0, np.inf]]]


@pytest.mark.parametrize(
    ("supply", "uncovered", "expected"),
    [([5.0, 0.0], [1.0, 9.0], True), ([5.0, 0.0], [0.0, 9.0], False), ([5.0, 1e-5], [0.0, 9.0], False)],
)
def test_helps__with_a_kind_that_both_have(supply: list[float], uncovered: list[float], expected: bool) -> None:
    assert helps(np.array(supply, dtype=np.float32), np.array(uncovered)) == expected


def test_commit__leaves_what_is_still_uncovered() -> None:
    uncovered = np.array([30.0, 5.0])

    commit(np.array([10.0, 20.0], dtype=np.float32), uncovered)

    assert uncovered.tolist() == [20.0, 0.0]


def test_commit_kept__begins_with_who_may_not_wait() -> None:
    distances = np.array([[3.0, 1.0], [np.inf, 7.0], [2.0, np.inf]])
    supply, uncovered = np.full((3, 1), 10.0, dtype=np.float32), np.array([[25.0], [25.0]])

    targets = commit_kept(distances, np.array([True, False, False]), supply, uncovered)

    assert targets.tolist() == [IDLE, 1, 0]
    assert uncovered.tolist() == [[15.0], [15.0]]


def test_per_value__is_distance_where_all_values_are_one() -> None:
    worlds = generated(8)
    distances = legal_distances(worlds.state, worlds.reset())

    np.testing.assert_array_equal(per_value(worlds.state, distances), distances)


def test_per_value__divides_by_what_a_target_is_worth() -> None:
    worlds = given([(500.0, 500.0, [50.0])], [(800.0, 900.0, [10.0]), (600.0, 500.0, [10.0])], values=(2.0, 0.5))

    assert per_value(worlds.state, legal_distances(worlds.state, worlds.reset())).tolist() == [[[250.0, 200.0]]]


def test_nearest_team__passes_over_who_is_busy_far_or_of_no_help() -> None:
    distances = np.array([1.0, 2.0, 3.0, 4.0, np.inf, 5.0])
    supply = np.array([[9.0, 0.0], [5.0, 0.0], [0.0, 0.0], [5.0, 0.0], [9.0, 9.0], [0.0, 4.0]], dtype=np.float32)
    targets = np.array([0, IDLE, IDLE, IDLE, IDLE, IDLE], dtype=np.int16)
    team = np.full(6, -7, dtype=np.int16)

    assert nearest_team(distances, supply, np.array([8.0, 4.0]), targets, team) == (3, 11.0)
    assert team[:3].tolist() == [1, 3, 5]
    assert nearest_team(distances, supply, np.array([11.0, 4.0]), targets, team) == (0, np.inf)


def test_actions__fly_to_their_targets() -> None:
    """Whatever legal targets are drawn, the actions choose them."""
    worlds, rng = generated(16), np.random.default_rng(0)
    observation = worlds.reset()
    is_legal = np.isfinite(legal_distances(worlds.state, observation))
    drawn = np.where(is_legal, rng.random(is_legal.shape), -1.0).argmax(axis=2)
    targets = np.where(is_legal.any(axis=2) & (rng.random(drawn.shape) < 0.8), drawn, IDLE).astype(np.int16)

    actions = to_actions(targets, observation)

    np.testing.assert_array_equal(chosen(observation, actions), targets)
    assert 0 < (actions == WAIT).sum() < actions.size
