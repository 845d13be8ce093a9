"""Converts the settings of a study to those of one run of a trial, and says which settings have no effect in trials.

Settings that trials override or do not use are kept for `best.yaml`, where they count. On the command line of `tune`,
or in a search, they would have no effect, so they are refused there.
"""

from collections.abc import Iterable, Mapping

from rl_cluster.config.load import validated
from rl_cluster.config.schema import Config
from rl_cluster.config.yaml_file import parse_yaml
from rl_cluster.errors import ConfigError
from rl_cluster.tune.search_space import apply_sample

__all__ = ["check_overrides", "trial_config", "without_effect"]

UNLIMITED_S = 1e9
WITHOUT_EFFECT = {
    "engine": "trials train without Ray, each in one process",
    "api_stack": "trials train without Ray, each in one process",
    "learners.num_learners": "a trial has no Learners of its own",
    "learners.timeout_s": "a trial has no Learners of its own",
    "learners.gpus_per_learner": "study.gpus_per_trial says it",
    "sampling.gpus_per_runner": "a trial has no remote env runners",
    "sampling.cpus_per_runner": "a trial has no remote env runners",
    "sampling.timeout_s": "a trial has no remote env runners",
    "sampling.overlap": "a trial has no remote env runners",
    "training.time_limit_s": "trials are compared by rounds",
    "training.max_restarts": "Ray Tune restarts a trial that is lost, twice",
    "training.checkpoint_every": "trials save after each round",
    "training.keep_checkpoints": "trials save after each round",
    "callbacks": "trials call none",
    "monitoring": "trials are shown by TensorBoard in the study's folder only",
}
"""Key, or section -> why it has no effect in a trial."""


def trial_config(run: str, sample: Mapping[str, float], seed: int) -> Config:
    """The settings of one run of a trial.

    Args:
        run: Settings of the study, as YAML.
        sample: The values that the search has chosen.
        seed: The run's seed.

    Raises ConfigError if such a run is impossible.
    """
    data = parse_yaml(run, "study")
    gpus = data["study"]["gpus_per_trial"]
    data |= {"seed": seed, "engine": "local", "study": None}
    data["learners"] |= {"gpus_per_learner": gpus, "num_learners": 0}
    data["sampling"] |= {"gpus_per_runner": 0.0, "overlap": False}
    data["training"] |= {"time_limit_s": UNLIMITED_S}
    return apply_sample(validated(data, "a trial of the study"), sample)


def without_effect(key: str) -> str | None:
    """Why a setting has no effect in trials; None = it has one."""
    return next((why for one, why in WITHOUT_EFFECT.items() if key == one or key.startswith(f"{one}.")), None)


def check_overrides(overrides: Iterable[str]) -> None:
    """Raises ConfigError if one of the `key=value` overrides changes a setting without effect in trials."""
    for override in overrides:
        if why := without_effect(override.partition("=")[0]):
            raise ConfigError(override, f"has no effect in a study: {why}", "give it to train with the best.yaml")
