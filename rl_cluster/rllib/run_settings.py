"""A run's settings from what people write for RLlib: a preset, dotted settings, and RLlib's own names.

RLlib's setting and ours are one thing under two names. What RLlib has and a run does not read is refused, because it
would do nothing.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ray.tune.search.sample import Domain

from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.config.yaml_file import parse_yaml
from rl_cluster.errors import ConfigError

__all__ = ["KEPT", "PRESET", "SAME", "has_search", "parse_settings", "run_from", "without_effect"]

PRESET = "preset"
"""Key of a parameter space: a name or a file, as on the command line."""

SAME: dict[str, str] = {
    "seed": "seed",
    "lr": "ppo.lr",
    "gamma": "ppo.gamma",
    "grad_clip": "ppo.max_grad_norm",
    "num_epochs": "ppo.num_epochs",
    "minibatch_size": "ppo.minibatch_rows",
    "num_env_runners": "sampling.num_env_runners",
    "num_envs_per_env_runner": "sampling.worlds_per_runner",
    "rollout_fragment_length": "sampling.fragment_steps",
    "sample_timeout_s": "sampling.timeout_s",
    "num_cpus_per_env_runner": "sampling.cpus_per_runner",
    "num_gpus_per_env_runner": "sampling.gpus_per_runner",
    "num_learners": "learners.num_learners",
    "num_cpus_per_learner": "learners.cpus_per_learner",
    "num_gpus_per_learner": "learners.gpus_per_learner",
    "evaluation_interval": "training.evaluate_every",
    "evaluation_duration": "training.evaluation_episodes",
}
"""Attribute of RLlib's AlgorithmConfig -> our setting."""

KEPT = {
    *("callbacks_class", "stats_cls_lookup", "log_level", "log_sys_usage", "in_evaluation"),
    *("placement_strategy", "num_cpus_for_main_process", "custom_resources_for_main_process"),
    *("custom_resources_per_env_runner", "custom_resources_per_learner"),
    *("extra_python_environs_for_driver", "extra_python_environs_for_worker"),
    *("restart_failed_env_runners", "max_num_env_runner_restarts", "delay_between_env_runner_restarts_s"),
    *("num_consecutive_env_runner_failures_tolerance", "env_runner_restore_timeout_s"),
    "env_runner_health_probe_timeout_s",
}
"""Attributes that act as they do in RLlib, beside all functions for hooks."""

BATCH_SIZES = ("train_batch_size", "_train_batch_size_per_learner")


def parse_settings(overrides: Sequence[str]) -> dict[str, Any]:
    """Dotted key -> value of `key=value` texts, as the command line takes them. Raises ConfigError."""
    settings = {}
    for text in overrides:
        key, has_value, value = text.partition("=")
        if not has_value:
            raise ConfigError(text, "override without '='", "write key=value, for example ppo.clip=0.1")
        settings[key] = parse_yaml(value, text)
    return settings


def has_search(value: Any) -> bool:
    """Whether a value is a search space of Tune, from which each trial draws its own."""
    return isinstance(value, Domain) or (isinstance(value, dict) and "grid_search" in value)


def run_from(preset: str, settings: Mapping[str, Any]) -> Config:
    """The settings of a run on Ray, checked as on the command line.

    Args:
        preset: A name or a file.
        settings: Dotted key -> value, later ones over earlier ones.

    Raises ConfigError, also for an engine that is not Ray's new API stack, and for callbacks.
    """
    run = load_config(preset, ["engine=ray", *(_override(key, value) for key, value in settings.items())])
    for key, value in (("engine", "ray"), ("api_stack", "new")):
        if (got := getattr(run, key)) != value:
            raise ConfigError(f"{key}={got}", f"SwarmAlgorithm runs on {key}={value}", f"set {key}={value}")
    if run.callbacks:
        remedy = "set callbacks=[], and give classes of RLlib's callbacks to SwarmConfig.callbacks"
        raise ConfigError("callbacks", "are those of `rl-cluster train`, which SwarmAlgorithm does not call", remedy)
    return run


def _override(key: str, value: Any) -> str:
    """The `key=value` of the command line. A learning rate that is one number holds for the whole run."""
    if has_search(value):
        raise ConfigError(key, "is a search space, and not a value", "give the config to tune.Tuner, or choose a value")
    value = value.item() if hasattr(value, "item") else value  # samplers of Tune may draw numpy's numbers
    if key == "ppo.lr" and isinstance(value, int | float):
        value = [value, value]
    try:
        return f"{key}={json.dumps(value)}"
    except TypeError:
        what = f"got {type(value).__name__}, which no settings file could hold"
        raise ConfigError(key, what, "give a number, a text, a list or a mapping") from None


def without_effect(changed: Mapping[str, Any]) -> ConfigError | None:
    """The error for the first of RLlib's attributes that are changed but read by nobody here; None = all are read."""
    for name, value in changed.items():
        if name in KEPT or name in SAME or name.startswith("callbacks_on_"):
            continue
        if name in BATCH_SIZES:
            what = "follows from other settings"
            remedy = "set num_env_runners, num_envs_per_env_runner and rollout_fragment_length"
            return ConfigError(name.removeprefix("_"), what, remedy)
        if not name.startswith("_"):
            shown = f"{name}={str(value)[:60]}"
            what = "is a setting of RLlib that does nothing here"
            return ConfigError(shown, what, "omit it, and choose among rl-cluster config show by SwarmConfig.settings")
    return None
