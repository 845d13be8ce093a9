"""A picture of a curriculum: scores, stages and decisions, iteration by iteration.

It needs only the lines of RUN/metrics.jsonl, so it can be drawn for any run at any time.
"""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rl_cluster.cli.legible import legible
from rl_cluster.config.curriculum import CurriculumConfig
from rl_cluster.metrics.names import STAGE, STAGE_BOUND, STAGE_SCORE, stage_score_key
from rl_cluster.schedulers.verdict import Verdict
from rl_cluster.training.events import Event, Plateau, StageChange, Told
from rl_cluster.training.files.metrics_lines import EVENTS, read_metrics
from rl_cluster.training.files.output_file import write_own

__all__ = ["save_timeline"]

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
VERDICT_STYLES = {
    Verdict.ADVANCE: "-", Verdict.DONE: "-", Verdict.FALLBACK: "--", Verdict.HELD: ":", Verdict.PLATEAU: ":"
}  # fmt: skip
MAX_WORDS = 60
"""The most characters of an older version's words that are shown."""


def save_timeline(metrics: Path, curriculum: CurriculumConfig, picture: Path) -> None:
    """Draws the lines of a run's metrics as a PNG. Raises ConfigError if it cannot be written."""
    lines = [line for line in read_metrics(metrics) if STAGE in line]
    figure = Figure(figsize=(9.0, 6.0), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    _draw_scores(upper, lines, curriculum)
    lower.step([line["iteration"] for line in lines], [line[STAGE] for line in lines], where="mid", color="black")
    lower.set_yticks(range(1, len(curriculum.stages) + 1))
    lower.set_ylim(0.5, len(curriculum.stages) + 0.5)
    lower.set_ylabel("stage")
    lower.set_xlabel("iteration")
    _draw_events((upper, lower), lines)
    handles, labels = upper.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=4, fontsize=8)
    content = io.BytesIO()
    figure.savefig(content, dpi=120, format="png")
    write_own(picture, content.getvalue())


def _draw_scores(axes: Axes, lines: Sequence[dict[str, Any]], curriculum: CurriculumConfig) -> None:
    """Draws a line per stage, thick where it was the current one, with a dashed line at the score that passes it."""
    for number in range(1, len(curriculum.stages) + 1):
        colour, key = COLOURS[(number - 1) % len(COLOURS)], stage_score_key(number)
        scored = [line for line in lines if key in line]
        current = [line for line in scored if line[STAGE] == number and {STAGE_SCORE, STAGE_BOUND} <= line.keys()]
        axes.plot([line["iteration"] for line in scored], [line[key] for line in scored], color=colour, linewidth=0.8)
        iterations, scores = [line["iteration"] for line in current], [line[STAGE_SCORE] for line in current]
        axes.plot(iterations, scores, ".", color=colour, markersize=6, label=f"stage {number}")
        if current:
            bounds = [line[STAGE_BOUND] for line in current]
            axes.plot(iterations, bounds, "--", color=colour, linewidth=1.0)
    axes.set_ylabel(
        f"{curriculum.metric.replace('_', ' ')}, held-out episodes\n(dots: current stage, dashes: passes it)"
    )


def _draw_events(panels: Sequence[Axes], lines: Sequence[dict[str, Any]]) -> None:
    for line in lines:
        for event in line.get(EVENTS, ()):
            if not (shown := _shown(event)):
                continue
            words, style = shown
            for axes in panels:
                axes.axvline(line["iteration"], color="grey", linewidth=0.8, linestyle=style)
            panels[0].annotate(
                words, (line["iteration"], 0.0), xycoords=("data", "axes fraction"), xytext=(2.0, 4.0),
                textcoords="offset points", rotation=90, fontsize=7, va="bottom", parse_math=False,
            )  # fmt: skip


def _shown(event: Event) -> tuple[str, str] | None:
    """Words and style of an event of the curriculum; None = it is another kind of event."""
    match event:
        case StageChange() | Plateau():
            return f"{event.kind} {event.where}", VERDICT_STYLES[event.kind]
        case Told():
            return legible(event.words[:MAX_WORDS]), ":"
    return None
