"""The state machine: its order by hand, its invariants on random traces, and a learner that loses its skill."""

import math
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rl_cluster.config.curriculum import AllocateCurriculum
from rl_cluster.schedulers.curriculum import CurriculumState, Decision, Mode, decide
from rl_cluster.schedulers.fallback import FallbackState, bound_of
from rl_cluster.schedulers.verdict import Verdict

NONE: dict[str, Any] = {}
AT_2: dict[str, Any] = {"stage": 2, "transitions": 1, "rounds": 2, "references": (0.8,)}
AT_3: dict[str, Any] = {"stage": 3, "transitions": 2, "rounds": 2, "references": (0.8, 0.75)}
AT_4: dict[str, Any] = {"stage": 4, "transitions": 3, "rounds": 2, "references": (0.8, 0.75, 0.7)}
IN_GRACE = {"rounds": 0}

TABLE: dict[str, tuple[dict[str, Any], list[float], list[str], dict[str, Any]]] = {
    # name: (state before, scores, verdicts in runs `verdict` or `verdict x n`, parts of the state after)
    "passes must follow each other": (NONE, [0.9, 0.9, 0.74, 0.75, 0.78], ["stay x 5"], {"passes": (0.75, 0.78)}),
    "three passes advance": (NONE, [0.75, 0.78, 0.81], ["stay x 2", "advance"], {"stage": 2, "passes": ()}),
    "in grace nothing counts": (AT_2 | IN_GRACE, [0.0, 0.9], ["stay x 2"], {"rounds": 2, "passes": ()}),
    "after grace it does": (AT_2 | IN_GRACE, [0.0, 0.9, 0.9, 0.9, 0.9], ["stay x 4", "advance"], {"stage": 3}),
    "the first stage has no grace": (NONE, [0.9], ["stay"], {"passes": (0.9,)}),
    # the bound is 0.6 * 0.75 = 0.45
    "failures must follow each other": (AT_3, [0.4, 0.46, 0.44, 0.2], ["stay x 4"], {"stage": 3}),
    "three failures fall back": (AT_3, [0.44, 0.2, 0.41], ["stay x 2", "fallback"], {"stage": 2, "transitions": 3}),
    "at the bound is no failure": (AT_3, [0.6 * 0.75] * 3, ["stay x 3"], {"stage": 3}),
    "the last way back": (
        AT_3 | {"fallback": FallbackState(0, (0, 0, 1))}, [0.1] * 3, ["stay x 2", "fallback"], {"stage": 2},
    ),
    "no way back is left": (
        AT_3 | {"fallback": FallbackState(0, (0, 0, 2))}, [0.1] * 3, ["stay x 2", "held"], {"mode": Mode.HELD},
    ),
    "the first stage never falls back": (NONE, [0.0] * 4, ["stay x 4"], {"stage": 1, "mode": Mode.TRAIN}),
    "not finite falls back at once": (AT_2, [math.nan], ["fallback"], {"stage": 1}),
    "not finite counts in grace too": (AT_2 | IN_GRACE, [math.nan], ["fallback"], {"stage": 1}),
    "not finite in the first stage": (NONE, [math.nan], ["held"], {"stage": 1, "mode": Mode.HELD}),
    "the last stage is done": (AT_4, [0.6] * 3, ["stay x 2", "done"], {"stage": 4, "mode": Mode.DONE}),
    "done is for ever": (AT_4 | {"mode": Mode.DONE}, [0.0, 1.0, math.nan], ["stay x 3"], {"mode": Mode.DONE}),
    "held is for ever": (AT_4 | {"mode": Mode.HELD}, [0.0, 1.0, math.nan], ["stay x 3"], {"mode": Mode.HELD}),
    # 0.3 is the first best; 0.305 is not better by 0.01
    "patience ends in a plateau": (NONE, [0.3, *[0.305] * 5], ["stay x 5", "plateau"], {"stale": 0, "best": 0.3}),
    "a plateau begins anew": (NONE, [0.3] * 11, ["stay x 5", "plateau", "stay x 4", "plateau"], {"stale": 0}),
    "a better score ends the wait": (NONE, [0.3, *[0.3] * 4, 0.32, 0.32], ["stay x 7"], {"stale": 1, "best": 0.32}),
}  # fmt: skip


