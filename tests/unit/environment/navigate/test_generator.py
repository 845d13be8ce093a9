"""Generated episodes: in the ranges, at constant density, nothing in each other's way, the same for the same key."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from rl_cluster.config.schema import Config
from rl_cluster.environment.navigate.generator import NavigateGenerator
from rl_cluster.environment.navigate.state import NavigateState
from tests.reference.zones import zones_of

MakeConfig = Callable[..., Config]
NUM_WORLDS = 120


def drawn(
    config: Config, seed: int = 0, is_training: bool = False, episode: int = 0, first_world: int = 0
) -> NavigateState:
    source = NavigateGenerator(config.generator, config.world, seed, is_training)
    state = NavigateState.empty(NUM_WORLDS, source.sizes)
    state.episode[:] = episode
    source.fill(state, np.arange(NUM_WORLDS), first_world)
    return state


@pytest.fixture(scope="module")
def config(crowded: MakeConfig) -> Config:
    return crowded(generator__num_uavs=[1, 12], generator__spacing_m=70.0)


@pytest.fixture(scope="module")
def state(config: Config) -> NavigateState:
    return drawn(config)


def test_generator__stays_in_its_ranges(config: Config, state: NavigateState) -> None:
    generator = config.generator
    for mask, (low, high) in (
        (state.uav_exists, generator.num_uavs),
        (state.obstacle_exists, generator.num_obstacles),
    ):
        assert set(mask.sum(axis=1)) == set(range(low, high + 1))
        assert np.array_equal(mask, np.sort(mask, axis=1)[:, ::-1])
    is_polygon = state.obstacle_num_vertices > 0
    radii_m = state.obstacle_radius_m[state.obstacle_exists & ~is_polygon]
    assert generator.obstacle_radius_m[0] <= radii_m.min() < radii_m.max() <= generator.obstacle_radius_m[1]
    assert 0.3 < is_polygon[state.obstacle_exists].mean() < 0.7


def test_generator__keeps_density_constant(config: Config, state: NavigateState) -> None:
    counts = state.uav_exists.sum(axis=1)
    np.testing.assert_allclose(state.area_m, np.repeat(70.0 * np.sqrt(counts)[:, None], 2, axis=1), rtol=1e-6)
    expected_s = config.world.time_limit_sides * state.area_m[:, 0] / config.world.speed_mps[1]
    np.testing.assert_allclose(state.time_limit_s, expected_s, rtol=1e-6)


@pytest.mark.parametrize("formation_radius_m", [0.0, 30.0])
def test_generator__leaves_room(crowded: MakeConfig, formation_radius_m: float) -> None:
    """Between starts, between goals, and from both to zones: at least the warning distance, or a gap of the band."""
    config = crowded(generator__num_uavs=[1, 9], world__formation_radius_m=formation_radius_m)
    state, world = drawn(config), config.world
    for row in range(NUM_WORLDS):
        exists = state.uav_exists[row]
        for points in (state.uav_position_m[row, exists], state.uav_goal_m[row, exists]):
            distances = np.linalg.norm(points[:, None] - points, axis=-1)[np.triu_indices(len(points), 1)]
            assert distances.min(initial=math.inf) >= world.warning_distance_m - 1e-3
            assert points.min() >= 0.0
            assert points.max() <= state.area_m[row, 0]
            for zone in zones_of(state, row):
                gaps = [zone.gap(tuple(point)) for point in points.tolist()]
                assert min(gaps) >= world.warning_distance_m - 1e-3


def test_generator__headings_are_spread(config: Config, crowded: MakeConfig, state: NavigateState) -> None:
    headings = state.uav_heading_rad[state.uav_exists]
    assert headings.min() < -3.0
    assert headings.max() > 3.0
    assert np.abs(np.exp(1j * headings).mean()) < 0.1
    assert not drawn(crowded(world__dynamics="double_integrator")).uav_heading_rad.any()


def test_generator__formation_travels_together(crowded: MakeConfig) -> None:
    changes: dict[str, object] = {"generator__num_uavs": [9, 9], "generator__num_obstacles": [0, 9]}
    apart = drawn(crowded(**changes, generator__spacing_m=70.0))
    together = drawn(crowded(**changes, generator__spacing_m=70.0, world__formation_radius_m=30.0))

    def spread(points: Any) -> float:
        return float(np.linalg.norm(points - points.mean(axis=1, keepdims=True), axis=-1).mean())

    for name in ("uav_position_m", "uav_goal_m"):
        assert spread(getattr(together, name)) < 0.9 * spread(getattr(apart, name))
    centres = [getattr(together, name).mean(axis=1) for name in ("uav_position_m", "uav_goal_m")]
    assert np.linalg.norm(centres[0] - centres[1], axis=-1).min() > 0.4 * 70.0 * 3.0


def test_hungarian_matching__is_the_shortest(crowded: MakeConfig) -> None:
    changes: dict[str, object] = {"generator__num_uavs": [6, 6], "generator__num_obstacles": [0, 2]}
    crossing = drawn(crowded(**changes))
    matched = drawn(crowded(**changes, generator__goal_matching="hungarian"))
    np.testing.assert_array_equal(crossing.uav_position_m, matched.uav_position_m)
    np.testing.assert_array_equal(np.sort(crossing.uav_goal_m, axis=1), np.sort(matched.uav_goal_m, axis=1))
    for row in range(NUM_WORLDS):
        distances = np.linalg.norm(matched.uav_position_m[row, :, None] - matched.uav_goal_m[row], axis=-1)
        assert np.trace(distances) == pytest.approx(distances[linear_sum_assignment(distances)].sum(), rel=1e-5)


def test_episodes__are_keyed(config: Config, state: NavigateState) -> None:
    again = drawn(config)
    for name, array in state.state_dict().items():
        np.testing.assert_array_equal(array, getattr(again, name))
    shifted = drawn(config, first_world=20)
    np.testing.assert_array_equal(shifted.uav_goal_m[:-20], state.uav_goal_m[20:])
    for other in (drawn(config, seed=1), drawn(config, is_training=True), drawn(config, episode=1)):
        assert not np.isclose(other.uav_position_m[:, 0], state.uav_position_m[:, 0]).all(axis=1).any()
