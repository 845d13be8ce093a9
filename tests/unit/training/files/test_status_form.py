"""A status that can be shown, and one fault after the other in it."""

from typing import Any

import pytest

from rl_cluster.metrics.names import CHECKPOINT_AGE_S, ELAPSED_S, ETA_S, phase_key
from rl_cluster.training.files.status_form import MAX_TEXT, status_fault

TIMES = {ELAPSED_S: 10.0, ETA_S: 5.0, CHECKPOINT_AGE_S: 0.0}


def status(**changes: Any) -> dict[str, Any]:
    return {
        "run": "demo",
        "engine": "local",
        "time_s": 1e9,
        "iteration": 3,
        "iterations": 10,
        "headline": "NCS",
        "metrics": {**TIMES, phase_key("env"): 0.5},
        "curves": {"sampled": [[1, 0.25], [2, 0.5]], "evaluated": []},
        "alerts": ["slow"],
        "nodes": [],
        "runners": [{"runner": "0", "node": "here", "seconds": {"env": 1.0}}],
    } | changes


def test_status__of_a_run_can_be_shown() -> None:
    assert status_fault(status()) is None


@pytest.mark.parametrize("key", status())
def test_status__needs_every_part(key: str) -> None:
    fault = status_fault({name: value for name, value in status().items() if name != key})

    assert fault
    assert key in fault


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"run": "a\x1b[2J"}, "control characters"),
        ({"alerts": ["fine", "line\nline"]}, "control characters"),
        ({"run": "\u202eabc"}, "control characters"),
        ({"headline": "x" * (MAX_TEXT + 1)}, f"more than {MAX_TEXT}"),
        ({"iteration": -1}, "iteration"),
        ({"iteration": "3"}, "iteration"),
        ({"iteration": True}, "iteration"),
        ({"curves": {"sampled": [[1]]}}, "curves.sampled.0"),
        ({"time_s": 1e31}, "beyond 1e+30"),
        ({"metrics": {**TIMES, "any": -1e31}}, "beyond 1e+30"),
        ({"metrics": {**TIMES, ETA_S: -1.0}}, f"has no {ETA_S}, or a negative one"),
        ({"metrics": {ELAPSED_S: 1.0, ETA_S: 1.0}}, f"has no {CHECKPOINT_AGE_S}"),
        ({"metrics": {**TIMES, phase_key("env"): 101.0}}, "not within 0 to 100"),
        ({"metrics": {**TIMES, phase_key("idle"): -0.1}}, "not within 0 to 100"),
    ],
)
def test_fault__is_told(changes: dict[str, Any], words: str) -> None:
    fault = status_fault(status(**changes))

    assert fault
    assert words in fault


@pytest.mark.parametrize("value", [None, [], "status", 3, {1, 2}, b"bytes", float("nan")])
def test_data__that_is_no_status_has_a_fault(value: Any) -> None:
    assert status_fault(value)
