"""Advantages against sums by hand, and the two ends of lambda."""

import numpy as np
import pytest

from rl_cluster.learning.gae import gae

GAMMA, LAMBDA = 0.9, 0.5


def _column(*steps: float) -> np.ndarray:
    """(T, 1, 1): one world, one UAV."""
    return np.array(steps, dtype=np.float32).reshape(-1, 1, 1)


def test_gae__of_three_steps_by_hand() -> None:
    advantage, target = gae(
        reward_TBN=_column(1.0, 0.0, 2.0),
        value_TBN=_column(0.5, 1.0, 0.0),
        next_value_TBN=_column(1.0, 0.0, 4.0),
        ended_TB=np.zeros((3, 1), dtype=bool),
        gamma=GAMMA,
        gae_lambda=LAMBDA,
    )

    # delta = 1 + .9 * 1 - .5, 0 + .9 * 0 - 1, 2 + .9 * 4 - 0 = 1.4, -1, 5.6; gamma lambda = .45.
    # A_2 = 5.6;  A_1 = -1 + .45 * 5.6 = 1.52;  A_0 = 1.4 + .45 * 1.52 = 2.084.
    np.testing.assert_allclose(advantage.ravel(), [2.084, 1.52, 5.6], rtol=1e-6)
    np.testing.assert_allclose(target.ravel(), [2.584, 2.52, 5.6], rtol=1e-6)


def test_gae__carries_nothing_over_the_end_of_an_episode() -> None:
    advantage, _ = gae(
        reward_TBN=_column(1.0, 3.0, 7.0),
        value_TBN=_column(0.0, 1.0, 2.0),
        next_value_TBN=_column(1.0, 0.0, 0.0),
        ended_TB=np.array([[False], [True], [False]]),
        gamma=GAMMA,
        gae_lambda=LAMBDA,
    )

    # A_2 = 7 - 2 = 5;  A_1 = 3 - 1 = 2, the episode ended there;  A_0 = 1 + .9 * 1 - 0 + .45 * 2 = 2.8.
    np.testing.assert_allclose(advantage.ravel(), [2.8, 2.0, 5.0], rtol=1e-6)


def test_gae__takes_a_value_beyond_an_end_where_the_caller_gives_one() -> None:
    advantage, _ = gae(_column(1.0), _column(0.0), _column(10.0), np.array([[True]]), GAMMA, LAMBDA)

    # 1 + .9 * 10 - 0.
    assert advantage.item() == pytest.approx(10.0)


def test_gae__with_lambda_zero_is_the_one_step_error() -> None:
    rng = np.random.default_rng(0)
    reward, value, next_value = rng.normal(size=(3, 6, 4, 3)).astype(np.float32)

    advantage, _ = gae(reward, value, next_value, rng.random((6, 4)) < 0.3, GAMMA, 0.0)

    np.testing.assert_allclose(advantage, reward + GAMMA * next_value - value, rtol=1e-5, atol=1e-6)


def test_gae__with_lambda_one_gives_discounted_returns_as_targets() -> None:
    rng = np.random.default_rng(0)
    T, B, N = 7, 5, 3
    reward = rng.normal(size=(T, B, N)).astype(np.float32)
    value = rng.normal(size=(T + 1, B, N)).astype(np.float32)
    ended = rng.random((T, B)) < 0.3
    next_value = np.where(ended[..., None], np.float32(0.0), value[1:])

    _, target = gae(reward, value[:-1], next_value, ended, GAMMA, 1.0)

    returns = value[-1].astype(np.float64)
    for t in reversed(range(T)):
        returns = reward[t] + GAMMA * np.where(ended[t][:, None], 0.0, returns)
        np.testing.assert_allclose(target[t], returns, rtol=1e-5, atol=1e-5)


def test_gae__gives_float32_and_leaves_its_arguments_alone() -> None:
    columns = [np.ones((2, 1, 1), dtype=np.float64) for _ in range(3)]
    copies = [column.copy() for column in columns]

    advantage, target = gae(columns[0], columns[1], columns[2], np.zeros((2, 1), dtype=bool), GAMMA, LAMBDA)

    assert advantage.dtype == target.dtype == np.float32
    for column, copy in zip(columns, copies, strict=True):
        np.testing.assert_array_equal(column, copy)