@pytest.mark.parametrize(("before", "scores", "verdicts", "after"), TABLE.values(), ids=TABLE.keys())
def test_decide__by_the_table(
    rules: AllocateCurriculum, before: dict[str, Any], scores: list[float], verdicts: list[str], after: dict[str, Any]
) -> None:
    state, told = CurriculumState(**before), list[str]()
    for score in scores:
        state, decision = decide(rules, state, score)
        told.append(decision.verdict)

    assert _runs(told) == verdicts
    assert {name: getattr(state, name) for name in after} == after


def _runs(verdicts: list[str]) -> list[str]:
    counts = [(str(verdict), len(list(same))) for verdict, same in groupby(verdicts)]
    return [verdict if count == 1 else f"{verdict} x {count}" for verdict, count in counts]


def test_table__has_every_verdict() -> None:
    assert {run.split(" x ")[0] for _, _, verdicts, _ in TABLE.values() for run in verdicts} == set(Verdict)


def test_document__uses_the_words_of_the_code() -> None:
    text = (Path(__file__).parents[3] / "docs" / "curriculum.md").read_text(encoding="utf-8")

    assert [verdict for verdict in Verdict if f"*{verdict}*" not in text] == []


def test_decision__has_the_numbers_of_its_test(rules: AllocateCurriculum) -> None:
    at_2, at_3 = CurriculumState(passes=(0.75, 0.78)), CurriculumState(**AT_3 | {"fallback": FallbackState(2)})

    state, decision = decide(rules, at_2, 0.81)
    assert decision == Decision(Verdict.ADVANCE, 1, 2, 0.81, 0.75)
    assert state.references == pytest.approx((0.78,))
    assert state == CurriculumState(stage=2, transitions=1, references=state.references)
    state, decision = decide(rules, at_3, 0.41)
    assert decision == Decision(Verdict.FALLBACK, 3, 2, 0.41, 0.6 * 0.75)
    assert state == CurriculumState(2, transitions=3, references=(0.8, 0.75), fallback=FallbackState(0, (0, 0, 1)))


def test_what_was_learnt__leads_back_where_it_is_not_finite(rules: AllocateCurriculum) -> None:
    state, decision = decide(rules, CurriculumState(**AT_2), 0.9, is_finite=False)

    assert (decision.verdict, state.stage) == (Verdict.FALLBACK, 1)


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
        before, (state, decision) = state, decide(rules, state, score)
        assert abs(state.stage - before.stage) <= 1
        assert 1 <= state.stage <= len(rules.stages)
        assert all(used <= rules.max_fallbacks for used in state.fallback.used)
        assert state.fallback.used[:1] in {(), (0,)}
        assert len(state.references) >= state.stage - 1
        for reference, stage in zip(state.references, rules.stages, strict=False):
            assert reference >= stage.pass_score - 1e-12
        assert state.fallback.failures < rules.num_failures
        assert len(state.passes) < rules.num_passes
        assert (state.stage != before.stage) == (decision.verdict in {Verdict.ADVANCE, Verdict.FALLBACK})
        if decision.verdict is Verdict.FALLBACK and math.isfinite(score):
            assert score < bound_of(rules, before.references[before.stage - 2])
    return state.mode


def test_learner_whose_skill_is_shocked__falls_back_once_and_completes(rules: AllocateCurriculum) -> None:
    """Scores are shares of 48 episodes; skill grows with the time spent, and is lost once in stage 3."""
    for seed in range(40):
        generator, skill, shocked = np.random.default_rng(seed), 0.6, False
        state, verdicts = CurriculumState(), list[Verdict]()
        for _ in range(300):
            score = generator.binomial(48, min(max(skill, 0.0), 0.97)) / 48
            state, decision = decide(rules, state, score)
            skill = min(skill + 0.02, 0.95)
            verdicts.append(decision.verdict)
            skill = 0.6 if decision.verdict in {Verdict.ADVANCE, Verdict.FALLBACK} else skill
            if state.stage == 3 and state.rounds == 3 and not shocked:
                skill, shocked = -0.2, True  # takes some twenty rounds to come back
            if state.mode is not Mode.TRAIN:
                break
        assert [verdict for verdict in verdicts if verdict not in {Verdict.STAY, Verdict.PLATEAU}] == [
            "advance", "advance", "fallback", "advance", "advance", "done"
        ]  # fmt: skip
