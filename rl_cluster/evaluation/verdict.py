"""The verdict of a comparison in words: which policy is best, by how much, and whether chance alone explains it.

Policies are ranked by the headline of their task. `comparison.py` has the scores, `summary.py` the table below.
"""

import textwrap
from collections.abc import Collection
from typing import NamedTuple

import numpy as np

from rl_cluster.environment.shared.interface import EpisodeMetric
from rl_cluster.evaluation.comparison import CONFIDENCE, Comparison
from rl_cluster.evaluation.intervals import Interval
from rl_cluster.evaluation.split_table import WIDTH

__all__ = ["Lead", "lead_of", "ranking", "verdict"]


class Lead(NamedTuple):
    """The best policy, and the one that it is measured against."""

    best: str
    rival: str | None
    """the best of the others: of the baselines for a policy, of the policies for a baseline; None = it played alone"""
    difference: Interval
    """of the headline, best minus rival, paired; NaN without a rival, bounds NaN in a single episode"""

    @property
    def is_certain(self) -> bool:
        """Whether the interval excludes 0."""
        return bool(self.difference.low > 0.0 or self.difference.high < 0.0)


def ranking(comparison: Comparison, headline: EpisodeMetric) -> list[str]:
    """The policies, best first; those whose headline is not defined come last."""
    column = list(comparison.metrics).index(headline)
    scores = {name: float(interval.mean[column]) for name, interval in comparison.means.items()}
    return sorted(scores, key=lambda name: -scores[name] if np.isfinite(scores[name]) else np.inf)


def lead_of(comparison: Comparison, headline: EpisodeMetric, baselines: Collection[str]) -> Lead:
    """How far the best policy is ahead.

    Args:
        comparison: The scores.
        headline: The metric that ranks; more is better.
        baselines: Names among the policies that the others are measured against.
    """
    best, *others = ranking(comparison, headline)
    rivals = [name for name in others if (name in baselines) != (best in baselines)] or others
    if not rivals:
        nothing = np.array(np.nan)
        return Lead(best, None, Interval(nothing, nothing, nothing))
    return Lead(best, rivals[0], comparison.paired(best, rivals[0], headline))


def verdict(comparison: Comparison, headline: EpisodeMetric, baselines: Collection[str]) -> str:
    """One or two sentences, wrapped to 80 columns; for the arguments see `lead_of`."""
    lead = lead_of(comparison, headline, baselines)
    score = float(comparison.means[lead.best].mean[list(comparison.metrics).index(headline)])
    told = f"{headline.label} {score:.{headline.decimals}f}"
    if lead.rival is None:
        return _wrapped(f"{lead.best} has {told}. Nothing was played beside it.")
    role = ", the best heuristic" if lead.rival in baselines and lead.best not in baselines else ""
    ahead = float(lead.difference.mean)
    if not ahead:
        return _wrapped(f"{lead.best} and {lead.rival}{role} are level: {told}.")
    by = f"{ahead:.{headline.decimals}f} above {lead.rival}{role}"
    return _wrapped(f"{lead.best} is best: {told}, {by}. {_certainty(lead, headline, comparison)}")


def _certainty(lead: Lead, headline: EpisodeMetric, comparison: Comparison) -> str:
    """What the interval of a lead says."""
    played = f"{comparison.num_episodes} {comparison.unit}s"
    if np.isnan(lead.difference.low):
        return f"A single {comparison.unit} has no interval, and may be chance."
    low, high = (f"{float(bound):+.{headline.decimals}f}" for bound in (lead.difference.low, lead.difference.high))
    interval = f"The {100 * CONFIDENCE:.0f} % interval of the lead [{low}, {high}]"
    if lead.is_certain:
        return f"{interval} excludes 0."
    return f"{interval} includes 0: {played} do not tell which of the two is better."


def _wrapped(text: str) -> str:
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)
