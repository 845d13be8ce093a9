"""A file of another kind is recognised: the message says what it is, and which command takes it."""

from pathlib import Path

import pytest

from rl_cluster.config.load import PRESETS, load_config
from rl_cluster.config.mistaken import mistaken_data, mistaken_path
from rl_cluster.config.yaml_file import read_yaml
from rl_cluster.environment.scenario.scenario_file import SHIPPED_SCENARIOS, load_scenario
from rl_cluster.errors import ConfigError, ScenarioError


@pytest.mark.parametrize("path", SHIPPED_SCENARIOS.values(), ids=SHIPPED_SCENARIOS.keys())
def test_scenario__given_as_settings_is_recognised(path: Path) -> None:
    assert mistaken_data(read_yaml(path), "scenario") is None
    with pytest.raises(ConfigError, match=r"is a scenario.*evaluate --scenario"):
        load_config(str(path))


@pytest.mark.parametrize("path", PRESETS.values(), ids=PRESETS.keys())
def test_settings__given_as_a_scenario_are_recognised(path: Path) -> None:
    assert mistaken_data(read_yaml(path), "settings") is None
    with pytest.raises(ScenarioError, match=r"settings of a run.*rl-cluster train") as caught:
        load_scenario(path)
    assert caught.value.where == str(path)


def test_folder_or_trace__given_as_a_file_is_recognised(tmp_path: Path) -> None:
    checkpoint = tmp_path / "run" / "checkpoints" / "checkpoint-000001"
    checkpoint.mkdir(parents=True)
    (checkpoint / "manifest.json").touch()
    found = [mistaken_path(path) for path in (tmp_path / "run", checkpoint, tmp_path / "t.jsonl", tmp_path)]

    assert [one and one.what for one in found] == [
        "is a run folder",
        "is a checkpoint",
        "is a trace, or the metrics of a run",
        None,
    ]
