"""When a stage is given up: a score far below what the policy once had, several times in a row.

The reference is the score at which the stage before was passed, measured then: a policy that cannot reach a share of it
on a harder stage has lost what it could do. How often a stage may be given up is bounded, so a run cannot swing for
ever. `curriculum.py` says when this test is made, and what follows.
"""

from typing import Literal, NamedTuple

from rl_cluster.config.curriculum import CurriculumConfig
from rl_cluster.config.section import Tally
from rl_cluster.schedulers.verdict import Verdict

__all__ = ["FallbackState", "GivenUp", "bound_of", "give_up", "judge"]

GivenUp = Literal[Verdict.FALLBACK, Verdict.HELD]


class FallbackState(NamedTuple):
    """The state of the test."""

    failures: Tally = 0
    """failed rounds in a row"""
    used: tuple[Tally, ...] = ()
    """fallbacks so far from stage 1, 2, ..; stages beyond the last entry have had none"""


def bound_of(rules: CurriculumConfig, reference: float) -> float:
    """The score below which a round fails. `reference` is in (0, 1]."""
    return rules.fallback_share * reference


def judge(
    rules: CurriculumConfig, state: FallbackState, stage: int, score: float, reference: float
) -> tuple[FallbackState, GivenUp | None]:
    """Judges one round in `stage` (from 1) by the score at which the stage before was passed; None = the run stays."""
    failures = state.failures + 1 if score < bound_of(rules, reference) else 0
    counted = state._replace(failures=failures)
    return give_up(rules, counted, stage) if failures >= rules.num_failures else (counted, None)


def give_up(rules: CurriculumConfig, state: FallbackState, stage: int) -> tuple[FallbackState, GivenUp]:
    """Falls back from `stage` if it can: the first stage has no fallback, the others have `max_fallbacks`."""
    used = [*state.used, *[0] * (stage - len(state.used))]
    if stage == 1 or used[stage - 1] >= rules.max_fallbacks:
        return state._replace(failures=0), Verdict.HELD
    used[stage - 1] += 1
    return FallbackState(failures=0, used=tuple(used)), Verdict.FALLBACK
