"""What passes a stage: never what random play scores, and never less than the settings ask for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rl_cluster.config.curriculum import AllocateCurriculum
from rl_cluster.schedulers.curriculum import CurriculumState, decide
from rl_cluster.schedulers.pass_score import floor_between, score_to_pass
from rl_cluster.schedulers.verdict import Verdict

SHARES = st.floats(0.0, 1.0)


@given(SHARES, SHARES, SHARES)
def test_floor__lies_between_random_play_and_the_heuristic_and_never_below_random(
    share: float, random: float, heuristic: float
) -> None:
    floor = floor_between(share, random, heuristic)

    assert random <= floor <= max(random, heuristic) + 1e-12


@given(SHARES, SHARES)
def test_floor__of_a_heuristic_that_is_no_better_is_what_random_play_scores(share: float, random: float) -> None:
    assert floor_between(share, random, random) == random


@given(st.lists(SHARES, max_size=4), st.integers(1, 4))
def test_score_to_pass__is_at_least_what_the_settings_ask_for(
    rules: AllocateCurriculum, floors: list[float], stage: int
) -> None:
    score = score_to_pass(rules, stage, floors)

    assert score >= rules.stages[stage - 1].pass_score
    assert all(score >= floor for floor in floors[stage - 1 : stage])


def test_stage__is_passed_at_the_floor_and_not_at_a_pass_score_below_it(rules: AllocateCurriculum) -> None:
    state = CurriculumState(floors=(0.82,))
    for score in (0.75, 0.81, 0.819):
        state, decision = decide(rules, state, score)
        assert decision.verdict is Verdict.STAY
        assert state.passes == ()

    for score in (0.82, 0.9, 0.85):
        state, decision = decide(rules, state, score)

    assert (decision.verdict, decision.bound) == (Verdict.ADVANCE, 0.82)
    assert state.floors == (0.82,)
    assert state.references == pytest.approx((0.856667,), abs=1e-6)
