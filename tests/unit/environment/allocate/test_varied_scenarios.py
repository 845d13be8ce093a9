"""Training on scenarios: they equal their files, or, varied, they stay within their ranges, keyed as all else."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rl_cluster.config.load import load_config, load_saved, to_yaml
from rl_cluster.config.schema import Config
from rl_cluster.environment.allocate.scenarios import scenario_of
from rl_cluster.environment.allocate.state import AllocateState
from rl_cluster.environment.allocate.varied_scenarios import VariedScenarios
from rl_cluster.environment.scenario.scenario_file import SHIPPED_SCENARIOS, load_scenario
from rl_cluster.environment.tasks import make_scenario_source, make_source, make_worlds
from rl_cluster.errors import ConfigError, ScenarioError

SMALL, BALANCED = (load_scenario(SHIPPED_SCENARIOS[name]) for name in ("small", "balanced"))
ROOM = ("generator.num_uavs=[1, 20]", "generator.num_targets=[1, 20]", "generator.num_obstacles=[0, 20]")
VARIED = (
    "generator.vary.position_m=200.0", "generator.vary.supply=[0.5, 2.0]", "generator.vary.speed=[0.8, 1.1]",
    "generator.vary.failing_share=0.3", "generator.vary.extra_uavs=[-2, 3]",
)  # fmt: skip


def _config(*overrides: str, scenarios: Any = (SMALL, BALANCED)) -> Config:
    return load_config("debug", [*ROOM, *overrides], [scenario.as_dict() for scenario in scenarios])


def _state(config: Config, num_worlds: int, first_world: int = 0, *, is_training: bool = True) -> AllocateState:
    source = make_source(config, config.seed, is_training=is_training)
    worlds: Any = make_worlds(config, source, num_worlds, first_world, is_training)
    worlds.reset()
    return worlds.state


def test_episodes__without_variation_are_the_scenarios_in_turn() -> None:
    config = _config()
    state = _state(config, 4)

    for world in range(4):
        given, played = (SMALL, BALANCED)[world % 2], scenario_of(state, world, world=config.world)
        for name in ("uav_position_m", "uav_resources", "uav_speed_mps", "target_position_m", "target_demand"):
            assert np.array_equal(getattr(played, name), getattr(given, name).astype(np.float32)), name
        assert played.sizes[:3] == given.sizes[:3]


def test_episodes__without_variation_equal_those_of_evaluate() -> None:
    config = _config(scenarios=[SMALL])
    worlds: Any = make_worlds(config, make_scenario_source(config, [SMALL], config.seed), 2)
    worlds.reset()

    mine = _state(config, 2, is_training=False)

    for name, array in worlds.state._asdict().items():
        assert np.array_equal(array, getattr(mine, name)), name


def test_world__plays_all_scenarios_one_after_the_other() -> None:
    source = VariedScenarios(_config().generator, _config().world, 0, is_training=True)

    assert [source.number_of(0, episode) for episode in range(4)] == [0, 1, 0, 1]
    assert [source.number_of(1, episode) for episode in range(4)] == [1, 0, 1, 0]


def test_episode__is_the_same_whatever_the_batch() -> None:
    config = _config(*VARIED)
    whole, part = _state(config, 6), _state(config, 2, first_world=3)

    for name, array in part._asdict().items():
        assert np.array_equal(array, getattr(whole, name)[3:5]), name


def test_variation__of_evaluation_is_never_that_of_training() -> None:
    config = _config(*VARIED)
    trained, evaluated = _state(config, 6), _state(config, 6, is_training=False)

    for name in ("uav_position_m", "target_position_m", "uav_resources"):
        assert not np.array_equal(getattr(trained, name), getattr(evaluated, name))


def test_variation__stays_within_its_ranges() -> None:
    config = _config(*VARIED, scenarios=[SMALL])
    num_worlds = 200
    state = _state(config, num_worlds)
    source = make_source(config, config.seed, is_training=True)
    assert isinstance(source, VariedScenarios)
    counts = state.uav_exists.sum(axis=1)
    assert set(counts.tolist()) == set(range(2, 8))
    fails = []
    for world in range(num_worlds):
        picked = source.picked(world, 0)
        uavs = slice(0, len(picked))
        assert counts[world] == len(picked)
        shift_m = state.uav_position_m[world, uavs] - SMALL.uav_position_m[picked]
        assert np.hypot(*shift_m.T).max() <= 200.01
        supply = state.uav_resources[world, uavs] / SMALL.uav_resources[picked]
        assert 0.499 < supply.min() <= supply.max() < 2.001
        assert np.allclose(supply[:, 0], supply[:, 1], rtol=1e-5)  # one factor for all that a UAV carries
        speed = state.uav_cruise_mps[world, uavs] / SMALL.uav_cruise_mps[picked]
        assert 0.799 < speed.min() <= speed.max() < 1.101
        assert not state.uav_cruise_mps[world, len(picked) :].any()
        fails += np.isfinite(state.uav_fails_s[world, uavs]).tolist()
    assert np.mean(fails) == pytest.approx(0.3, abs=0.05)
    targets_m = state.target_position_m[:, :3] - SMALL.target_position_m
    assert np.linalg.norm(targets_m, axis=-1).max() <= 200.01


def test_hidden_shares__are_told_to_a_search_if_they_are_drawn() -> None:
    numbers = np.arange(3)
    still, drawn = (
        make_source(_config(*overrides, scenarios=[SMALL]), 0, is_training=True)
        for overrides in ((), ("generator.vary.failing_share=0.3",))
    )

    assert not still.has_hidden_events
    assert still.hidden_shares(numbers, numbers) is None
    assert drawn.has_hidden_events
    shares = drawn.hidden_shares(numbers, numbers)
    assert shares is not None
    assert np.array_equal(shares, np.tile([0.0, 0.3], (3, 1)))


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["generator.num_uavs=[2, 8]", "generator.num_targets=[2, 4]"],
            (
                r"^balanced: its episodes have up to 10 UAVs and 5 targets, and generator.num_uavs=\[2, 8\] and .* "
                r"pads to fewer; set generator.num_uavs=\[2,10\] generator.num_targets=\[2,5\]$"
            ),
        ),
        (["generator.vary.extra_uavs=[0, 11]"], r"^balanced: its episodes have up to 21 UAVs"),
        (["generator.num_resources=3"], r"it has 2 kinds of resource, but generator.num_resources=3; set .*=2$"),
        (["generator.vary.speed=[1.0, 4.0]"], r"could circle a target for ever; .* or generator.vary.speed$"),
    ],
)
def test_scenarios__that_do_not_fit_are_refused(overrides: list[str], message: str) -> None:
    config = _config(*overrides)
    with pytest.raises(ScenarioError, match=message):
        make_source(config, config.seed, is_training=True)


@pytest.mark.parametrize(
    ("preset", "overrides", "message"),
    [
        ("curriculum_demo", [], r"generator.scenarios and curriculum both say .*; set curriculum=null"),
        ("mixed", [], r"generator.scenarios and generator.mixture both say .*; set generator.mixture=\[\]"),
        ("debug", ["generator.vary.supply=[2.0, 1.0]"], r"supply=\[2.0, 1.0\] has its low end above its high end"),
    ],
)
def test_scenarios__beside_what_else_says_how_episodes_are_made(
    preset: str, overrides: list[str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config(preset, overrides, [SMALL.as_dict()])


def test_vary__without_scenarios_has_no_effect_and_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"has no effect with generator.scenarios=\[\]; .*--scenario FILE"):
        load_config("debug", ["generator.vary.position_m=5"])


def test_settings__with_scenarios_come_back_from_their_file(tmp_path: Path) -> None:
    config = _config(*VARIED)
    (tmp_path / "config.yaml").write_text(to_yaml(config), encoding="utf-8")

    assert load_saved(tmp_path / "config.yaml") == config
    assert config.generator.vary.is_on
    assert not _config().generator.vary.is_on
