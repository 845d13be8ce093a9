"""The settings of a new run, with the scenarios that it is to train on; everything is checked before it begins."""

from collections.abc import Sequence
from pathlib import Path

from rl_cluster.config.load import load_config, to_yaml
from rl_cluster.config.schema import Config
from rl_cluster.environment.scenario.scenario_file import load_scenario
from rl_cluster.environment.tasks import make_source
from rl_cluster.errors import ConfigError

__all__ = ["load_settings"]

MAX_BYTES = 900_000
"""The largest size of settings with scenarios in them, as YAML. A file of settings may have 1 MiB."""


def load_settings(preset_or_file: str, overrides: Sequence[str], scenarios: Sequence[Path] = ()) -> Config:
    """The settings of a preset or file, with overrides, and with scenario files in place of drawn episodes.

    Args:
        preset_or_file: As `load_config` takes it.
        overrides: The same.
        scenarios: Files; empty: the settings say from what episodes are made.

    Raises:
        ConfigError: As `load_config`; or a file is named twice, or the scenarios are too large for a file of settings.
        ScenarioError: A file is no scenario, or the task, the world or the padded sizes do not fit one.
    """
    for number, path in enumerate(scenarios):
        if path in scenarios[:number]:
            raise ConfigError("--scenario", f"{path} is named twice", "name each file once")
    config = load_config(preset_or_file, overrides, [load_scenario(path).as_dict() for path in scenarios])
    if config.generator.scenarios:
        make_source(config, config.seed, is_training=True)
        if (num_bytes := len(to_yaml(config).encode())) > MAX_BYTES:
            what = f"the scenarios make the run's settings {num_bytes} bytes long, more than {MAX_BYTES}"
            raise ConfigError("generator.scenarios", what, "name fewer scenarios, or smaller ones")
    return config
