"""Asynchronous successive halving with rungs of any kind: a trial that is behind its peers at an equal point stops.

At each rung a trial's score is compared with all that were recorded there before it. The trial continues if it is among
the best 1 / eta of them (Li et al. 2020, arXiv 1810.05934). A rung is a label, for example (stage, rounds in it), so
trials that train in different stages of a curriculum are never compared.
"""

from collections.abc import Hashable

import numpy as np

__all__ = ["Rungs", "is_rung"]


def is_rung(rounds: int, grace: int, reduction: float) -> bool:
    """Whether this number of rounds is grace, grace * reduction, grace * reduction^2, .., rounded."""
    milestone = float(grace)
    while round(milestone) < rounds:
        milestone *= reduction
    return round(milestone) == rounds


class Rungs:
    """Scores by rung and trial.

    Args:
        reduction: eta; one trial in eta continues.
    """

    def __init__(self, reduction: float) -> None:
        self._reduction = reduction
        self._scores: dict[Hashable, dict[str, float]] = {}

    def is_behind(self, rung: Hashable, trial: str, score: float) -> bool:
        """Records a trial's score; returns True if it is not among the best 1 / eta so far. The first one always is.

        A trial that reaches a rung again, from a better trial's checkpoint, is not judged again: two trials that are
        behind would replace each other for ever.
        """
        others = self._scores.setdefault(rung, {})
        if trial in others:
            return False
        cutoff = np.percentile(list(others.values()), (1.0 - 1.0 / self._reduction) * 100.0) if others else score
        others[trial] = score
        return bool(score < cutoff)
