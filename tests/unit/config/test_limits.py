"""Estimates of memory are near what arrays take; too much of it, and too long episodes, are refused before that."""

import pytest

from rl_cluster.config.limits import MAX_BATCH_GIB, MAX_WORLDS_GIB, ROW_COLUMNS, batch_gib, worlds_gib
from rl_cluster.config.load import load_config
from rl_cluster.environment.allocate.columns import FEATURES as ALLOCATE_FEATURES
from rl_cluster.environment.navigate.columns import FEATURES as NAVIGATE_FEATURES
from rl_cluster.environment.tasks import make_source, make_worlds
from rl_cluster.errors import ConfigError

GIB = 2**30


@pytest.mark.parametrize("preset", ["quick_demo", "navigate_demo"])
@pytest.mark.parametrize("num_uavs", [8, 64])
def test_estimate__is_near_what_worlds_and_rows_take(preset: str, num_uavs: int) -> None:
    sizes = [f"generator.num_uavs=[{num_uavs}, {num_uavs}]", "generator.spacing_m=2000"]
    sizes += [f"generator.num_targets=[{num_uavs}, {num_uavs}]"] if preset == "quick_demo" else []
    config = load_config(preset, [*sizes, "sampling.worlds_per_runner=2", "ppo.minibatch_rows=2"])
    worlds = make_worlds(config, make_source(config, 0, is_training=True), 2, is_training=True)

    seen = sum(array.nbytes for array in worlds.reset())
    held = sum(array.nbytes for array in worlds.state_dict().values())

    assert 0.8 < worlds_gib(config) * GIB / (seen + held) < 1.6
    assert 0.8 < batch_gib(config) * GIB / (seen * config.sampling.fragment_steps) < 1.6


def test_estimate__has_the_columns_of_the_widest_rows() -> None:
    for array, (num_columns, num_blocks) in ROW_COLUMNS.items():
        row = getattr(ALLOCATE_FEATURES, array)
        assert (len(row.columns), len(row.blocks)) == (num_columns, num_blocks)
        assert getattr(NAVIGATE_FEATURES, array).width(0) <= num_columns


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["sampling.worlds_per_runner=65536", "generator.num_uavs=[2, 4096]", "generator.num_targets=[2, 4096]"],
            "GiB",
        ),
        (["sampling.worlds_per_runner=65536", "sampling.fragment_steps=4096"], r"train batch .* GiB"),
        (["sampling.num_env_runners=4096", "sampling.worlds_per_runner=65536", "engine=local"], "GiB in one process"),
        (["world.time_limit_sides=1e7"], r"flight steps of 1 s, more than 1000000; lower world.time_limit_sides"),
        (["world.substep_s=1e-3", "world.decision_interval_s=1e-3"], r"flight steps of 0.001 s, more than"),
    ],
)
def test_product__that_nothing_can_hold_is_refused(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config("quick_demo", overrides)


def test_presets__are_far_below_the_limits() -> None:
    config = load_config("multi_node")

    assert worlds_gib(config) < MAX_WORLDS_GIB / 100
    assert batch_gib(config) < MAX_BATCH_GIB / 10
