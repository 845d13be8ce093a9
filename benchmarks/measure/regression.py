"""Finds out whether anything got slower or worse: compares a fixed set of measurements with a history of earlier ones.

    python -m benchmarks.measure.regression [--quick] [--history FILE] [--json FILE]

Speeds are per CPU second of one thread, the median of rounds. Scores are those of heuristics on fixed episodes, so any
change of a score means that the worlds have changed. Each figure is compared with the median of earlier ones from the
same machine with the same number of rounds. The script exits with 1 if a speed is a tenth lower, or a score differs.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when numpy and torch are first imported, below

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from benchmarks.report import Row, machine, write
from benchmarks.warm_up import warm_up
from rl_cluster.config.load import load_config
from rl_cluster.environment.scenario.scenario_file import SHIPPED_SCENARIOS, load_scenario
from rl_cluster.environment.tasks import make_scenario_source, make_source, task_of
from rl_cluster.learning.batch import make_train_batch
from rl_cluster.learning.update import Updater
from rl_cluster.sampling.episodes import evaluate
from rl_cluster.sampling.network import make_model
from rl_cluster.sampling.rollout import make_rollout
from rl_cluster.schedulers.learning_rate import schedule

__all__ = ["ROWS", "Measurement", "append", "compare", "main", "measure", "read_history"]

PRESETS = ("quick_demo", "navigate_demo")
SLOWER, SCORE_CHANGE = 0.10, 1e-9
"""A speed that is lower than the earlier median by this share, or a score that differs by this much, is worse."""
HISTORY = Path("docs") / "results" / "regression.jsonl"

GENERATED = "generated episodes"


def speed_names(preset: str) -> tuple[str, str]:
    """The names of a preset's speeds."""
    return f"{preset} sampling", f"{preset} learning"


def score_name(preset: str, title: str) -> str:
    """The name of a score."""
    task = task_of(load_config(preset))
    return f"{preset} {task.headline.label} of {task.reference}, {title}"


def titles(preset: str) -> tuple[str, ...]:
    """The episodes that a preset's heuristic plays; in `allocate` also the shipped scenarios."""
    return (GENERATED, *SHIPPED_SCENARIOS) if load_config(preset).task == "allocate" else (GENERATED,)


ROWS = (
    *(name for preset in PRESETS for name in speed_names(preset)),
    *(score_name(preset, title) for preset in PRESETS for title in titles(preset)),
)


class Measurement(NamedTuple):
    """One figure."""

    name: str
    value: float
    unit: str
    """`/CPU-s` of a speed; a score's has none."""


class Trend(NamedTuple):
    """A figure, and the earlier ones."""

    newest: Measurement
    earlier: float | None
    """Their median; None if there are none"""
    num_earlier: int

    @property
    def is_worse(self) -> bool:
        """True = slower by a tenth, or a different score."""
        if self.earlier is None:
            return False
        if self.newest.unit:
            return self.newest.value < (1.0 - SLOWER) * self.earlier
        return abs(self.newest.value - self.earlier) > SCORE_CHANGE


def _rate(count: int, work: Callable[[], Any], rounds: int) -> float:
    """`count` per CPU second; the first call warms up."""
    work()
    spent_s = []
    for _ in range(rounds):
        start_s = time.process_time()
        work()
        spent_s.append(time.process_time() - start_s)
    return count / statistics.median(spent_s)


def speeds(preset: str, rounds: int) -> list[Measurement]:
    """The speeds of sampling and learning with a preset's own settings."""
    config = load_config(preset)
    warm_up(config)
    model = make_model(config)
    rollout = make_rollout(config, 0, model)
    num_steps = config.sampling.fragment_steps
    fragment = rollout.sample(num_steps)
    batch = make_train_batch([fragment], config.ppo)
    updater = Updater(model, config.ppo, torch.device("cpu"))
    sampled = _rate(fragment.num_agent_steps, lambda: rollout.sample(num_steps), rounds)
    learnt = _rate(
        batch.num_rows * config.ppo.num_epochs,
        lambda: updater.update(batch, schedule(config.ppo, 0.0), seed=0, iteration=0),
        rounds,
    )
    sampling, learning = speed_names(preset)
    return [Measurement(sampling, sampled, "agent-steps/CPU-s"), Measurement(learning, learnt, "rows/CPU-s")]


def scores(preset: str, num_episodes: int) -> list[Measurement]:
    """The scores of the strongest heuristic of the preset's task."""
    config = load_config(preset)
    task = task_of(config)
    policy, figures = task.heuristics[task.reference](0), []
    for title in titles(preset):
        source, count = make_source(config, 1000, is_training=False), num_episodes
        if title != GENERATED:
            source, count = make_scenario_source(config, [load_scenario(SHIPPED_SCENARIOS[title])], 1000), 1
        score = float(np.mean(evaluate(policy, source, config, count)[task.headline.name]))
        figures.append(Measurement(score_name(preset, title), score, ""))
    return figures


def measure(rounds: int, num_episodes: int) -> list[Measurement]:
    """The fixed set."""
    return [
        *(figure for preset in PRESETS for figure in speeds(preset, rounds)),
        *(figure for preset in PRESETS for figure in scores(preset, num_episodes)),
    ]


def read_history(path: Path) -> list[dict[str, Any]]:
    """Entries, oldest first; none if there is no file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def append(path: Path, figures: Sequence[Measurement], is_quick: bool) -> None:
    """Adds an entry with machine and time."""
    entry = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "is_quick": is_quick,
        "machine": machine(),
        "figures": {figure.name: figure.value for figure in figures},
    }
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")


def compare(figures: Sequence[Measurement], history: Sequence[dict[str, Any]], is_quick: bool) -> list[Trend]:
    """Every figure with the earlier ones from this machine that a run of the same length measured."""
    here = machine()["name"]
    trends = []
    for figure in figures:
        earlier = [
            entry["figures"][figure.name]
            for entry in history
            if entry["is_quick"] == is_quick and entry["machine"]["name"] == here and figure.name in entry["figures"]
        ]
        trends.append(Trend(figure, statistics.median(earlier) if earlier else None, len(earlier)))
    return trends


def _print(trends: Sequence[Trend]) -> None:
    table = Table("", "newest", "median of earlier", "entries", "change", "", "unit", title="Regression", box=None)
    for trend in trends:
        newest, earlier = trend.newest.value, trend.earlier
        change = f"{newest / earlier - 1.0:+.1%}" if earlier else ""
        shown = "" if earlier is None else f"{earlier:,.4g}"
        verdict = "worse" if trend.is_worse else ""
        table.add_row(
            trend.newest.name, f"{newest:,.4g}", shown, str(trend.num_earlier), change, verdict, trend.newest.unit
        )
    Console(width=120).print(table)


def main() -> None:
    """Measures, compares, appends."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one round, few episodes: within a minute")
    parser.add_argument(
        "--history", type=Path, default=HISTORY, metavar="FILE", help="JSON lines to compare with and append to"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    figures = measure(*((1, 50) if arguments.quick else (5, 200)))
    assert tuple(figure.name for figure in figures) == ROWS
    trends = compare(figures, read_history(arguments.history), arguments.quick)
    _print(trends)
    append(arguments.history, figures, arguments.quick)
    if arguments.json:
        rows = [Row(trend.newest.name, trend.newest.value, trend.earlier, unit=trend.newest.unit) for trend in trends]
        write(arguments.json, rows)
    if any(trend.is_worse for trend in trends):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
