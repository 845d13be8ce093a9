"""Keyed randomness: a number depends on its key and counter alone."""

import numpy as np

from rl_cluster.environment.shared.keyed_random import ACTION, EVALUATION, TRAINING, action_noise, key, uniform


def _noise(first_world: int, num_worlds: int, num_uavs: int = 3, num_actions: int = 4) -> np.ndarray:
    episode = np.zeros(num_worlds, dtype=np.int64)
    worlds = np.arange(first_world, first_world + num_worlds)
    return action_noise((num_worlds, num_uavs, num_actions), 7, worlds, episode, episode)


def test_key__depends_on_every_part() -> None:
    keys = {
        key(seed, stream, world, episode)
        for seed in (0, 1)
        for stream in (TRAINING, EVALUATION, ACTION)
        for world in (0, 1, 2)
        for episode in (0, 1)
    }

    assert len(keys) == 2 * 3 * 3 * 2


def test_uniform__matches_splitmix64_by_hand() -> None:
    mask = (1 << 64) - 1

    def mix(z: int) -> int:
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        return z ^ (z >> 31)

    golden = 0x9E3779B97F4A7C15
    expected = ((mix((5 + 3 * golden) & mask) >> 11) + 0.5) / 2**53

    assert uniform(np.uint64(5), 2) == expected


def test_action_noise__is_the_same_in_every_batch() -> None:
    whole = _noise(0, 6)
    parts = np.concatenate([_noise(0, 1), _noise(1, 3), _noise(4, 2)])

    assert np.array_equal(whole, parts)


def test_action_noise__does_not_depend_on_padding() -> None:
    assert np.array_equal(_noise(0, 2), _noise(0, 2, num_uavs=5, num_actions=9)[:, :3, :4])


def test_action_noise__is_uniform() -> None:
    noise = _noise(0, 2000)

    assert noise.min() > 0.0
    assert noise.max() < 1.0
    histogram, _ = np.histogram(noise, bins=10, range=(0.0, 1.0))
    expected = noise.size / 10
    chi_square = float(((histogram - expected) ** 2 / expected).sum())
    assert chi_square < 27.9  # 0.1 % quantile of chi-square with 9 degrees of freedom


def test_action_noise__may_have_a_seed_for_each_row() -> None:
    worlds, episode = np.array([4, 4, 4]), np.zeros(3, dtype=np.int64)

    noise = action_noise((3, 2, 4), np.array([7, -1, 8]), worlds, episode, episode)

    np.testing.assert_array_equal(noise[0], _noise(4, 1, 2)[0])
    assert (noise[1] == 0.5).all()  # the most probable action
    assert (noise[2] != noise[0]).all()
