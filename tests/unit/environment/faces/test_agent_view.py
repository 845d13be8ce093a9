"""What a UAV sees of its world: hand-made neighbours in its body frame, and nothing that depends on who it is."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rl_cluster.config.load import load_config
from rl_cluster.environment.faces.agent_view import agent_view
from rl_cluster.environment.faces.face import Face, Setup
from rl_cluster.types import FloatArray, Observation

CROWDED = ("generator.num_uavs=[8, 8]", "generator.num_obstacles=[2, 2]")


def observed(overrides: tuple[str, ...] = CROWDED) -> tuple[Observation[NDArray[np.generic]], FloatArray]:
    face = Face(Setup(load_config("quick_demo", overrides)), num_worlds=1)
    return face.observation, face.worlds.state.uav_heading_rad[0]


def features(world: Sequence[Any]) -> FloatArray:
    """Of one world."""
    return np.array([world], dtype=np.float32)


def test_agent_view__puts_others_ahead_and_left() -> None:
    """UAV 0 looks north from (0, 0), UAV 1 looks west from (0, 2), and a zone lies at (-3, 0)."""
    observation: Observation[NDArray[np.generic]] = Observation(
        uav=features([[10.0], [11.0]]),
        target=np.zeros((1, 0, 0), np.float32),
        obstacle=features([[0.5, 0.6]]),
        position=features([[0, 0], [0, 2], [-3, 0]]),
        mask=np.ones((1, 3), np.bool_),
        neighbours=np.array([[[1, -1, 2], [0, -1, -1]]], np.int16),
        candidates=np.array([[[2], [-1]]], np.int16),
        pair=features([[[7.0]], [[7.0]]]),
        action_mask=np.ones((1, 2, 2), np.bool_),
        decides=np.ones((1, 2), np.bool_),
    )

    view = agent_view(observation, features([math.pi / 2, math.pi])[0])

    np.testing.assert_allclose(view["own"], [[10.0], [11.0]])
    np.testing.assert_allclose(
        view["uavs"][0], [[1, 2, 0, 0, 1, 11]], atol=1e-6
    )  # two ahead, turned left by 90 degrees
    np.testing.assert_allclose(view["uavs"][1], [[1, 0, 2, 0, -1, 10]], atol=1e-6)  # two to the left, turned right
    np.testing.assert_allclose(view["candidates"], [[[1, 7]], [[0, 0]]])
    np.testing.assert_allclose(view["zones"][0], [[1, 0, 3, 0.5, 0.6]], atol=1e-6)  # three to the left
    np.testing.assert_array_equal(view["zones"][1], np.zeros((1, 5)))


def test_agent_view__shows_targets_and_pairs_in_the_order_of_the_actions() -> None:
    observation, heading_rad = observed()
    width = observation.target.shape[2]

    candidates = agent_view(observation, heading_rad)["candidates"]

    exists = observation.candidates[0] >= 0
    np.testing.assert_array_equal(candidates[..., 0], exists)
    np.testing.assert_array_equal(
        candidates[exists, 1 : 1 + width], observation.target[0][observation.candidates[0][exists]]
    )
    np.testing.assert_array_equal(candidates[..., 1 + width :], observation.pair[0])
    assert not candidates[~exists].any()


def test_agent_view__nearest_come_first_with_all_that_is_seen_of_them() -> None:
    observation, heading_rad = observed()

    view = agent_view(observation, heading_rad)

    for name, num_rows in (("uavs", 4), ("zones", 2)):  # k = 4 for 8 UAVs
        assert view[name].shape[:2] == (8, num_rows)
        assert view[name][..., 0].all()
    distances = np.hypot(view["uavs"][..., 1], view["uavs"][..., 2])
    assert (np.diff(distances, axis=1) >= 0.0).all()
    others = observation.position[0, :8] - observation.position[0, 0]
    assert distances[0] == pytest.approx(np.sort(np.hypot(*others[1:].T))[:4], rel=1e-5)
    np.testing.assert_allclose(np.hypot(view["uavs"][..., 3], view["uavs"][..., 4]), 1.0, rtol=1e-6)


def test_agent_view__of_a_lone_uav_is_empty_around_it() -> None:
    observation, heading_rad = observed(("generator.num_uavs=[1, 1]", "generator.num_obstacles=[0, 0]"))

    view = agent_view(observation, heading_rad)

    assert view["uavs"].shape[:2] == (1, 0)
    assert view["zones"].shape[:2] == (1, 0)
    assert view["candidates"].any()
