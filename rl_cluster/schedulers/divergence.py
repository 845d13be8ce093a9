"""Signs that training falls apart: numbers that are not finite, a KL far off its target, returns that swing.

Returns swing if those of the last iterations spread much wider than those of the run before, and are no better on
average: a run that learns fast does not diverge. `decide_restore` says whether the run goes back to what it last held
for good.
"""

import math
from dataclasses import dataclass
from statistics import fmean, pstdev
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from rl_cluster.config.controllers import ControllersConfig
from rl_cluster.config.section import Tally

__all__ = [
    "RESTORED_LR",
    "Divergence",
    "SpreadState",
    "decide_restore",
    "forget_recent",
    "note_return",
    "why_diverging",
]

RECENT = 10
"""The last iterations, whose spread of returns is compared with that of the run before them."""
ENOUGH = 20
"""The fewest iterations before them for a comparison."""
WIDER = 3.0
"""Ratio of the recent to the earlier spread of returns, above which returns swing. With normal noise the variances of
10 and 20 differ this much once in 30,000 times; by a factor of 2 they would once in 200."""
FAR = 10.0
"""KL over its target, above which the policy has left the trust region."""
LARGEST_KL = 1.0
"""Nats per UAV and update, above which it has left any trust region: a hundred times the KL of usual PPO updates."""
RESTORED_LR = 0.5
"""The learning rate is multiplied by this when a run goes back: at the same rate it would diverge again."""


_Return = Annotated[float, Field(ge=-1e100, le=1e100)]


class SpreadState(NamedTuple):
    """Returns so far: the last ones, and moments of those before."""

    recent: Annotated[tuple[_Return, ...], Field(max_length=RECENT)] = ()
    num_before: Tally = 0
    mean: _Return = 0.0
    squares: Annotated[float, Field(ge=0.0, le=1e250)] = 0.0
    """sum of squared deviations from the mean (Welford 1962)"""


_Measured = Annotated[float, Field(allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class Divergence:
    """Why training seems to diverge."""

    sign: Literal["not finite", "far from target", "large", "swinging"]
    """the loss or KL is not finite; KL is far from its target, or large without one; returns swing"""
    value: _Measured | None = None
    """KL, or the spread of the recent returns"""
    limit: _Measured | None = None
    """the target of KL, the largest KL, or the spread of the returns before"""

    @property
    def words(self) -> str:
        """The reason in one line."""
        if self.value is None or self.limit is None:
            return "the loss or KL is not finite"
        match self.sign:
            case "far from target":
                return f"KL {self.value:.3g} is more than {FAR:g} times its target {self.limit:g}"
            case "swinging":
                recent = f"returns of the last {RECENT} iterations spread {self.value:.3g}"
                return f"{recent}, those before {self.limit:.3g}"
        return f"KL {self.value:.3g} is more than {self.limit:g} nat"


def note_return(state: SpreadState, value: float) -> SpreadState:
    """The state after an iteration whose mean return was `value`; NaN is ignored."""
    if not math.isfinite(value):
        return state
    recent = (*state.recent, value)
    if len(recent) <= RECENT:
        return state._replace(recent=recent)
    oldest, num_before = recent[0], state.num_before + 1
    mean = state.mean + (oldest - state.mean) / num_before
    return SpreadState(recent[1:], num_before, mean, state.squares + (oldest - state.mean) * (oldest - mean))


def why_diverging(state: SpreadState, loss: float, kl: float, kl_target: float) -> Divergence | None:
    """Why training seems to diverge, or None.

    Args:
        state: Returns so far.
        loss: The loss of the last update.
        kl: The KL of the last update, in nats.
        kl_target: The target of KL; 0 = none, and KL up to `LARGEST_KL` is accepted.
    """
    if not math.isfinite(loss) or not math.isfinite(kl):
        return Divergence("not finite")
    if kl_target and kl > FAR * kl_target:
        return Divergence("far from target", kl, kl_target)
    if kl > LARGEST_KL:
        return Divergence("large", kl, LARGEST_KL)
    if state.num_before < ENOUGH or len(state.recent) < RECENT:
        return None
    recent, before = pstdev(state.recent), math.sqrt(state.squares / state.num_before)
    if recent > WIDER * before and fmean(state.recent) <= state.mean:
        return Divergence("swinging", recent, before)
    return None


def decide_restore(config: ControllersConfig, why: Divergence | None, num_restores: int) -> bool:
    """Whether a run is restored now.

    Args:
        config: What to do about divergence, and how often.
        why: Why it seems to diverge; None: it does not.
        num_restores: How often it has been restored.
    """
    return config.on_divergence == "restore" and why is not None and num_restores < config.max_restores


def forget_recent(state: SpreadState) -> SpreadState:
    """The state of a restored run: its last returns came from weights that are gone."""
    return state._replace(recent=())
