"""Which part an episode is drawn from: shares hold in any block, and the key decides alone."""

import numpy as np
import pytest

from rl_cluster.environment.shared.keyed_random import EVALUATION, TRAINING
from rl_cluster.environment.shared.mixture import parts_of_episodes

EQUAL = [1 / 14] * 14
UNEQUAL = [0.5, 0.3, 0.15, 0.05]


@pytest.mark.parametrize("shares", [[1.0], EQUAL, UNEQUAL])
@pytest.mark.parametrize(("num_worlds", "num_episodes"), [(256, 1), (1, 256), (16, 16), (64, 7)])
def test_shares__hold_in_any_block_of_worlds_and_episodes(
    shares: list[float], num_worlds: int, num_episodes: int
) -> None:
    for seed, first in ((0, 0), (7, 1000), (2**31 - 1, 123456)):
        worlds, episodes = np.meshgrid(np.arange(first, first + num_worlds), np.arange(num_episodes))
        parts = parts_of_episodes(shares, seed, TRAINING, worlds.ravel(), episodes.ravel())
        counts = np.bincount(parts, minlength=len(shares)) / parts.size

        np.testing.assert_allclose(counts, shares, atol=0.03)


def test_each_part__is_met_in_a_few_episodes_per_part() -> None:
    for first in range(0, 10_000, 100):
        for block in ((np.arange(first, first + 42), np.zeros(42)), (np.zeros(42), np.arange(first, first + 42))):
            worlds, episodes = (numbers.astype(np.int64) for numbers in block)
            assert set(parts_of_episodes(EQUAL, 3, TRAINING, worlds, episodes)) == set(range(14))


def test_part__depends_on_each_of_the_key_and_on_nothing_else() -> None:
    worlds, episodes = np.arange(100), np.zeros(100, dtype=np.int64)
    drawn = parts_of_episodes(EQUAL, 0, TRAINING, worlds, episodes)

    one_by_one = [parts_of_episodes(EQUAL, 0, TRAINING, worlds[i : i + 1], episodes[:1])[0] for i in range(100)]
    assert np.array_equal(drawn, one_by_one)
    for other in (
        parts_of_episodes(EQUAL, 1, TRAINING, worlds, episodes),
        parts_of_episodes(EQUAL, 0, EVALUATION, worlds, episodes),
        parts_of_episodes(EQUAL, 0, TRAINING, worlds + 100, episodes),
        parts_of_episodes(EQUAL, 0, TRAINING, worlds, episodes + 1),
    ):
        assert (other != drawn).any()
