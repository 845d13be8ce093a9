"""The uncertainty of means over episodes: percentile bootstrap intervals, and paired differences on the same episodes.

The percentile bootstrap is of Efron 1979 ("Bootstrap methods: another look at the jackknife"). Episodes are resampled,
so an interval says nothing about the spread between training seeds.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Interval", "bootstrap_interval", "defined_ratio", "paired_difference", "ratio_of_scores", "relative_score"]

MAX_CHUNK = 1 << 22
"""The most drawn indices held at once: 32 MiB."""


class Interval(NamedTuple):
    """A mean and the bounds of its bootstrap interval, each of shape (...)."""

    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def bootstrap_interval(
    values: NDArray[np.float64], confidence: float = 0.95, num_resamples: int = 10_000, seed: int = 0
) -> Interval:
    """Mean over episodes, and the (1 -+ confidence) / 2 quantiles of the means of resampled episodes.

    NaN means that a metric is not defined for an episode. Such a value is left out of the mean, and of the mean of each
    resample that draws it. A resample without any value does not count; if no episode has one, all three are NaN. A
    single episode says nothing about the spread, so the bounds are NaN.

    Args:
        values: (E, ...) one row per episode, E >= 1. All columns are resampled by the same draws.
        confidence: Share of the resampled means inside the interval, in (0, 1).
        num_resamples: How many times the episodes are drawn again, with replacement.
        seed: Keys the draws: equal arguments give equal results.

    Returns:
        Arrays of shape (...).
    """
    num_episodes = values.shape[0]
    columns = np.asarray(values, dtype=np.float64).reshape(num_episodes, -1)
    is_defined = ~np.isnan(columns)
    filled = np.where(is_defined, columns, 0.0)
    if num_episodes == 1:
        mean, nothing = columns[0].reshape(values.shape[1:]), np.full(values.shape[1:], np.nan)
        return Interval(mean, nothing, nothing.copy())
    chunks = _draw_counts(num_episodes, num_resamples, seed)
    means = np.concatenate([_mean(counts, filled, is_defined) for counts in chunks])
    mean = _mean(np.ones((1, num_episodes)), filled, is_defined)[0]
    tail = (1.0 - confidence) / 2.0
    low, high = np.array([_quantiles(column, (tail, 1.0 - tail)) for column in means.T]).T
    shape = values.shape[1:]
    return Interval(mean.reshape(shape), low.reshape(shape), high.reshape(shape))


def paired_difference(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    confidence: float = 0.95,
    num_resamples: int = 10_000,
    seed: int = 0,
) -> Interval:
    """Interval of the mean of `first` - `second`, both (E, ...) on the same episodes in the same order.

    Episodes are drawn as pairs, so what makes an episode hard for both cancels. A pair with a NaN is left out.
    """
    assert first.shape == second.shape, "paired values come from the same episodes"
    return bootstrap_interval(first - second, confidence, num_resamples, seed)


def relative_score(values: NDArray[np.float64], confidence: float = 0.95, num_resamples: int = 10_000) -> Interval:
    """Where a mean lies between two others: (first - second) / (third - second), with its interval.

    Args:
        values: (E, 3), no NaN; the columns were scored on the same episodes, which are drawn together.
        confidence: As in `bootstrap_interval`.
        num_resamples: As in `bootstrap_interval`.

    Returns:
        Scalars; NaN where the third mean is not above the second.
    """
    resampled = _score(_resampled_means(values, num_resamples, seed=0))
    return _interval(_score(values.mean(axis=0)), resampled, confidence)


def ratio_of_scores(
    values: NDArray[np.float64], base: NDArray[np.float64], confidence: float = 0.95, num_resamples: int = 10_000
) -> Interval:
    """The ratio of two relative scores of different episodes, (E, 3) and (F, 3), which are drawn independently.

    NaN where the score of `base` is 0.
    """
    resampled = [_score(_resampled_means(part, num_resamples, seed)) for seed, part in enumerate((values, base))]
    mean = defined_ratio(_score(values.mean(axis=0)), _score(base.mean(axis=0)))
    return _interval(mean, defined_ratio(resampled[0], resampled[1]), confidence)


def defined_ratio(numbers: NDArray[np.float64], divisors: NDArray[np.float64]) -> NDArray[np.float64]:
    """(...) quotients, NaN where the divisor is 0."""
    ratio: NDArray[np.float64] = np.divide(numbers, divisors, out=np.full_like(divisors, np.nan), where=divisors != 0.0)
    return ratio


def _score(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """(...) relative scores of means (..., 3)."""
    first, second, third = np.moveaxis(means, -1, 0)
    span = np.asarray(third - second)
    score: NDArray[np.float64] = np.divide(first - second, span, out=np.full_like(span, np.nan), where=span > 0.0)
    return score


def _resampled_means(values: NDArray[np.float64], num_resamples: int, seed: int) -> NDArray[np.float64]:
    """(R, ...) means of the resampled episodes."""
    counts = np.concatenate(list(_draw_counts(len(values), num_resamples, seed)))
    return counts @ values / len(values)


def _interval(mean: NDArray[np.float64], resampled: NDArray[np.float64], confidence: float) -> Interval:
    tail = (1.0 - confidence) / 2.0
    low, high = _quantiles(resampled, (tail, 1.0 - tail))
    return Interval(np.asarray(mean), np.asarray(low), np.asarray(high))


def _draw_counts(num_episodes: int, num_resamples: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """Chunks (r, E): how often each episode is drawn in each resample."""
    random = np.random.default_rng(seed)
    chunk = max(1, MAX_CHUNK // num_episodes)
    for start in range(0, num_resamples, chunk):
        rows = min(chunk, num_resamples - start)
        drawn = random.integers(num_episodes, size=(rows, num_episodes)) + num_episodes * np.arange(rows)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=rows * num_episodes)
        yield counts.reshape(rows, num_episodes).astype(np.float64)


def _mean(
    counts: NDArray[np.float64], filled: NDArray[np.float64], is_defined: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """(r, K) means of the defined values of (E, K), weighted by the counts (r, E); NaN where there is none."""
    sums, num_defined = counts @ filled, counts @ is_defined.astype(np.float64)
    return np.divide(sums, num_defined, out=np.full_like(sums, np.nan), where=num_defined > 0)


def _quantiles(means: NDArray[np.float64], shares: tuple[float, float]) -> NDArray[np.float64]:
    defined = means[~np.isnan(means)]
    if defined.size == 0:
        return np.full(len(shares), np.nan)
    return np.asarray(np.quantile(defined, shares))
