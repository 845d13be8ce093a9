"""When a stage is given up, by hand."""

import pytest

from rl_cluster.config.curriculum import AllocateCurriculum
from rl_cluster.schedulers.fallback import FallbackState, give_up, judge
from rl_cluster.schedulers.verdict import Verdict


def test_judge__counts_failures_that_follow_each_other(rules: AllocateCurriculum) -> None:
    # the bound is 0.6 * 0.8 = 0.48
    state, verdicts = FallbackState(), []
    for score in (0.47, 0.47, 0.48, 0.47, 0.47, 0.47):
        state, verdict = judge(rules, state, stage=3, score=score, reference=0.8)
        verdicts.append(verdict)

    assert verdicts == [None] * 5 + [Verdict.FALLBACK]
    assert state == FallbackState(failures=0, used=(0, 0, 1))


def test_give_up__holds_where_no_way_back_is_left(rules: AllocateCurriculum) -> None:
    state, verdicts = FallbackState(used=(0, 1)), []
    for _ in range(3):
        state, verdict = give_up(rules, state, stage=3)
        verdicts.append(verdict)

    assert verdicts == [Verdict.FALLBACK, Verdict.FALLBACK, Verdict.HELD]
    assert state.used == (0, 1, 2)


@pytest.mark.parametrize("used", [(), (0, 2)])
def test_give_up__holds_the_first_stage(rules: AllocateCurriculum, used: tuple[int, ...]) -> None:
    assert give_up(rules, FallbackState(used=used), stage=1)[1] is Verdict.HELD
