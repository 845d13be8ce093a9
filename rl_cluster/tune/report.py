"""A study's results as lines, as tables, as JSON, and as a plot with a line per trial."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from rich.table import Table
from rich.text import Text

from rl_cluster.evaluation.split_table import Column, heading, split_table
from rl_cluster.training.files.output_file import write_own
from rl_cluster.tune.entry import Entry
from rl_cluster.tune.result import StudyResult
from rl_cluster.tune.search_space import study_of

__all__ = ["failures", "save_json", "save_plot", "study_tables", "test_table", "trial_words"]

HEADING_WIDTH = 12
"""Characters of a line of a setting's name."""


def trial_words(trial: Entry) -> list[str]:
    """What there is to say of a trial that has ended, the most important first."""
    names = _headings(list(trial.sample))
    values = [f"{name} {value:.3g}" for name, value in zip(names, trial.sample.values(), strict=True)]
    sample = values or ["settings as given"]
    return [f"trial {trial.trial}", f"score {_score(trial)}", f"rounds {trial.rounds}", *sample]


def study_tables(result: StudyResult) -> list[Table]:
    """The trials, best first, in as many tables as 80 columns require; each has the titles of a part of the columns."""
    keys = [dimension.key for dimension in study_of(result.config).space]
    columns = {
        "score": [_score(trial) for trial in result.trials],
        "rounds": [str(trial.rounds) for trial in result.trials],
    }
    names = {key: _in_words(name) for key, name in zip(keys, _headings(keys), strict=True)}
    settings = [(names[key], [f"{trial.sample[key]:.3g}" for trial in result.trials]) for key in keys]
    first = Column("trial", [Text(trial.trial) for trial in result.trials])
    others = [Column(title, [Text(value) for value in cells]) for title, cells in [*columns.items(), *settings]]
    return split_table(first, others)


def _in_words(key: str) -> str:
    """A key in short lines, each of which ends with the character between its words."""
    return heading(key.replace("_", "_ ").replace(".", ". "), HEADING_WIDTH)


def _headings(keys: list[str]) -> list[str]:
    """Keys without their sections, if that is enough to distinguish them."""
    names = [key.rpartition(".")[2] for key in keys]
    return [name if names.count(name) == 1 else key for name, key in zip(names, keys, strict=True)]


def test_table(result: StudyResult) -> Table:
    """A table of the given and the best settings, tested with seeds that took no part in the search."""
    table = Table(title="with test seeds, which chose nothing", title_justify="left", box=None, pad_edge=False)
    table.add_column("settings", no_wrap=True)
    table.add_column("score", justify="right", no_wrap=True)
    table.add_column("seeds")
    for test in result.tests:
        is_recommended = result.has_winner and bool(test.sample) != result.is_given_as_good
        name = "best trial" if test.sample else "as given"
        table.add_row(f"{name}, recommended" if is_recommended else name, _score(test), _spread(test))
    return table


test_table.__test__ = False  # type: ignore[attr-defined]  # its name is not a test's


def _score(trial: Entry) -> str:
    """The score that counts; a failed trial has none."""
    if trial.status == "failed":
        return "failed"
    return "-" if trial.score is None else f"{trial.score:.3f}"


def _spread(trial: Entry) -> str:
    return " ".join("-" if score is None else f"{score:.3f}" for score in trial.scores.values())


def failures(result: StudyResult) -> str | None:
    """A message about the trials that failed, and what to do; None = none did."""
    names = [trial.trial for trial in result.failed]
    if not names:
        return None
    shown = ", ".join(names[:5]) + (", .." if len(names) > 5 else "")
    count = len(result.trials) + len(result.tests)
    return f"{len(names)} of {count} trials failed ({shown}); see error.txt of each in {result.folder}/search*/"


def save_json(result: StudyResult, path: Path) -> None:
    """Saves all trials and tests. Raises ConfigError if the file cannot be written."""

    def plain(trial: Entry) -> dict[str, Any]:
        return {
            "trial": trial.trial,
            "status": trial.status,
            "sample": trial.sample,
            "score": trial.score if trial.is_scored else None,
            "seeds": trial.scores,
            "rounds": trial.rounds,
        }

    data = {"trials": [plain(trial) for trial in result.trials], "tests": [plain(test) for test in result.tests]}
    write_own(path, (json.dumps(data, indent=1) + "\n").encode())


def save_plot(result: StudyResult, path: Path) -> None:
    """Plots parallel coordinates: an axis per setting, a line per trial, coloured by score, thin if it was ended early.

    Raises ConfigError if the file cannot be written.
    """
    dimensions = study_of(result.config).space
    trials = [trial for trial in reversed(result.trials) if trial.is_scored]
    scores = np.array([trial.score for trial in trials])
    span = max(float(np.ptp(scores)), 1e-9)
    most_rounds = max(trial.rounds for trial in trials)
    figure = Figure(figsize=(2.2 * (len(dimensions) + 1), 5.0), layout="constrained")
    axes = figure.subplots()
    for trial, share in zip(trials, (scores - scores.min()) / span, strict=True):
        heights = [_height(trial.sample[one.key], one.low, one.high, is_log=one.log) for one in dimensions]
        width = 1.8 if trial.rounds == most_rounds else 0.7
        axes.plot([*heights, share], color=colormaps["viridis"](share), linewidth=width)
    for position, one in enumerate(dimensions):
        _label(axes, position, one.key + (" (log)" if one.log else ""), f"{one.low:g}", f"{one.high:g}")
    _label(axes, len(dimensions), "score", f"{scores.min():.3f}", f"{scores.max():.3f}")
    axes.set_ylim(-0.12, 1.12)
    axes.set_axis_off()
    content = io.BytesIO()
    figure.savefig(content, dpi=120, format="png")
    write_own(path, content.getvalue())


def _height(value: float, low: float, high: float, *, is_log: bool) -> float:
    scale = np.log if is_log else float
    return float((scale(value) - scale(low)) / (scale(high) - scale(low)))


def _label(axes: Any, position: int, name: str, low: str, high: str) -> None:
    axes.axvline(position, ymin=0.1, ymax=0.9, color="grey", linewidth=0.8)
    axes.text(position, 1.1, name, ha="center", fontsize=8)
    for height, text, side in ((1.02, high, "bottom"), (-0.02, low, "top")):
        axes.text(position, height, text, ha="center", va=side, fontsize=7)
