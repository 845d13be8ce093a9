"""The status of a run while it trains: a small JSON file in its folder, also published on its cluster.

`rl-cluster top` shows it. Curves come from the lines of metrics.jsonl, so a resumed run includes its past.
"""

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rl_cluster.config.bounded_file import FileFault, read_bounded
from rl_cluster.config.formats import FORMAT_KEY, refusal
from rl_cluster.config.json_file import parse_json
from rl_cluster.config.schema import Config
from rl_cluster.environment.tasks import task_of
from rl_cluster.errors import CheckpointError
from rl_cluster.metrics.names import episode_key, evaluation_key
from rl_cluster.metrics.node import node_to_json
from rl_cluster.training.engine import EngineStatus
from rl_cluster.training.files.metrics_lines import read_metrics
from rl_cluster.training.files.status_form import status_fault

__all__ = ["STATUS", "StatusBoard", "checked_status", "read_status"]

STATUS = "status.json"
FORMAT = 1
"""Raised when older code would misread a status; a status of an older version may have no number."""
MAX_POINTS = 400
"""The most points of a curve; beyond that every second point is dropped."""
MAX_BYTES = 4 << 20
REMEDY = "use the version that the run has, or go on with the run: it is written anew"


class StatusBoard:
    """Puts the status of one run together.

    Args:
        config: The run's settings.
        metrics: The run's lines so far.
    """

    def __init__(self, config: Config, metrics: Path) -> None:
        self._config = config
        headline = task_of(config).headline
        self._label = headline.label
        self._keys = {"sampled": episode_key(headline.name), "evaluated": evaluation_key(headline.name)}
        self._curves: dict[str, list[tuple[int, float]]] = {name: [] for name in self._keys}
        self._take(read_metrics(metrics))

    def _take(self, lines: Iterable[Mapping[str, Any]]) -> None:
        for line in lines:
            for name, key in self._keys.items():
                if key in line:
                    self._curves[name].append((line["iteration"], line[key]))

    def note(
        self, done: int, metrics: Mapping[str, float], alerts: Sequence[str], engine: EngineStatus
    ) -> dict[str, Any]:
        """The status after an iteration, as plain values. A run that went back to a checkpoint drops later points."""
        for points in self._curves.values():
            while points and points[-1][0] >= done:
                points.pop()
        measured = {name: value for name, value in metrics.items() if math.isfinite(value)}
        self._take([{"iteration": done, **measured}])
        self._curves = {
            name: points if len(points) < MAX_POINTS else points[::2] for name, points in self._curves.items()
        }
        return {
            FORMAT_KEY: FORMAT,
            "run": self._config.name,
            "engine": self._config.engine,
            "time_s": time.time(),
            "iteration": done,
            "iterations": self._config.training.iterations,
            "headline": self._label,
            "metrics": measured,
            "curves": self._curves,
            "alerts": list(alerts),
            "nodes": [node_to_json(node) for node in engine.nodes],
            "runners": [{**one._asdict(), "seconds": dict(one.seconds)} for one in engine.runners],
        }


def read_status(run: Path) -> dict[str, Any]:
    """The status in a run folder. Raises CheckpointError if there is none, or if it cannot be shown."""
    path = run / STATUS
    if not run.is_dir():
        raise CheckpointError(str(run), "is no folder", "name the folder that was given to --out")
    try:
        content = read_bounded(path, MAX_BYTES)
    except FileNotFoundError:
        what = f"has no {STATUS}: no iteration has been done in it"
        raise CheckpointError(str(run), what, "name a run folder, or wait for the first iteration") from None
    except FileFault as fault:
        raise CheckpointError(str(path), fault.what, REMEDY) from None
    try:
        status = parse_json(content.decode(), str(path), CheckpointError)
    except (UnicodeDecodeError, CheckpointError):
        raise CheckpointError(str(path), "is no JSON that can be read", REMEDY) from None
    return checked_status(status, str(path))


def checked_status(status: Any, where: str) -> dict[str, Any]:
    """The status, if it can be shown. Otherwise raises CheckpointError, which names `where`."""
    number = status.get(FORMAT_KEY, FORMAT) if isinstance(status, Mapping) else FORMAT
    if fault := refusal(number, FORMAT):
        raise CheckpointError(where, *fault)
    if what := status_fault(status):
        raise CheckpointError(where, f"is no status of this version: {what}", REMEDY)
    return dict(status)
