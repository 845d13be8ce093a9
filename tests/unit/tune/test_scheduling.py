"""A scheduler that is told of the past decides as one that has seen it."""

import random
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from rl_cluster.config.schema import Config
from rl_cluster.tune.entry import Entry
from rl_cluster.tune.scheduling import make_scheduler, recall

ROUNDS = 32


def _decides(scheduler: Any, entry: Entry) -> bool:
    """Whether a scheduler ends a trial at this round."""
    trial: Any = SimpleNamespace(trial_id=entry.trial)
    result = {
        "rounds": entry.rounds, "score": entry.score, "curriculum/stage": entry.stage, "stage_rounds": entry.rounds,
        "held": entry.held, "diverged": entry.diverged,
    }  # fmt: skip
    if hasattr(scheduler, "_trial_info") and entry.trial not in scheduler._trial_info:
        scheduler.on_trial_add(None, trial)
    return bool(scheduler.on_trial_result(None, trial, result) == "STOP")


@pytest.mark.parametrize("kind", ["asha", "stages"])
def test_scheduler_that_is_told_of_the_past__decides_as_one_that_has_seen_it(
    kind: str, study_config: Callable[..., Config], entry: Callable[..., Entry]
) -> None:
    config = study_config("study.num_trials=20", f"training.iterations={2 * ROUNDS}", "study.grace_rounds=2")
    assert config.study
    config = config.model_copy(update={"study": config.study.model_copy(update={"scheduler": kind})})
    draw = random.Random(5)
    order = [(f"{number % 20:05d}", 1 + number // 20) for number in range(20 * 6)]
    entries = [
        entry((draw.random(), draw.random()), trial=name, rounds=rounds, stage_rounds=rounds, status="trains")
        for name, rounds in order
    ]
    seen, cut = make_scheduler(config), 70
    decisions = [_decides(seen, one) for one in entries]

    told = make_scheduler(config)
    ended = recall(told, entries[:cut])

    assert ended == {one.trial for one, is_over in zip(entries[:cut], decisions, strict=False) if is_over}
    assert 0 < len(ended) < 20
    assert [_decides(told, one) for one in entries[cut:]] == decisions[cut:]


def test_population__has_no_past(study_config: Callable[..., Config], entry: Callable[..., Entry]) -> None:
    config = study_config("study.search=pbt", "study.scheduler=none")
    assert recall(make_scheduler(config), [entry(status="trains")]) == set()
