"""`--prefer time=2,crowding=0.2`: what a policy that was trained with preferences is told to prefer.

The weight of served targets is 1, unless `served=..` says otherwise: only ratios matter, so that divides the others.
The task's record has the names, the ranges that a run was trained with, and how a policy is told.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from rl_cluster.config.schema import Config
from rl_cluster.environment.tasks import task_of
from rl_cluster.errors import ConfigError
from rl_cluster.types import FloatArray

__all__ = ["parse_preference"]

WHERE = "--prefer"
UNIT = "served"
TOLERANCE = 1e-6


def parse_preference(text: str, config: Config) -> FloatArray:
    """(P,) weights in the order of the task's preferences; 1 where the text does not name one.

    Args:
        text: As `time=2,crowding=0.2`.
        config: Settings of the run that the policy comes from.

    Raises:
        ConfigError: The text is not of this form, a weight is not above 0, or the run was not trained with it.
    """
    given = _parse(text)
    unit = given.pop(UNIT, 1.0)
    ranges = task_of(config).preference_ranges(config)
    known = {name: (low, high) for name, (low, high) in ranges.items() if low < high}
    for name in given:
        if name not in known:
            what = f"the policy was not trained with a preference {name}"
            raise ConfigError(WHERE, what, _remedy(known, config))
    weights = {name: value / unit for name, value in given.items()}
    for name, weight in weights.items():
        low, high = known[name]
        if not low * (1 - TOLERANCE) <= weight <= high * (1 + TOLERANCE):
            what = f"{name}={weight:g} is not within {low:g} to {high:g}, which the policy was trained with"
            raise ConfigError(WHERE, what, "choose a weight between them")
    return np.array([weights.get(name, 1.0) for name in ranges], dtype=np.float32)


def _remedy(known: Mapping[str, Sequence[float]], config: Config) -> str:
    if known:
        return f"choose from {', '.join(known)}"
    if names := ", ".join(f"generator.prefer_{name}" for name in task_of(config).preference_ranges(config)):
        return f"omit it, or train a run with ranges of {names}"
    return f"omit it: task {config.task} has no preferences"


def _parse(text: str) -> dict[str, float]:
    given: dict[str, float] = {}
    for part in text.split(","):
        name, equals, number = (piece.strip() for piece in part.partition("="))
        try:
            value = float(number)
        except ValueError:
            value = float("nan")
        if not name or not equals or name in given or not np.isfinite(value):
            raise ConfigError(WHERE, f"{text[:80]!a} is not a list of weights", "write it as time=2,crowding=0.5")
        if value <= 0.0:
            raise ConfigError(WHERE, f"{name}={value:g} is not above 0", "give a small weight to what matters little")
        given[name] = value
    return given
