"""Signs that training falls apart: numbers that are not finite, a KL far off its target, returns that swing.

Returns swing if those of the last iterations spread much wider than those of the run before. Nothing is done about it
here; what is told is a reason in words.
"""

import math
from statistics import pstdev
from typing import Annotated, NamedTuple

from pydantic import Field

from rl_cluster.config.section import Tally

__all__ = ["SpreadState", "note_return", "why_diverging"]

RECENT = 10
"""Iterations whose spread of returns is held against that of the run before them."""
ENOUGH = 20
"""Iterations before them, without which there is no judgement."""
WIDER = 3.0
"""Spread of the recent returns over that of those before, above which they swing: with normal noise the variances of 10
and 20 differ so much once in 30,000 times; by a factor of 2 it would be once in 200."""
FAR = 10.0
"""KL over its target, above which the policy has left the trust region."""


_Return = Annotated[float, Field(ge=-1e100, le=1e100)]


class SpreadState(NamedTuple):
    """Returns so far: the last ones, and moments of those before."""

    recent: Annotated[tuple[_Return, ...], Field(max_length=RECENT)] = ()
    num_before: Tally = 0
    mean: _Return = 0.0
    squares: Annotated[float, Field(ge=0.0, le=1e250)] = 0.0
    """sum of squared deviations from the mean (Welford 1962)"""


def note_return(state: SpreadState, value: float) -> SpreadState:
    """The state after an iteration whose mean return was `value`; NaN is passed over."""
    if not math.isfinite(value):
        return state
    recent = (*state.recent, value)
    if len(recent) <= RECENT:
        return state._replace(recent=recent)
    oldest, num_before = recent[0], state.num_before + 1
    mean = state.mean + (oldest - state.mean) / num_before
    return SpreadState(recent[1:], num_before, mean, state.squares + (oldest - state.mean) * (oldest - mean))


def why_diverging(state: SpreadState, loss: float, kl: float, kl_target: float) -> str | None:
    """Why training seems to diverge, or None.

    Args:
        state: Returns so far.
        loss: Of the last update.
        kl: Of the last update, in nats.
        kl_target: 0 = none is set: every finite KL is accepted.
    """
    if not math.isfinite(loss) or not math.isfinite(kl):
        return "the loss or KL is not finite"
    if kl_target and kl > FAR * kl_target:
        return f"KL {kl:.3g} is more than {FAR:g} times its target {kl_target:g}"
    if state.num_before < ENOUGH:
        return None
    recent, before = pstdev(state.recent), math.sqrt(state.squares / state.num_before)
    if recent > WIDER * before:
        return f"returns of the last {RECENT} iterations spread {recent:.3g}, those before {before:.3g}"
    return None
