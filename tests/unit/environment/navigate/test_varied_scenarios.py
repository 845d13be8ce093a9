"""Training task `navigate` on scenarios: as they are, or with starts and goals moved within reach and apart."""

from typing import Any

import numpy as np
import pytest

from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.environment.navigate.varied_scenarios import VariedScenarios
from rl_cluster.environment.scenario.scenario_file import SHIPPED_SCENARIOS, load_scenario
from rl_cluster.environment.tasks import make_scenario_source, make_source, make_worlds
from rl_cluster.errors import ScenarioError

SMALL = load_scenario(SHIPPED_SCENARIOS["small"])


def _config(*overrides: str) -> Config:
    return load_config("navigate_demo", overrides, [SMALL.as_dict()])


def _state(config: Config, source: Any = None, *, is_training: bool = True) -> Any:
    worlds: Any = make_worlds(config, source or make_source(config, 0, is_training=is_training), 5)
    worlds.reset()
    return worlds.state


def test_episodes__without_variation_equal_those_of_evaluate() -> None:
    config = _config()
    given, played = _state(config, make_scenario_source(config, [SMALL], 0)), _state(config)

    assert isinstance(make_source(config, 0, is_training=True), VariedScenarios)
    for name, array in given._asdict().items():
        assert np.array_equal(array, getattr(played, name)), name


def test_variation__moves_starts_and_goals_within_reach() -> None:
    given, varied = _state(_config()), _state(_config("generator.vary.position_m=150.0"))

    for name in ("uav_position_m", "uav_goal_m"):
        shift_m = np.linalg.norm(getattr(varied, name) - getattr(given, name), axis=-1)
        assert shift_m.max() <= 150.01
        assert (shift_m > 0.0).all()
    evaluated = _state(_config("generator.vary.position_m=150.0"), is_training=False)
    assert not np.array_equal(varied.uav_position_m, evaluated.uav_position_m)


def test_scenario__that_is_too_large_is_refused() -> None:
    config = _config("generator.num_uavs=[1, 3]")
    with pytest.raises(ScenarioError, match=r"up to 4 UAVs, .* pads to fewer; set generator.num_uavs=\[1,4\]$"):
        make_source(config, 0, is_training=True)
