"""What a trial trains with, and what it would pass over is refused where somebody says it."""

from collections.abc import Callable
from typing import Any

import pytest

from rl_cluster.config.faults import dotted_keys
from rl_cluster.config.load import to_yaml
from rl_cluster.config.schema import Config
from rl_cluster.errors import ConfigError
from rl_cluster.tune.study_folder import check_study
from rl_cluster.tune.trial_settings import (
    WITHOUT_EFFECT,
    WITHOUT_EFFECT_ALONE,
    check_overrides,
    trial_config,
    without_effect,
)


def _flat(data: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in data.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return flat


def test_setting_that_trials_override__is_one_that_has_no_effect(study_config: Callable[..., Config]) -> None:
    config = study_config(
        "sampling.mode=overlap", "sampling.gpus_per_runner=0.5", "learners.num_learners=1", "study.gpus_per_trial=0.5"
    )
    changed = _changed(config)
    assert {key for key in changed if not without_effect(key, config.study)} == {"seed"}
    assert {"engine", "sampling.mode", "training.time_limit_s", "learners.num_learners"} <= changed


def test_trial_with_actors_of_its_own__keeps_what_is_said_of_them(study_config: Callable[..., Config]) -> None:
    own = ["study.engine=ray", "sampling.mode=overlap", "sampling.gpus_per_runner=0.5", "learners.gpus_per_learner=0.5"]
    config = study_config(*own, "learners.num_learners=1")
    assert _changed(config) == {"seed", "training.time_limit_s"}
    # the process of the trial updates, so what its GPU is stands in the study
    assert _changed(study_config(*own, "study.gpus_per_trial=1")) == {
        "seed", "training.time_limit_s", "learners.gpus_per_learner",
    }  # fmt: skip


def _changed(config: Config) -> set[str]:
    """The settings that a trial has otherwise than its study."""
    before, after = (_flat(one.model_dump()) for one in (config, trial_config(to_yaml(config), {}, 100)))
    return {key for key in before if after.get(key) != before[key] and not key.startswith("study")}


def test_every_setting_without_effect__is_refused_on_the_command_line_and_in_the_space(
    study_config: Callable[..., Config],
) -> None:
    known = set(dotted_keys(type(study_config())))
    sections = {key.partition(".")[0] for key in known}
    assert known | sections >= WITHOUT_EFFECT.keys() | WITHOUT_EFFECT_ALONE.keys()
    for config in (study_config(), study_config("study.engine=ray")):
        for key in (key for key in known if without_effect(key, config.study)):
            what = f"{key}=1: has no effect in a study: .*; give it to train with the best"
            with pytest.raises(ConfigError, match=what):
                check_overrides(["ppo.clip=0.1", f"{key}=1"], config)
        check_overrides([f"{key}=1" for key in known if not without_effect(key, config.study)], config)
    with pytest.raises(ConfigError, match=r"training.time_limit_s: has no effect in a study: .*search another setting"):
        check_study(study_config("study.space=[{key: training.time_limit_s, low: 1, high: 2, log: true}]"))
    with pytest.raises(ConfigError, match=r"reward.collision: has no effect with task=allocate, .*search another"):
        check_study(study_config("study.space=[{key: reward.collision, low: 1, high: 2, log: true}]"))
    weight = "{key: controllers.kl_weight, low: 0.5, high: 2, log: true}"
    with pytest.raises(ConfigError, match=r"kl_weight: has no effect with controllers.kl_target=0; search another"):
        check_study(study_config(f"study.space=[{weight}]"))
    check_study(
        study_config(f"study.space=[{weight}, {{key: controllers.kl_target, low: 0.01, high: 0.1, log: true}}]")
    )
