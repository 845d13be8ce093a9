"""What counts as falling apart, and what does not."""

import math

import numpy as np
import pytest

from rl_cluster.config.load import load_config
from rl_cluster.schedulers.divergence import (
    ENOUGH,
    RECENT,
    Divergence,
    SpreadState,
    decide_restore,
    forget_recent,
    note_return,
    why_diverging,
)

LARGE = Divergence("large", 2.33, 1.0)


def _after(returns: list[float]) -> SpreadState:
    state = SpreadState()
    for value in returns:
        state = note_return(state, value)
    return state


def _words(state: SpreadState, loss: float, kl: float, kl_target: float) -> str:
    why = why_diverging(state, loss, kl, kl_target)
    return why.words if why else ""


def test_spread__has_the_moments_of_what_came_before_the_recent_ones() -> None:
    returns = np.random.default_rng(0).normal(size=40).tolist()

    state = _after([*returns, math.nan])

    assert state.recent == tuple(returns[-RECENT:])
    assert state.mean == pytest.approx(np.mean(returns[:-RECENT]))
    assert state.squares / state.num_before == pytest.approx(np.var(returns[:-RECENT]))


def test_steady_and_rising_returns__do_not_diverge() -> None:
    noise = np.random.default_rng(1).normal(scale=0.1, size=100)

    for returns in (noise, noise + np.linspace(0.0, 2.0, 100)):
        for end in range(1, 100):
            assert why_diverging(_after(returns[:end].tolist()), 0.1, 0.01, 0.01) is None


def test_swinging_returns__diverge_once_enough_is_known() -> None:
    steady = np.random.default_rng(2).normal(scale=0.1, size=ENOUGH).tolist()
    swinging = [(-1.0) ** number - 0.1 for number in range(RECENT)]

    assert why_diverging(_after([*steady[:-1], *swinging]), 0.1, 0.01, 0.0) is None
    assert "spread" in _words(_after([*steady, *swinging]), 0.1, 0.01, 0.0)


def test_loss_and_kl__diverge_where_they_are_not_finite_or_far_off() -> None:
    assert _words(SpreadState(), math.nan, 0.01, 0.01) == "the loss or KL is not finite"
    assert _words(SpreadState(), 0.1, math.inf, 0.01) == "the loss or KL is not finite"
    assert _words(SpreadState(), 0.1, 0.101, 0.01) == "KL 0.101 is more than 10 times its target 0.01"
    assert why_diverging(SpreadState(), 0.1, 0.1, 0.01) is None
    assert why_diverging(SpreadState(), 0.1, 0.101, 0.0) is None
    assert _words(SpreadState(), 0.1, 1.01, 0.0) == "KL 1.01 is more than 1 nat"


def test_returns_that_rise_fast__do_not_diverge() -> None:
    steady = np.random.default_rng(2).normal(scale=0.1, size=ENOUGH).tolist()
    rising = [number / 2.0 for number in range(RECENT)]

    assert why_diverging(_after([*steady, *rising]), 0.1, 0.01, 0.0) is None
    assert "spread" in _words(_after([*steady, *(-value for value in rising)]), 0.1, 0.01, 0.0)


@pytest.mark.parametrize(
    ("action", "why", "num_restores", "expected"),
    [
        ("restore", LARGE, 0, True),
        ("restore", LARGE, 1, True),
        ("restore", LARGE, 2, False),
        ("restore", None, 0, False),
        ("none", LARGE, 0, False),
        ("none", None, 0, False),
    ],
)
def test_restore__is_decided_by_the_setting_the_signs_and_how_often(
    action: str, why: Divergence | None, num_restores: int, expected: bool
) -> None:
    settings = load_config("debug").controllers
    config = settings.model_copy(update={"on_divergence": action, "max_restores": 2})

    assert decide_restore(config, why, num_restores) is expected


def test_returns_of_weights_that_are_gone__are_forgotten() -> None:
    steady = np.random.default_rng(2).normal(scale=0.1, size=ENOUGH).tolist()
    swinging = [(-1.0) ** number - 0.1 for number in range(RECENT)]
    state = forget_recent(_after([*steady, *swinging]))

    assert why_diverging(state, 0.1, 0.01, 0.0) is None
    for value in steady[:RECENT]:
        state = note_return(state, value)
        assert why_diverging(state, 0.1, 0.01, 0.0) is None
