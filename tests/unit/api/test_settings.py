"""Settings from Python are those of the command line."""

from pathlib import Path

import pytest

from rl_cluster.api.settings import load_config, load_scenario
from rl_cluster.config import load
from rl_cluster.environment.scenario.scenario_file import SHIPPED_SCENARIOS
from rl_cluster.errors import ConfigError

OVERRIDES = {"ppo.lr": [1e-3, 1e-05], "engine": "local", "curriculum": None, "world.replan": True, "seed": 7}
WORDS = ["ppo.lr=[1e-3, 1e-5]", "engine=local", "curriculum=null", "world.replan=true", "seed=7"]


@pytest.mark.parametrize("given", [OVERRIDES, WORDS], ids=["a mapping", "words"])
def test_load_config__takes_overrides_in_both_forms(given: dict[str, object] | list[str]) -> None:
    assert load_config("debug", given) == load.load_config("debug", WORDS)


def test_load_config__takes_the_path_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("base: debug\nseed: 3\n", encoding="utf-8")

    assert load_config(path) == load_config("debug", {"seed": 3}).model_copy(update={"name": load_config(path).name})


def test_load_config__names_the_override_that_is_wrong() -> None:
    with pytest.raises(ConfigError, match=r'ppo\.clip="much": '):
        load_config("debug", {"ppo.clip": "much"})


def test_load_scenario__takes_a_text() -> None:
    path = SHIPPED_SCENARIOS["small"]

    assert load_scenario(str(path)).as_dict() == load_scenario(path).as_dict()
