"""The form that a run's status must have before it is shown: it may come from a stranger's folder or another run.

Its classes define structure and types. Numbers have bounds, and text holds no control characters, which a terminal
would obey.
"""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError

from rl_cluster.config.section import Tally
from rl_cluster.metrics.monitor import RunnerReport
from rl_cluster.metrics.names import CHECKPOINT_AGE_S, ELAPSED_S, ETA_S, phase_key
from rl_cluster.metrics.node import NodeReading
from rl_cluster.metrics.phases import PHASES

__all__ = ["status_fault"]

MAX_NUMBER = 1e30
MAX_TEXT = 1000
MAX_SHARE = 100.0
"""The limit of shares: phases of several env runners add up to more than the time that passed."""
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters that end lines, move the cursor, reverse the text, or cannot be encoded."""


class _Status(BaseModel):
    run: str
    engine: str
    time_s: float
    iteration: Tally
    iterations: Tally
    headline: str
    metrics: dict[str, float]
    curves: dict[str, Annotated[list[tuple[Tally, float]], Field(max_length=10_000)]]
    alerts: list[str]
    nodes: list[NodeReading]
    runners: list[RunnerReport]


def status_fault(status: Any) -> str | None:
    """A description of what is wrong with a status; None = it can be shown.

    Args:
        status: Plain data, at most a few dozen levels deep.
    """
    try:
        _Status.model_validate_json(json.dumps(status), strict=True)
    except ValidationError as error:
        fault = error.errors()[0]
        return f"{'.'.join(map(str, fault['loc']))[:80]!a}: {fault['msg']}"
    except (ValueError, TypeError, RecursionError):
        return "is no plain data"
    return _value_fault(status) or _metrics_fault(status["metrics"])


def _value_fault(data: Any) -> str | None:
    if isinstance(data, Mapping):
        data = [*data.keys(), *data.values()]
    if isinstance(data, list | tuple):
        return next((what for part in data if (what := _value_fault(part))), None)
    if isinstance(data, str) and (len(data) > MAX_TEXT or CONTROL.search(data)):
        return f"holds text with control characters, or with more than {MAX_TEXT}: {data[:40]!a}"
    if isinstance(data, int | float) and not abs(data) <= MAX_NUMBER:
        return f"holds a number beyond {MAX_NUMBER:g}"
    return None


def _metrics_fault(metrics: Mapping[str, float]) -> str | None:
    """Times must not be below 0, and shares must not fill the screen."""
    for key in (ELAPSED_S, ETA_S, CHECKPOINT_AGE_S):
        if not metrics.get(key, -1.0) >= 0.0:
            return f"has no {key}, or a negative one"
    for key in map(phase_key, PHASES):
        if not 0.0 <= metrics.get(key, 0.0) <= MAX_SHARE:
            return f"has a {key} that is not within 0 to {MAX_SHARE:g}"
    return None
