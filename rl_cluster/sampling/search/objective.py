"""What the search maximises: a weighted sum of an episode's numbers. Each task says which numbers there are."""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from rl_cluster.environment.shared.planning import ObjectiveTerm
from rl_cluster.errors import ConfigError

__all__ = ["Objective", "parse_weights"]

_WHERE = "--objective"
MAX_WEIGHT = 1e6


class Objective:
    """sum_k weight_k term_k. A term that an episode does not define counts as 0.

    Args:
        terms: The task's terms, with their default weights.
        weights: Other weights, by name. Raises ConfigError if the task has no such term.
    """

    def __init__(self, terms: Mapping[str, ObjectiveTerm], weights: Mapping[str, float] | None = None) -> None:
        for name in weights or {}:
            if name not in terms:
                raise ConfigError(_WHERE, f"{name} is no term of this task", f"choose from {', '.join(terms)}")
        self.weights = {name: term.weight for name, term in terms.items()} | dict(weights or {})
        """Name -> weight."""

    def value(self, terms: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
        """(E,) the objective of E episodes, by their terms (E,)."""
        total = np.zeros(len(next(iter(terms.values()))))
        for name, weight in self.weights.items():
            if weight:
                total += weight * np.nan_to_num(terms[name])
        return total


def parse_weights(text: str) -> dict[str, float]:
    """Weights as users write them, `served=1,time=0.2`. Raises ConfigError if one is no number of at least 0."""
    weights: dict[str, float] = {}
    remedy = "write for example value=1,crowding=0.3,time=0.2"
    for part in text.split(","):
        name, _, number = part.strip().partition("=")
        try:
            weight = float(number)
        except ValueError:
            raise ConfigError(_WHERE, f"{part.strip() or 'nothing'} is no weight", remedy) from None
        if name in weights:
            raise ConfigError(_WHERE, f"{name} is named twice", "give each term one weight")
        if not (math.isfinite(weight) and 0.0 <= weight <= MAX_WEIGHT):
            raise ConfigError(_WHERE, f"{name}={number} is not between 0 and {MAX_WEIGHT:,.0f}", remedy)
        weights[name] = weight
    return weights
