"""Batched kernels against the looped world : flights, arrivals, collisions, rewards and metrics."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rl_cluster.config.navigate import NavigateRewardConfig
from rl_cluster.environment.navigate.worlds import NavigateWorlds
from rl_cluster.types import FloatArray
from tests.reference.navigate_world import LoopedWorld

NUM_WORLDS = 12
NUM_STEPS = 135
REWARD = {
    "reward__progress": 1.3,
    "reward__arrival": 2.0,
    "reward__collision": 0.9,
    "reward__warning": 0.7,
    "reward__effort": 0.4,
    "reward__time": 0.3,
    "reward__own_weight": 0.4,
}
SETTINGS: list[dict[str, object]] = [
    {"world__dynamics": "unicycle", "world__speed_mps": [2.0, 20.0]},
    {"world__dynamics": "double_integrator"},
    {"world__dynamics": "unicycle", "world__formation_radius_m": 40.0, "reward__formation": 0.6},
]


def controls_to_goals(worlds: NavigateWorlds, rng: np.random.Generator, share: NDArray[np.float64]) -> FloatArray:
    """Random controls, but towards the goal for a share of the UAVs: they meet on their ways, and some arrive."""
    state = worlds.state
    controls = rng.uniform(-1.0, 1.0, size=state.uav_goal_m.shape)
    way_m = state.uav_goal_m - state.uav_position_m
    if worlds.world.dynamics == "unicycle":
        error = np.arctan2(way_m[..., 1], way_m[..., 0]) - state.uav_heading_rad
        error = np.arctan2(np.sin(error), np.cos(error))
        fast = 0.1 + (np.cos(error) > 0.9) - 0.1 * state.uav_speed_mps
        directed = np.stack([fast, error / 0.75], axis=-1)
    else:
        directed = 0.05 * way_m - 0.15 * state.uav_velocity_mps
    is_directed = rng.random(controls.shape[:2]) < share
    return np.clip(np.where(is_directed[..., None], directed, controls), -1.0, 1.0).astype(np.float32)


def assert_same_state(looped: LoopedWorld, worlds: NavigateWorlds, row: int) -> None:
    state, num_uavs = worlds.state, len(looped.uavs)
    for array, attribute in (
        (state.uav_position_m, "position"),
        (state.uav_velocity_mps, "velocity"),
        (state.uav_speed_mps, "speed"),
        (state.uav_flown_m, "flown"),
        (state.uav_effort_s, "effort"),
        (state.uav_goal_distance_m, "distance"),
    ):
        expected = [getattr(uav, attribute) for uav in looped.uavs]
        np.testing.assert_allclose(array[row, :num_uavs], expected, rtol=1e-5, atol=1e-3, err_msg=attribute)
    turned = state.uav_heading_rad[row, :num_uavs] - [uav.heading for uav in looped.uavs]
    np.testing.assert_allclose(np.sin(turned / 2.0), 0.0, atol=1e-5)
    assert state.uav_collisions[row, :num_uavs].tolist() == [uav.num_collisions for uav in looped.uavs]
    assert state.uav_touching[row, :num_uavs].tolist() == [uav.is_touching for uav in looped.uavs]
    assert state.uav_arrived[row, :num_uavs].tolist() == [uav.arrival is not None for uav in looped.uavs]
    assert state.uav_arrival_s[row, :num_uavs].tolist() == [uav.arrival or 0.0 for uav in looped.uavs]
    assert state.time_s[row] == looped.time


def expected_outcomes(looped: LoopedWorld) -> dict[str, float]:
    uavs = looped.uavs
    arrived = [uav for uav in uavs if uav.arrival is not None]
    safe = [uav for uav in uavs if uav.num_collisions == 0]
    kept = looped.in_formation if looped.in_formation and len(uavs) > 1 else [math.nan]

    def mean(values: list[Any]) -> float:
        return sum(values) / len(uavs)

    return {
        "success_rate": mean([uav in safe for uav in arrived]),
        "reach_rate": mean([1.0 for _ in arrived]),
        "safety_rate": mean([1.0 for _ in safe]),
        "all_reached_rate": float(len(arrived) == len(uavs)),
        "collisions_per_uav": mean([uav.num_collisions for uav in uavs]),
        "makespan_s": looped.time,
        "mean_time_s": mean([looped.time if uav.arrival is None else uav.arrival for uav in uavs]),
        "path_ratio": sum(uav.flown for uav in arrived) / sum(uav.straight for uav in arrived) if arrived else np.nan,
        "path_m_per_uav": mean([uav.flown for uav in uavs]),
        "effort_s_per_uav": mean([uav.effort for uav in uavs]),
        "formation_keeping_rate": sum(kept) / len(kept),
        "strict_formation_keeping_rate": sum(share if math.isnan(share) else share == 1.0 for share in kept)
        / len(kept),
        "per_agent_reward": looped.return_sum / len(uavs),
        "timeout_rate": float(looped.is_late),
    }


@pytest.mark.parametrize("settings", SETTINGS, ids=["unicycle", "double integrator", "formation"])
def test_batch__is_the_looped_world(generated: Callable[..., NavigateWorlds], settings: dict[str, object]) -> None:
    worlds = generated(NUM_WORLDS, **settings, **REWARD, world__time_limit_sides=10.0)
    reward = NavigateRewardConfig(**worlds._weights._asdict())
    references = [LoopedWorld(worlds.state, row, worlds.world, reward) for row in range(NUM_WORLDS)]
    shares = np.linspace(0.0, 1.0, NUM_WORLDS)[:, None]
    rng = np.random.default_rng(3)
    for _ in range(NUM_STEPS):
        controls = controls_to_goals(worlds, rng, shares)
        had_ended = worlds.state.ended.copy()
        result = worlds.advance(controls)
        for row in np.flatnonzero(~had_ended).tolist():
            rewards = references[row].advance(controls[row])
            np.testing.assert_allclose(result.reward[row, : len(rewards)], rewards, rtol=1e-4, atol=1e-5)
            assert_same_state(references[row], worlds, row)
            assert result.terminated[row] == references[row].all_arrived
            assert result.truncated[row] == references[row].is_late
            assert worlds.state.ended[row] == (references[row].all_arrived or references[row].is_late)
    outcomes = worlds.outcomes(worlds.state.ended)
    for column, row in enumerate(np.flatnonzero(worlds.state.ended).tolist()):
        expected = expected_outcomes(references[row])
        assert expected.keys() == set(worlds.metrics)
        for name, value in expected.items():
            assert outcomes[name][column] == pytest.approx(value, rel=1e-4, abs=1e-4, nan_ok=True), name
    assert worlds.state.ended.all()
    for name in ("collisions_per_uav", "all_reached_rate", "timeout_rate"):
        assert outcomes[name].mean() > 0.0, f"{name} was never met"
