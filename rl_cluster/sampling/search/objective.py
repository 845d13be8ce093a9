"""What the search maximises: a weighted sum of an episode's numbers. Each task says which numbers there are."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from rl_cluster.environment.shared.planning import ObjectiveTerm

__all__ = ["Objective"]


class Objective:
    """sum_k weight_k term_k. A term that an episode does not define counts as 0.

    Args:
        terms: The task's terms, with their default weights.
        weights: Other weights, by name.
    """

    def __init__(self, terms: Mapping[str, ObjectiveTerm], weights: Mapping[str, float] | None = None) -> None:
        self.weights = {name: term.weight for name, term in terms.items()} | dict(weights or {})
        """Name -> weight."""

    def value(self, terms: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
        """(E,) the objective of E episodes, by their terms (E,)."""
        total = np.zeros(len(next(iter(terms.values()))))
        for name, weight in self.weights.items():
            if weight:
                total += weight * np.nan_to_num(terms[name])
        return total
