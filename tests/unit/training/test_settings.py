"""Settings of a run with scenario files: whole in the settings, and refused in one line before the run begins."""

import json
import shutil
from pathlib import Path

import pytest

from rl_cluster.environment.scenario.scenario_file import SHIPPED_SCENARIOS, load_scenario
from rl_cluster.errors import ConfigError, ScenarioError
from rl_cluster.training.settings import load_settings
from tests.conftest import TINY

SMALL = SHIPPED_SCENARIOS["small"]


def test_settings__hold_the_scenarios_whole(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    shutil.copy(SMALL, mine)

    config = load_settings("debug", [], [mine])

    assert list(config.generator.scenarios) == [load_scenario(SMALL).as_dict()]
    assert load_settings("debug", []).generator.scenarios == ()


@pytest.mark.parametrize(
    ("overrides", "paths", "message"),
    [
        ([], [SMALL, SMALL], r"^--scenario: .*small.yaml is named twice; name each file once$"),
        (["generator.num_uavs=[2, 3]"], [SMALL], r"^small: its episodes have up to 4 UAVs"),
        (["generator.scenarios=[{name: x}]"], [], r"^generator.scenarios.0: area: is missing; give a mapping"),
        ([], [Path("nowhere.yaml")], r"^nowhere.yaml: cannot be read"),
    ],
)
def test_settings__are_refused_before_the_run_begins(overrides: list[str], paths: list[Path], message: str) -> None:
    with pytest.raises((ConfigError, ScenarioError), match=message):
        load_settings("debug", overrides, paths)


def test_settings__that_no_file_of_settings_could_hold_are_refused(tmp_path: Path) -> None:
    scenario = load_scenario(SHIPPED_SCENARIOS["complex"]).as_dict()
    scenario["targets"] = [{**scenario["targets"][0], "id": f"t{number}"} for number in range(4000)]

    paths = [tmp_path / "a.json", tmp_path / "b.json"]
    for path in paths:
        path.write_text(json.dumps(scenario))
    room = ["generator.num_uavs=[1, 100]", "generator.num_targets=[1, 4000]", "generator.num_obstacles=[0, 100]"]
    settings = [*TINY, "sampling.worlds_per_runner=1", "ppo.minibatch_rows=4", *room]

    with pytest.raises(ConfigError, match=r"^generator.scenarios: the scenarios make .* name fewer scenarios"):
        load_settings("debug", settings, paths)
