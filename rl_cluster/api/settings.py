"""Settings and scenarios from files, as Python wants them: paths, and mappings of dotted keys."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rl_cluster.config import load
from rl_cluster.config.schema import Config
from rl_cluster.environment.scenario import scenario_file
from rl_cluster.environment.scenario.scenario_file import Scenario

__all__ = ["load_config", "load_scenario"]


def load_config(preset_or_file: str | Path, overrides: Mapping[str, Any] | Sequence[str] = ()) -> Config:
    """The settings of a preset or a YAML file, checked and frozen.

    Args:
        preset_or_file: The name of a preset, as `quick_demo`, or the path of a file.
        overrides: Settings to change, by dotted keys: `{"ppo.lr": [1e-3, 1e-4], "engine": "local"}`; or as the command
            line takes them: `["engine=local"]`.

    Raises:
        ConfigError: The file, a key or a value is unusable.
    """
    if isinstance(overrides, Mapping):
        overrides = [f"{key}={json.dumps(value)}" for key, value in overrides.items()]
    return load.load_config(str(preset_or_file), overrides)


def load_scenario(path: str | Path) -> Scenario:
    """The scenario in a YAML or JSON file. Raises ScenarioError if there is none."""
    return scenario_file.load_scenario(Path(path))
