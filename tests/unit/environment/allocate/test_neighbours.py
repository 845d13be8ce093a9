"""Adaptive k by its table, and nearest-first lists against numpy's sort."""

import numpy as np
import pytest

from rl_cluster.config.schema import Config
from rl_cluster.environment.allocate.generator import AllocateGenerator
from rl_cluster.environment.allocate.worlds import AllocateWorlds
from rl_cluster.environment.shared.nearest import adaptive_k, training_k


@pytest.mark.parametrize(
    ("num_uavs", "k"), [(1, 4), (16, 4), (17, 5), (20, 5), (32, 8), (48, 12), (61, 16), (64, 16), (1024, 16)]
)
def test_adaptive_k__follows_its_formula(num_uavs: int, k: int) -> None:
    assert adaptive_k(num_uavs) == k


def test_training_k__varies_around_k_and_meets_the_k_of_larger_teams() -> None:
    drawn = np.array([training_k(8, 0, world, 0, 2, 0.3) for world in range(4000)])

    assert drawn.min() == 2
    assert drawn.max() == 16
    # 0.3 of the draws are uniform on 4..16: 10 of those 13 values lie above 6
    assert abs((drawn > 6).mean() - 0.3 * 10 / 13) < 0.025


def test_training_k__is_exact_without_jitter() -> None:
    assert {training_k(20, 0, world, 0, 0, 0.0) for world in range(50)} == {5}


def test_neighbours__are_the_k_nearest_of_each_kind(quick_demo: Config) -> None:
    worlds = AllocateWorlds(
        AllocateGenerator(quick_demo.generator, quick_demo.world, 3, False), quick_demo.world, quick_demo.reward, 20
    )
    observation = worlds.reset()
    state, num_uavs = worlds.state, worlds.sizes.num_uavs
    for b in range(20):
        positions = {
            "uav": state.uav_position_m[b, state.uav_exists[b]],
            "target": state.target_position_m[b, state.target_exists[b]],
        }
        for i, here in enumerate(positions["uav"]):
            row = observation.neighbours[b, i]
            uav_order = np.argsort(np.linalg.norm(positions["uav"] - here, axis=1), kind="stable")
            target_order = np.argsort(np.linalg.norm(positions["target"] - here, axis=1), kind="stable")
            assert [n for n in row if 0 <= n < num_uavs] == [n for n in uav_order if n != i][:4]
            assert [n - num_uavs for n in row if num_uavs <= n < num_uavs + worlds.sizes.num_targets] == list(
                target_order[:4]
            )


def test_candidates__keep_the_current_choice_where_it_is_not_near_enough(quick_demo: Config) -> None:
    narrow = quick_demo.world.model_copy(update={"num_candidates": 1})
    generator = quick_demo.generator.model_copy(update={"range_sides": (5.0, 5.0)})
    wide = AllocateWorlds(AllocateGenerator(generator, narrow, 3, False), narrow, quick_demo.reward, 50)
    wide.reset()
    wide.state.uav_choice[:, 0] = 1

    observation = wide.observe()

    chosen = observation.candidates[:, 0, 0]
    legal = (np.minimum(wide.state.uav_resources[:, 0], wide.state.target_remaining[:, 1]) > 1e-4).any(axis=-1)
    assert (chosen[legal] == 1).all()
    assert legal.sum() > 20
