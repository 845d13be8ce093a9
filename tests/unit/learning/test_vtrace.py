"""V-trace is GAE where the policy is the one that acted, and trusts less where it is not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rl_cluster.learning.gae import gae
from rl_cluster.learning.vtrace import vtrace

SHAPE = (5, 3, 2)


def _columns(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    reward, value, successor = generator.normal(size=(3, *SHAPE)).astype(np.float32)
    ended = generator.random(SHAPE[:2]) < 0.3
    return reward, value, np.where(ended[..., None], np.float32(0.0), successor), ended


@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.5, 0.95, 1.0]))
def test_vtrace__of_the_policy_that_acted_is_gae(seed: int, gae_lambda: float) -> None:
    columns = _columns(seed)

    expected = gae(*columns, 0.99, gae_lambda)

    for result, known in zip(vtrace(*columns, np.ones(SHAPE), 0.99, gae_lambda), expected, strict=True):
        np.testing.assert_array_equal(result, known)
        assert result.dtype == np.float32


def test_vtrace__of_two_steps_by_hand() -> None:
    """delta = (1 + .5 * 2 - 1, 3 + .5 * 4 - 2) = (1, 3); c = (.5, .25); lambda = .8."""
    reward, value, successor = (np.array(column).reshape(2, 1, 1) for column in ([1.0, 3.0], [1.0, 2.0], [2.0, 4.0]))

    advantage, target = vtrace(
        reward, value, successor, np.zeros((2, 1), bool), np.array([0.5, 0.25]).reshape(2, 1, 1), 0.5, 0.8
    )

    assert advantage.ravel().tolist() == pytest.approx([1.0 + 0.5 * 0.8 * 0.25 * 3.0, 3.0])
    assert target.ravel().tolist() == pytest.approx([1.0 + 0.5 * 1.3, 2.0 + 0.25 * 3.0])


@given(st.integers(0, 10_000))
def test_vtrace__hears_nothing_through_a_choice_that_the_policy_would_never_make(seed: int) -> None:
    reward, value, successor, _ = _columns(seed)
    ended, ratio = np.zeros(SHAPE[:2], bool), np.ones(SHAPE)
    ratio[2] = 0.0

    advantage, target = vtrace(reward, value, successor, ended, ratio, 0.9, 0.9)

    early, _ = gae(reward[:2], value[:2], successor[:2], ended[:2], 0.9, 0.9)
    np.testing.assert_array_equal(advantage[:2], early)
    np.testing.assert_array_equal(target[2], value[2])


@given(st.integers(0, 10_000))
def test_vtrace__trusts_no_choice_more_than_if_the_policy_had_made_it(seed: int) -> None:
    columns = _columns(seed)

    often, once = (vtrace(*columns, np.full(SHAPE, ratio), 0.9, 0.9) for ratio in (7.0, 1.0))

    np.testing.assert_array_equal(often, once)
