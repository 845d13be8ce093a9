"""Converts the settings of a study to those of one run of a trial, and says which settings have no effect in trials.

Settings that trials override or do not use are kept for `best.yaml`, where they count. On the command line of `tune`,
or in a search, they would have no effect, so they are refused there.
"""

from collections.abc import Iterable, Mapping

from rl_cluster.config.load import validated
from rl_cluster.config.schema import Config
from rl_cluster.config.study import StudyConfig
from rl_cluster.config.yaml_file import parse_yaml
from rl_cluster.errors import ConfigError
from rl_cluster.tune.search_space import apply_sample

__all__ = ["check_overrides", "trial_config", "without_effect"]

UNLIMITED_S = 1e9
WITHOUT_EFFECT = {
    "engine": "study.engine says on what trials train",
    "api_stack": "trials train on the new one",
    "training.time_limit_s": "trials are compared by rounds",
    "training.max_restarts": "Ray Tune restarts a trial that is lost, twice",
    "training.checkpoint_every": "trials save after each round",
    "training.keep_checkpoints": "trials save after each round",
    "callbacks": "trials call none",
    "monitoring.node_interval_s": "trials do not watch the nodes",
}
"""Key, or section -> why it has no effect in a trial."""
ALONE = "a trial has no actors of its own with study.engine=local"
WITHOUT_EFFECT_ALONE = {
    "learners.num_learners": ALONE,
    "learners.min_learners": ALONE,
    "learners.timeout_s": ALONE,
    "learners.gpus_per_learner": "study.gpus_per_trial says it with study.engine=local",
    "sampling.gpus_per_runner": ALONE,
    "sampling.cpus_per_runner": ALONE,
    "sampling.timeout_s": ALONE,
    "sampling.mode": ALONE,
    "sampling.max_lag": ALONE,
}
"""Those beside them in a trial without Ray."""


def trial_config(run: str, sample: Mapping[str, float], seed: int) -> Config:
    """The settings of one run of a trial.

    Args:
        run: Settings of the study, as YAML.
        sample: The values that the search has chosen.
        seed: The run's seed.

    Raises ConfigError if such a run is impossible.
    """
    data = parse_yaml(run, "study")
    study, learners = data["study"], data["learners"]
    data |= {"seed": seed, "engine": study["engine"], "study": None}
    if data["api_stack"] == "old":
        raise ConfigError("api_stack=old", "trials train on the new one", "set api_stack=new")
    if study["engine"] == "local":
        learners["num_learners"] = 0
        data["sampling"] |= {"gpus_per_runner": 0.0, "mode": "sync"}
    if not learners["num_learners"]:
        learners["gpus_per_learner"] = study["gpus_per_trial"]
    data["training"] |= {"time_limit_s": UNLIMITED_S}
    return apply_sample(validated(data, "a trial of the study"), sample)


def without_effect(key: str, study: StudyConfig | None) -> str | None:
    """Why a setting has no effect in trials of a study; None = it has one."""
    is_alone = study is None or study.engine == "local"
    reasons = WITHOUT_EFFECT | (WITHOUT_EFFECT_ALONE if is_alone else {})
    return next((why for one, why in reasons.items() if key == one or key.startswith(f"{one}.")), None)


def check_overrides(overrides: Iterable[str], config: Config) -> None:
    """Raises ConfigError if one of the `key=value` overrides changes a setting without effect in trials."""
    for override in overrides:
        if why := without_effect(override.partition("=")[0], config.study):
            raise ConfigError(override, f"has no effect in a study: {why}", "give it to train with the best.yaml")
