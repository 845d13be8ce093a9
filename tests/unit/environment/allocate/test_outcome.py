"""Metrics of an ended episode, by hand."""

import numpy as np
import pytest

from rl_cluster.config.schema import Config
from rl_cluster.environment.allocate.outcome import NAMES, episode_outcomes
from rl_cluster.environment.allocate.state import AllocateState
from tests.unit.environment.allocate.given_world import given, target, uav

YES, NO = np.array([True]), np.array([False])


@pytest.fixture
def state(quick_demo: Config) -> AllocateState:
    """Of three targets, each ideal for one UAV, one is closed by two UAVs, one is half served, one untouched."""
    targets = [target(1000.0, [40.0], value=3.0), target(2000.0, [40.0]), target(3000.0, [40.0])]
    state = given(quick_demo, [uav(500.0, [50.0])] * 2, targets).state
    state.target_remaining[0, :, 0] = [0.0, 20.0, 40.0]
    state.involved[0, :, 0], state.involved[0, 0, 1] = True, True
    state.uav_flown_m[0], state.uav_waited_s[0] = [3000.0, 1000.0], [8.0, 0.0]
    state.uav_wasted_trips[0], state.uav_collisions[0] = [1, 0], [0, 3]
    state.return_sum[0], state.time_s[0] = 5.0, 321.0
    state.target_closed_time_s[0, 0] = 123.0
    return state


def test_outcomes__by_hand(state: AllocateState) -> None:
    outcomes = episode_outcomes(state, np.array([0]), NO, NO)

    assert tuple(outcomes) == NAMES
    expected = {
        "normalized_completion_score": 1 / 3 * (1 - 1 / 3),
        "satisfied_rate": 1 / 3,
        "completion_rate": (1.0 + 0.5 + 0.0) / 3,
        "value_rate": 3 / 5,
        "congestion": 1 / 3,  # two UAVs where one is ideal count 1, the other targets 0
        "per_agent_reward": 2.5,
        "efficiency_per_km": 1 / 4,
        "last_service_s": 123.0,
        "makespan_s": 321.0,
        "path_km_per_uav": 2.0,
        "wasted_trips_per_uav": 0.5,
        "waiting_s_per_uav": 4.0,
        "collisions_per_uav": 1.5,
    }
    assert {name: outcomes[name].item() for name in expected} == pytest.approx(expected)


@pytest.mark.parametrize(
    ("terminated", "deadlocked", "name"),
    [(True, False, "success_rate"), (False, False, "timeout_rate"), (False, True, "deadlock_rate")],
)
def test_episode__ends_in_one_of_three_ways(
    state: AllocateState, terminated: bool, deadlocked: bool, name: str
) -> None:
    outcomes = episode_outcomes(state, np.array([0]), np.array([terminated]), np.array([deadlocked]))

    ways = {way: outcomes[way].item() for way in ("success_rate", "timeout_rate", "deadlock_rate")}
    assert ways == dict.fromkeys(ways, 0.0) | {name: 1.0}


def test_efficiency__of_who_has_not_flown(state: AllocateState) -> None:
    """Targets that close without a flight have none; without closed targets it is 0."""
    state.uav_flown_m[:] = 0.0
    assert np.isnan(episode_outcomes(state, np.array([0]), YES, NO)["efficiency_per_km"]).all()
    state.target_remaining[:] = 40.0

    assert episode_outcomes(state, np.array([0]), NO, YES)["efficiency_per_km"].tolist() == [0.0]


def test_last_service__is_that_of_the_last_target_that_was_closed(state: AllocateState) -> None:
    """A target that was closed earlier does not count, and without any there is none."""
    state.target_remaining[0, 1], state.target_closed_time_s[0, 1] = 0.0, 45.0
    assert episode_outcomes(state, np.array([0]), NO, NO)["last_service_s"].tolist() == [123.0]
    state.target_remaining[:] = 40.0

    assert np.isnan(episode_outcomes(state, np.array([0]), NO, NO)["last_service_s"]).all()


def test_outcomes__of_no_world_are_empty(state: AllocateState) -> None:
    outcomes = episode_outcomes(state, np.empty(0, dtype=np.int64), NO, NO)

    assert {name: values.shape for name, values in outcomes.items()} == dict.fromkeys(NAMES, (0,))
