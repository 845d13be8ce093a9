"""Metrics of an ended episode of three UAVs, by hand."""

import numpy as np
import pytest

from rl_cluster.environment.navigate.outcome import NAMES, episode_outcomes
from rl_cluster.environment.navigate.state import NavigateState
from tests.unit.environment.navigate.given_world import make_given

ROWS = np.array([0])


@pytest.fixture
def state() -> NavigateState:
    """One arrived safely, one after a collision, one not at all."""
    uavs = [(100.0 + 200.0 * i, 100.0, 0.0, 100.0 + 200.0 * i, 500.0) for i in range(3)]
    state = make_given(uavs).state
    state.uav_arrived[0], state.uav_arrival_s[0] = [True, True, False], [20.0, 30.0, 0.0]
    state.uav_collisions[0] = [0, 2, 1]
    state.uav_flown_m[0], state.uav_straight_m[0] = [440.0, 480.0, 580.0], 400.0
    state.uav_effort_s[0] = [3.0, 6.0, 0.0]
    state.time_s[0], state.decision[0], state.return_sum[0] = 70.0, 140, 4.5
    state.in_formation_sum[0], state.all_in_formation[0] = 105.0, 70
    return state


def test_outcomes__by_hand(state: NavigateState) -> None:
    outcomes = episode_outcomes(state, ROWS, has_formation=True)

    assert tuple(outcomes) == NAMES
    expected = {
        "success_rate": 1 / 3,
        "reach_rate": 2 / 3,
        "safety_rate": 1 / 3,
        "all_reached_rate": 0.0,
        "collisions_per_uav": 1.0,
        "mean_time_s": (20.0 + 30.0 + 70.0) / 3,
        "makespan_s": 70.0,
        "path_m_per_uav": 500.0,
        "path_ratio": 920.0 / 800.0,  # of those that arrived
        "effort_s_per_uav": 3.0,
        "formation_keeping_rate": 0.75,
        "strict_formation_keeping_rate": 0.5,
        "per_agent_reward": 1.5,
        "timeout_rate": 1.0,
    }
    assert {name: values.item() for name, values in outcomes.items()} == pytest.approx(expected)


def test_episode__in_which_all_arrive_is_no_timeout(state: NavigateState) -> None:
    state.uav_arrived[0] = True

    outcomes = episode_outcomes(state, ROWS, has_formation=False)

    assert (outcomes["all_reached_rate"].item(), outcomes["timeout_rate"].item()) == (1.0, 0.0)


def test_path_ratio__of_nobody_is_not_defined(state: NavigateState) -> None:
    state.uav_arrived[0] = False

    assert np.isnan(episode_outcomes(state, ROWS, has_formation=True)["path_ratio"]).all()


@pytest.mark.parametrize(("has_formation", "num_uavs"), [(False, 3), (True, 1)])
def test_formation__of_none_or_of_one_is_not_defined(state: NavigateState, has_formation: bool, num_uavs: int) -> None:
    state.uav_exists[0, num_uavs:] = False

    outcomes = episode_outcomes(state, ROWS, has_formation)

    assert np.isnan([outcomes[name].item() for name in NAMES if "formation" in name]).all()
    assert outcomes["reach_rate"].item() == pytest.approx(2 / 3 if num_uavs == 3 else 1.0)
