"""The state machine: its order by hand, its invariants on random traces, and a learner that loses its skill."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rl_cluster.config.curriculum import AllocateCurriculum
from rl_cluster.schedulers.curriculum import CurriculumState, Event, Mode, decide
from rl_cluster.schedulers.fallback import FallbackState, bound_of


def _play(
    rules: AllocateCurriculum, scores: Sequence[float], state: CurriculumState | None = None
) -> tuple[CurriculumState, list[Event | None]]:
    state, events = state or CurriculumState(), list[Event | None]()
    for score in scores:
        state, event = decide(rules, state, score)
        events.append(event)
    return state, events


def _kinds(events: list[Event | None]) -> list[str]:
    return [event.kind if event else "-" for event in events]


def test_advance__takes_passes_that_follow_each_other(rules: AllocateCurriculum) -> None:
    state, events = _play(rules, [0.9, 0.9, 0.74, 0.75, 0.78, 0.81])

    assert _kinds(events) == ["-"] * 5 + ["advance"]
    assert events[-1] == Event("advance", 1, 2, 0.81, 0.75)
    assert state.references == pytest.approx((0.78,))
    assert state == CurriculumState(stage=2, transitions=1, references=state.references)


def test_grace__records_only(rules: AllocateCurriculum) -> None:
    state, _ = _play(rules, [0.8] * 3)

    # 0.0 would fail and 0.9 would pass, but the first two rounds of the new stage count for neither
    state, events = _play(rules, [0.0, 0.9, 0.9, 0.9, 0.9], state)

    assert _kinds(events) == ["-", "-", "-", "-", "advance"]
    assert state.stage == 3


def test_fallback__follows_failures_and_keeps_references(rules: AllocateCurriculum) -> None:
    at_3 = CurriculumState(stage=3, transitions=2, rounds=2, references=(0.8, 0.75))

    # the bound is 0.6 * 0.75 = 0.45
    state, events = _play(rules, [0.4, 0.46, 0.44, 0.2, 0.41], at_3)

    assert _kinds(events) == ["-", "-", "-", "-", "fallback"]
    assert events[-1] == Event("fallback", 3, 2, 0.41, 0.6 * 0.75)
    assert state == CurriculumState(
        stage=2, transitions=3, references=(0.8, 0.75), fallback=FallbackState(0, (0, 0, 1))
    )


def test_numbers_that_are_not_finite__lead_back_at_once_even_in_grace(rules: AllocateCurriculum) -> None:
    at_2 = CurriculumState(stage=2, transitions=1, references=(0.8,))

    for state, event in (decide(rules, at_2, math.nan), decide(rules, at_2, 0.9, is_finite=False)):
        assert event
        assert (event.kind, state.stage) == ("fallback", 1)
    state, event = decide(rules, CurriculumState(), math.nan)
    assert event
    assert (event.kind, state.mode, state.stage) == ("held", Mode.HELD, 1)


def test_plateau__is_told_after_patience_and_begins_anew(rules: AllocateCurriculum) -> None:
    # 0.3 is the first best; 0.305 is not better by 0.01, 0.32 is
    _, events = _play(rules, [0.3, *[0.305] * 5, *[0.3] * 4, 0.32, *[0.32] * 5])

    assert _kinds(events) == ["-"] * 5 + ["plateau"] + ["-"] * 9 + ["plateau"]


def test_done_and_held__are_for_ever(rules: AllocateCurriculum) -> None:
    last = CurriculumState(stage=4, transitions=3, rounds=2, references=(0.8, 0.75, 0.7))
    done, events = _play(rules, [0.6, 0.6, 0.6], last)
    assert (done.mode, events[-1]) == (Mode.DONE, Event("done", 4, 4, 0.6, 0.6))
    assert done.references == pytest.approx((0.8, 0.75, 0.7, 0.6))

    held, _ = _play(rules, [0.1] * 3, last._replace(fallback=FallbackState(0, (0, 0, 0, 2))))
    assert held.mode is Mode.HELD

    for state in (done, held):
        assert _play(rules, [0.0, 1.0, math.nan] * 5, state) == (state, [None] * 15)


@given(scores=st.lists(st.floats(0.0, 1.0) | st.just(math.nan), max_size=60))
def test_any_scores__keep_the_invariants(rules: AllocateCurriculum, scores: list[float]) -> None:
    _check_invariants(rules, scores)


def test_3000_random_traces__keep_the_invariants(rules: AllocateCurriculum) -> None:
    generator = np.random.default_rng(0)
    ends = set[Mode]()
    for _ in range(3000):
        level = generator.choice([0.2, 0.5, 0.7, 0.9], size=12).repeat(10)
        scores = np.clip(level + generator.normal(scale=0.1, size=120), 0.0, 1.0)
        scores[generator.random(120) < 0.01] = np.nan
        ends.add(_check_invariants(rules, scores.tolist()))

    assert ends == set(Mode)  # the traces come everywhere


def _check_invariants(rules: AllocateCurriculum, scores: list[float]) -> Mode:
    """One stage at a time, bounded fallbacks, references that were passing scores, counters in range."""
    state = CurriculumState()
    for score in scores:
        before, (state, event) = state, decide(rules, state, score)
        assert abs(state.stage - before.stage) <= 1
        assert 1 <= state.stage <= len(rules.stages)
        assert all(used <= rules.max_fallbacks for used in state.fallback.used)
        assert state.fallback.used[:1] in {(), (0,)}
        assert len(state.references) >= state.stage - 1
        for reference, stage in zip(state.references, rules.stages, strict=False):
            assert reference >= stage.pass_score - 1e-12
        assert state.fallback.failures < rules.num_failures
        assert len(state.passes) < rules.num_passes
        assert (state.stage != before.stage) == (event is not None and event.kind in {"advance", "fallback"})
        if event and event.kind == "fallback" and math.isfinite(score):
            assert score < bound_of(rules, before.references[before.stage - 2])
    return state.mode


def test_learner_whose_skill_is_shocked__falls_back_once_and_completes(rules: AllocateCurriculum) -> None:
    """Scores are shares of 48 episodes; skill grows with the time spent, and is lost once in stage 3."""
    for seed in range(40):
        generator, skill, shocked = np.random.default_rng(seed), 0.6, False
        state, kinds = CurriculumState(), list[str]()
        for _ in range(300):
            score = generator.binomial(48, min(max(skill, 0.0), 0.97)) / 48
            state, event = decide(rules, state, score)
            skill = min(skill + 0.02, 0.95)
            if event:
                kinds.append(event.kind)
                skill = 0.6 if event.kind in {"advance", "fallback"} else skill
            if state.stage == 3 and state.rounds == 3 and not shocked:
                skill, shocked = -0.2, True  # takes some twenty rounds to come back
            if state.mode is not Mode.TRAIN:
                break
        assert [kind for kind in kinds if kind != "plateau"] == [
            "advance", "advance", "fallback", "advance", "advance", "done"
        ]  # fmt: skip
