"""Events: each has one wording, and survives JSON as a record."""

import json

import pytest

from rl_cluster.metrics.alerts import Alert, AlertOver
from rl_cluster.schedulers.divergence import Divergence
from rl_cluster.schedulers.verdict import Verdict
from rl_cluster.training.events import (
    Diverging,
    Event,
    Floor,
    LearningRates,
    Plateau,
    Restore,
    StageChange,
    Told,
    event_to_json,
    events_from_json,
)

LR, SAME = LearningRates(1e-4, 5e-5), LearningRates(1e-4, 1e-4)
WORDS: dict[str, Event] = {
    "advance: stage 1 -> 2, score 0.81 >= 0.75": StageChange(Verdict.ADVANCE, 1, 2, 0.81, 0.75, LR),
    "fallback: stage 3 -> 2, score 0.41 < 0.45, lr 1e-4 -> 5e-5": StageChange(Verdict.FALLBACK, 3, 2, 0.41, 0.45, LR),
    "fallback: stage 3 -> 2, score 0.41 < 0.45": StageChange(Verdict.FALLBACK, 3, 2, 0.41, 0.45, SAME),
    "fallback: stage 2 -> 1, numbers that are not finite, lr 1e-4 -> 5e-5": StageChange(
        Verdict.FALLBACK, 2, 1, None, None, LR
    ),
    "done: stage 4, score 0.63 >= 0.60": StageChange(Verdict.DONE, 4, 4, 0.63, 0.6, LR),
    "held: stage 2, score 0.10 < 0.45, no way back is left": StageChange(Verdict.HELD, 2, 2, 0.1, 0.45, LR),
    "plateau: stage 2, best score 0.52, lr 1e-4 -> 5e-5": Plateau(Verdict.PLATEAU, 2, 0.52, LR),
    "plateau: score 0.52, lr 1e-4 -> 1e-4": Plateau(Verdict.PLATEAU, None, 0.52, SAME),
    "diverging: KL 2.33 is more than 1 nat; restored (1 of 3), lr 1e-4 -> 5e-5": Diverging(
        "diverging", Divergence("large", 2.33, 1.0), Restore(1, 3, LR)
    ),
    "diverging: the loss or KL is not finite": Diverging("diverging", Divergence("not finite")),
    "stage 1: passes at 0.82; random play scores 0.72, greedy 0.85": Floor("floor", 1, 0.82, 0.72, 0.85, "greedy"),
    "alert: gpu/count is 0.1, below 0.4; buy one": Alert("alert", "gpu/count", 0.1, 0.4, True, "buy one"),
    "alert over: gpu/count is 0.5": AlertOver("alert over", "gpu/count", 0.5),
    "advance: as an older version said it": Told("advance: as an older version said it"),
}


@pytest.mark.parametrize(("words", "event"), WORDS.items(), ids=WORDS.keys())
def test_event__has_one_wording(words: str, event: Event) -> None:
    assert event.words == words


def test_events__survive_json() -> None:
    events = list(WORDS.values())

    text = json.dumps([event_to_json(event) for event in events], allow_nan=False)

    assert events_from_json(json.loads(text)) == events


@pytest.mark.parametrize("data", [None, {}, [None], [1], [{}], [{"kind": "floor"}], [{"kind": "stay"}], [["words"]]])
def test_events__that_nobody_writes_are_refused(data: object) -> None:
    with pytest.raises(ValueError, match=r"no list|validation error"):
        events_from_json(data)
