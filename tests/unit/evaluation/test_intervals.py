import numpy as np
import pytest
from scipy import stats

from rl_cluster.evaluation.intervals import bootstrap_interval, paired_difference, ratio_of_scores, relative_score


def _normal(*shape: int, seed: int = 0) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.random.default_rng(seed).normal(size=shape)


def test_bootstrap_interval__of_equal_values_is_a_point() -> None:
    interval = bootstrap_interval(np.full(30, 0.25))

    np.testing.assert_array_equal(interval, (0.25, 0.25, 0.25))


def test_bootstrap_interval__of_one_episode_has_no_bounds() -> None:
    np.testing.assert_array_equal(bootstrap_interval(np.array([3.0])), (3.0, np.nan, np.nan))


def test_bootstrap_interval__moves_and_scales_with_the_values() -> None:
    values = _normal(50)

    interval, other = bootstrap_interval(values), bootstrap_interval(2.0 * values + 1.0)

    np.testing.assert_allclose(other, 2.0 * np.array(interval) + 1.0)


def test_bootstrap_interval__is_deterministic_and_keyed_by_the_seed() -> None:
    values = _normal(50)

    assert bootstrap_interval(values, seed=1) == bootstrap_interval(values, seed=1)
    assert bootstrap_interval(values, seed=1).low != bootstrap_interval(values, seed=2).low


def test_bootstrap_interval__treats_columns_as_if_they_were_alone() -> None:
    values = _normal(40, 2, 3)

    low = bootstrap_interval(values).low

    assert low.shape == (2, 3)
    np.testing.assert_allclose(low[1, 2], bootstrap_interval(values[:, 1, 2]).low)


@pytest.mark.parametrize(("confidence", "low", "high"), [(0.95, 0.0, 1.0), (0.4, 0.5, 0.5)])
def test_bootstrap_interval__of_two_values_by_hand(confidence: float, low: float, high: float) -> None:
    # Resampling {0, 1} gives the means 0, 1/2 and 1 with probabilities 1/4, 1/2 and 1/4. The 2.5 % quantile is 0 and
    # the 97.5 % quantile 1; the 30 % and 70 % quantiles are both 1/2.
    interval = bootstrap_interval(np.array([0.0, 1.0]), confidence)

    np.testing.assert_array_equal(interval, (0.5, low, high))


def test_bootstrap_interval__of_a_share_has_the_binomial_quantiles() -> None:
    # A resample of 100 episodes, 30 of them 1, sums to Binomial(100, 0.3), whose 2.5 % and 97.5 % quantiles are 21
    # and 39.
    values = np.repeat([1.0, 0.0], [30, 70])

    _, low, high = bootstrap_interval(values)

    assert low == pytest.approx(stats.binom.ppf(0.025, 100, 0.3) / 100) == pytest.approx(0.21)
    assert high == pytest.approx(stats.binom.ppf(0.975, 100, 0.3) / 100) == pytest.approx(0.39)


def test_bootstrap_interval__approaches_the_normal_one_and_holds_large_samples() -> None:
    values = _normal(3000)

    mean, low, high = bootstrap_interval(values, num_resamples=2000)

    half_width = 1.96 * values.std() / np.sqrt(3000)
    assert mean == pytest.approx(values.mean())
    assert low == pytest.approx(values.mean() - half_width, abs=0.08 * half_width)
    assert high == pytest.approx(values.mean() + half_width, abs=0.08 * half_width)


def test_bootstrap_interval__leaves_undefined_values_out() -> None:
    values = np.stack([np.r_[_normal(20), np.full(20, np.nan)], np.full(40, np.nan)], axis=1)

    mean, low, high = bootstrap_interval(values)

    assert mean[0] == pytest.approx(values[:20, 0].mean())
    alone = bootstrap_interval(values[:20, 0])
    assert low[0] == pytest.approx(alone.low, abs=0.1)
    assert high[0] == pytest.approx(alone.high, abs=0.1)
    assert np.isnan([mean[1], low[1], high[1]]).all()


def test_bootstrap_interval__does_not_count_resamples_without_a_value() -> None:
    values = np.array([7.0, np.nan, np.nan])  # 8 of 27 resamples draw no 7

    np.testing.assert_array_equal(bootstrap_interval(values), (7.0, 7.0, 7.0))


def test_paired_difference__is_the_interval_of_the_differences() -> None:
    first, second = _normal(30, 2, seed=1), _normal(30, 2, seed=2)

    difference = paired_difference(first, second)

    np.testing.assert_array_equal(difference, bootstrap_interval(first - second))
    np.testing.assert_allclose(difference.mean, first.mean(axis=0) - second.mean(axis=0))


def test_paired_difference__changes_sign_with_the_order() -> None:
    first, second = _normal(30, seed=1), _normal(30, seed=2)

    mean, low, high = paired_difference(first, second)

    np.testing.assert_allclose(paired_difference(second, first), (-mean, -high, -low))


def test_paired_difference__cancels_what_the_episodes_share() -> None:
    hardness = 10.0 * _normal(100)

    difference = paired_difference(hardness + 0.1, hardness)

    assert difference.low == pytest.approx(0.1)
    assert difference.high == pytest.approx(0.1)


def test_relative_score__is_the_place_between_the_others() -> None:
    random = np.random.default_rng(0)
    shared = random.normal(size=300)
    values = np.stack([shared + 3.0, shared + 1.0, shared + 5.0], axis=1)

    score = relative_score(values)

    assert [float(part) for part in score] == pytest.approx([0.5, 0.5, 0.5])


def test_relative_score__holds_the_truth_in_95_of_100() -> None:
    random = np.random.default_rng(0)
    hits = 0
    for _ in range(200):
        values = random.normal(size=(60, 3)) * 0.3 + [0.7, 0.0, 1.0]
        score = relative_score(values, num_resamples=400)
        hits += bool(score.low <= 0.7 <= score.high)

    assert 180 <= hits <= 198


def test_ratio_of_scores__divides_means() -> None:
    half, quarter = np.tile([2.0, 0.0, 4.0], (9, 1)), np.tile([1.0, 0.0, 4.0], (5, 1))

    assert [float(part) for part in ratio_of_scores(quarter, half)] == pytest.approx([0.5, 0.5, 0.5])


def test_ratio_of_scores__over_nothing_is_not_defined() -> None:
    """A policy that plays like random at home has no transfer ratio, and warns nobody."""
    values = np.array([[0.3, 0.2, 0.6], [0.4, 0.3, 0.8]])
    at_random = values.copy()
    at_random[:, 0] = at_random[:, 1]

    assert np.isnan([float(part) for part in ratio_of_scores(values, at_random)]).all()
