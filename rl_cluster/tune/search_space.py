"""Converts a study's ranges to what Tune samples, and a sample to the settings of a run.

A sample is a mapping: dotted key -> number. Where a search works on a linear scale only (PB2), a dimension that is
searched by its logarithm is called `log10 KEY`.
"""

import difflib
import math
from collections.abc import Mapping
from typing import Any

from rl_cluster.config.faults import dotted_keys
from rl_cluster.config.load import validated
from rl_cluster.config.schema import Config
from rl_cluster.config.study import Dimension, StudyConfig
from rl_cluster.errors import ConfigError

__all__ = ["apply_sample", "check_space", "linear_bounds", "sampled", "searched", "study_of"]

LOG10 = "log10 "


def study_of(config: Config) -> StudyConfig:
    """The study of these settings. Raises ConfigError if they have none."""
    if config.study is None:
        where = f"{config.name}: study"
        raise ConfigError(where, "is null", "begin from a preset that has a study, such as tune_demo")
    return config.study


def linear_bounds(config: Config) -> dict[str, list[float]]:
    """Key, or log10 key -> [low, high]."""
    return {
        f"{LOG10}{dimension.key}" if dimension.log else dimension.key: [
            math.log10(end) if dimension.log else end for end in (dimension.low, dimension.high)
        ]
        for dimension in study_of(config).space
    }


def searched(config: Config, sample: Mapping[str, float]) -> dict[str, float]:
    """A sample with the keys of `linear_bounds` if the search works only on a linear scale, else unchanged."""
    if study_of(config).search != "pb2":
        return dict(sample)
    logarithmic = {dimension.key for dimension in study_of(config).space if dimension.log}
    return {
        f"{LOG10}{key}" if key in logarithmic else key: math.log10(value) if key in logarithmic else value
        for key, value in sample.items()
    }


def sampled(values: Mapping[str, Any]) -> dict[str, float]:
    """Key -> value that a search has chosen, from a trial's config."""
    return {
        key.removeprefix(LOG10): 10.0**value if key.startswith(LOG10) else value
        for key, value in values.items()
        if isinstance(value, float)
    }


def apply_sample(config: Config, sample: Mapping[str, float]) -> Config:
    """The settings with a sample in place; whole numbers are rounded, pairs scaled.

    Raises ConfigError if a value is not allowed, or contradicts another setting.
    """
    data = config.model_dump(mode="json")
    for key, value in sample.items():
        section, name = _find(data, key)
        section[name] = _like(section[name], value)
    words = ", ".join(f"{key}={value:g}" for key, value in sample.items())
    return validated(data, f"trial with {words}")


def _find(data: dict[str, Any], key: str) -> tuple[dict[str, Any], str]:
    *sections, name = key.split(".")
    for section in sections:
        data = data[section]
    return data, name


def _like(former: Any, value: float) -> Any:
    if isinstance(former, list):
        first, last = former
        return [value, last * value / first if first else last]
    return round(value) if isinstance(former, int) else float(value)


def check_space(config: Config) -> None:
    """Raises ConfigError if a dimension does not name a number of these settings, or has an end that is not allowed."""
    for dimension in study_of(config).space:
        _check_key(config, dimension)
        for end in (dimension.low, dimension.high):
            apply_sample(config, {dimension.key: end})


def _check_key(config: Config, dimension: Dimension) -> None:
    known = set(dotted_keys(type(config)))
    where = f"study.space: {dimension.key}"
    if dimension.key not in known or dimension.key.startswith("study"):
        near = _nearest(dimension.key, sorted(known))
        raise ConfigError(where, "is no setting", f"did you mean {near}?" if near else "give a dotted key")
    if dimension.key == "seed":
        what = "cannot be searched: a trial is scored over the seeds of the study"
        raise ConfigError(where, what, "search another setting")
    section, name = _find(config.model_dump(mode="json"), dimension.key)
    former = section[name]
    is_pair = isinstance(former, list) and len(former) == 2 and all(_is_number(part) for part in former)
    if not (_is_number(former) or is_pair):
        raise ConfigError(where, "is no number, and no pair of numbers", "search a setting that is one")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _nearest(key: str, known: list[str]) -> str | None:
    same_name = [name for name in known if name.rpartition(".")[2] == key.rpartition(".")[2]]
    return next(iter([*same_name, *difflib.get_close_matches(key, known, n=1)]), None)
