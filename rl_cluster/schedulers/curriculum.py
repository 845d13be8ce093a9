"""A curriculum with fallback, as a state machine: one score in, the next state and a decision out.

Each round is tested in this order:

0. The score, or what was learnt, is not finite: the run falls back at once.
1. The first `grace` rounds after a change of stage are only recorded.
2. Fallback (`fallback.py`), from stage 2 on.
3. Advance: `num_passes` rounds in a row at or above what passes the stage (`pass_score.py`). Their mean is the stage's
   reference.
4. Plateau: `patience` rounds without a score above the best one by `MIN_GAIN`.

A run that has passed its last stage is done: it trains on, and its rounds are only recorded. The same holds for a run
that is held because its fallbacks are used up. Stages count from 1. Nothing here knows what a stage is or does.
"""

import math
from enum import StrEnum
from typing import Annotated, NamedTuple

from pydantic import Field

from rl_cluster.config.curriculum import CurriculumConfig
from rl_cluster.config.section import Score, Tally
from rl_cluster.schedulers.fallback import FallbackState, GivenUp, bound_of, give_up, judge
from rl_cluster.schedulers.pass_score import score_to_pass
from rl_cluster.schedulers.verdict import Verdict

__all__ = ["CurriculumState", "Decision", "Mode", "decide"]

MIN_GAIN = 0.01
"""The margin by which a score must exceed the best one to count as progress."""


class Mode(StrEnum):
    """The mode of a curriculum."""

    TRAIN = "train"
    HELD = "held"
    DONE = "done"


class CurriculumState(NamedTuple):
    """Where a run stands."""

    stage: Annotated[int, Field(ge=1)] = 1
    mode: Mode = Mode.TRAIN
    transitions: Tally = 0
    """advances and fallbacks so far"""
    rounds: Tally = 0
    """rounds in this stage since the last change"""
    passes: tuple[Score, ...] = ()
    """scores of the last rounds that passed in a row"""
    best: Score = -1.0
    """best score in this stage; -1 = none yet"""
    stale: Tally = 0
    """rounds in a row without a new best"""
    references: tuple[Score, ...] = ()
    """mean passing score of stage 1, 2, .., as measured when it was passed last"""
    floors: tuple[Score, ...] = ()
    """least passing score of stage 1, 2, .., as measured when it was first evaluated; none without `floor_share`"""
    fallback: FallbackState = FallbackState()


class Decision(NamedTuple):
    """The outcome of a round."""

    verdict: Verdict
    from_stage: int
    to_stage: int
    score: float
    """NaN = what was learnt, or the score, was not finite"""
    bound: float
    """the score's test: at or above it (advance, done), below it (fallback, held), or the best so far (plateau); NaN =
    none was made"""


def decide(
    rules: CurriculumConfig, state: CurriculumState, score: float, is_finite: bool = True
) -> tuple[CurriculumState, Decision]:
    """The state after one round, and the round's outcome.

    Args:
        rules: The curriculum's rules.
        state: The state before the round.
        score: The score of the current stage, in [0, 1]; NaN if it could not be measured.
        is_finite: False = losses or weights were not finite since the last round.
    """
    if state.mode is not Mode.TRAIN:
        return state, _stay(state, score)
    if not is_finite or not math.isfinite(score):
        return _leave(state, *give_up(rules, state.fallback, state.stage), math.nan, math.nan)
    state = state._replace(rounds=state.rounds + 1)
    if state.transitions and state.rounds <= rules.grace:
        return state, _stay(state, score)
    if state.stage > 1:
        reference = state.references[state.stage - 2]
        fallback, given_up = judge(rules, state.fallback, state.stage, score, reference)
        state = state._replace(fallback=fallback)
        if given_up:
            return _leave(state, fallback, given_up, score, bound_of(rules, reference))
    return _pass_or_stay(rules, state, score)


def _stay(state: CurriculumState, score: float) -> Decision:
    return Decision(Verdict.STAY, state.stage, state.stage, score, math.nan)


def _leave(
    state: CurriculumState, fallback: FallbackState, given_up: GivenUp, score: float, bound: float
) -> tuple[CurriculumState, Decision]:
    """Falls back to the stage before, or holds the run in this one."""
    stage = state.stage
    if given_up is Verdict.HELD:
        held = state._replace(mode=Mode.HELD, fallback=fallback)
        return held, Decision(given_up, stage, stage, score, bound)
    return _enter(state._replace(fallback=fallback), stage - 1), Decision(given_up, stage, stage - 1, score, bound)


def _pass_or_stay(rules: CurriculumConfig, state: CurriculumState, score: float) -> tuple[CurriculumState, Decision]:
    stage, pass_score = state.stage, score_to_pass(rules, state.stage, state.floors)
    passes = (*state.passes, score) if score >= pass_score else ()
    if len(passes) < rules.num_passes:
        return _note_progress(rules, state._replace(passes=passes), score)
    reference = sum(passes) / len(passes)
    passed = state._replace(references=(*state.references[: stage - 1], reference))
    if stage == len(rules.stages):
        return passed._replace(mode=Mode.DONE, passes=()), Decision(Verdict.DONE, stage, stage, score, pass_score)
    return _enter(passed, stage + 1), Decision(Verdict.ADVANCE, stage, stage + 1, score, pass_score)


def _note_progress(rules: CurriculumConfig, state: CurriculumState, score: float) -> tuple[CurriculumState, Decision]:
    if score > state.best + MIN_GAIN:
        return state._replace(best=score, stale=0), _stay(state, score)
    stale = state.stale + 1
    if stale < rules.patience:
        return state._replace(stale=stale), _stay(state, score)
    return state._replace(stale=0), Decision(Verdict.PLATEAU, state.stage, state.stage, score, state.best)


def _enter(state: CurriculumState, stage: int) -> CurriculumState:
    """Enters another stage, with all of its counters at zero."""
    return CurriculumState(
        stage,
        transitions=state.transitions + 1,
        references=state.references,
        floors=state.floors,
        fallback=state.fallback._replace(failures=0),
    )
