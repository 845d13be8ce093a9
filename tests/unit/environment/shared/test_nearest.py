"""Rankings against a stable sort; how many neighbours attention sees, by hand and as they are drawn."""

import numpy as np
import pytest
from numpy.typing import NDArray

from rl_cluster.environment.shared.nearest import MAX_RANKED, Ranking, adaptive_k, rank, training_k
from rl_cluster.types import MAX_NEIGHBOURS, neighbour_slots


def ranked(keys: NDArray[np.float64], limit: int) -> list[int]:
    ranking = Ranking.empty(len(keys))
    ranking.keys[: len(keys)] = keys
    ranking.found[: len(keys)] = 10 + 3 * np.arange(len(keys))
    return ranking.order[: rank(ranking, len(keys), limit)].tolist()


@pytest.mark.parametrize("count", [0, 1, 2, 7, 8, 9, 16, 17, 63, MAX_RANKED, MAX_RANKED + 1, 300])
@pytest.mark.parametrize("num_distinct", [1, 5, 10_000])
def test_rank__is_a_stable_sort(count: int, num_distinct: int) -> None:
    keys = np.random.default_rng(count).integers(-num_distinct // 2, num_distinct, count).astype(np.float64)
    expected = (10 + 3 * np.argsort(keys, kind="stable")).tolist()
    for limit in (1, 16):
        order = ranked(keys, limit)
        assert order == expected[: len(order)]
        assert len(order) >= min(count, limit)


@pytest.mark.parametrize(
    ("num_uavs", "k"), [(1, 4), (16, 4), (17, 5), (20, 5), (21, 6), (61, 16), (64, 16), (65, 16), (1000, 16)]
)
def test_adaptive_k__is_a_quarter_of_the_team_from_4_to_16(num_uavs: int, k: int) -> None:
    assert adaptive_k(num_uavs) == k


@pytest.mark.parametrize(("num_uavs", "expected"), [(20, {3, 4, 5, 6, 7}), (64, {14, 15, 16}), (2, {2, 3, 4, 5, 6})])
def test_training_k__is_about_that_of_the_team(num_uavs: int, expected: set[int]) -> None:
    drawn = {training_k(num_uavs, 0, world, 0, 2, 0.0) for world in range(200)}

    assert drawn == expected


def test_training_k__of_a_share_of_episodes_is_any() -> None:
    """With jitter 0, the rest has 5; a uniform draw has it in 1 of 13 cases, too."""
    num_draws, share = 4000, 0.3
    drawn = np.array([training_k(20, 0, 0, episode, 0, share) for episode in range(num_draws)])

    assert set(drawn.tolist()) == set(range(4, MAX_NEIGHBOURS + 1))
    # standard deviation of the share: sqrt(0.28 * 0.72 / 4000) = 0.007; four of them
    assert (drawn != 5).mean() == pytest.approx(share * 12 / 13, abs=0.03)


def test_training_k__is_the_same_for_the_same_key() -> None:
    keys = [(seed, world, episode) for seed in range(3) for world in range(4) for episode in range(5)]
    first, again = ([training_k(40, *key, 2, 0.3) for key in keys] for _ in range(2))

    assert first == again
    assert len(set(first)) > 3


@pytest.mark.parametrize(("sizes", "slots"), [((0, 0, 0), 0), ((5, 6, 2), 13), ((16, 16, 16), 48), ((100, 17, 3), 35)])
def test_slots__are_at_most_16_a_kind(sizes: tuple[int, int, int], slots: int) -> None:
    assert neighbour_slots(*sizes).width == slots
