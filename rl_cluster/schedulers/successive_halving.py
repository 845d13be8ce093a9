"""Asynchronous successive halving with rungs of any kind: who is behind its peers at an equal point stops.

At each rung a trial's score is held against all that were recorded there before it: it goes on if it is among the best
1 / eta of them (Li et al. 2020, arXiv 1810.05934). A rung is a label, for example (stage, rounds in the stage), so
trials that train in different stages of a curriculum are never compared.
"""

from collections.abc import Hashable

import numpy as np

__all__ = ["Rungs", "is_rung"]


def is_rung(rounds: int, grace: int, reduction: float) -> bool:
    """Whether so many rounds are grace, grace * reduction, grace * reduction^2, .., rounded."""
    milestone = float(grace)
    while round(milestone) < rounds:
        milestone *= reduction
    return round(milestone) == rounds


class Rungs:
    """Scores by rung and trial.

    Args:
        reduction: eta; one of so many goes on.
    """

    def __init__(self, reduction: float) -> None:
        self._reduction = reduction
        self._scores: dict[Hashable, dict[str, float]] = {}

    def is_behind(self, rung: Hashable, trial: str, score: float) -> bool:
        """Records the score of a trial, and whether it is not among the best 1 / eta so far; the first one is.

        A trial that comes to a rung once more, from a better one's checkpoint, is not judged again: two that are behind
        would take each other's place for ever.
        """
        others = self._scores.setdefault(rung, {})
        if trial in others:
            return False
        cutoff = np.percentile(list(others.values()), (1.0 - 1.0 / self._reduction) * 100.0) if others else score
        others[trial] = score
        return bool(score < cutoff)
