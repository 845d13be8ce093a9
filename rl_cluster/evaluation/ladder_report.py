"""Size ladders as tables, as plain data and as a plot. `ladder.py` scores them."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from rich.table import Table
from rich.text import Text

from rl_cluster.errors import ConfigError
from rl_cluster.evaluation.comparison import interval_cell
from rl_cluster.evaluation.intervals import Interval
from rl_cluster.evaluation.ladder import FLAGGED_BELOW, Ladder, Rung
from rl_cluster.training.files.output_file import write_output

__all__ = ["check_plot", "ladder_table", "ladder_title", "save_plot", "to_dict"]

PLOT_SUFFIXES = (".png", ".svg", ".pdf")
FLAG, SHARE_DECIMALS = "!", 2
LABEL_SPACING = 1.12
COLOURS = ("tab:blue", "tab:gray", "tab:orange")
"""The colours of policy, random and reference, and of ladders side by side."""


def ladder_title(ladder: Ladder) -> str:
    """The title of a ladder's table."""
    label = ladder.metric.label
    without = f"; no room for {', '.join(map(str, ladder.without_room))} UAVs" if ladder.without_room else ""
    networks = f", mean of {ladder.num_networks} networks" if ladder.num_networks > 1 else ""
    return f"{label} at {ladder.regime}, trained on up to {ladder.trained_on} UAVs{networks}{without}"


def ladder_table(ladder: Ladder) -> Table:
    """One row per rung, at most 80 characters wide; intervals, and the range of several networks, below the means."""
    is_flagged = any(map(ladder.is_failure, ladder.rungs))
    table = Table(
        padding=(0, 1, 0, 0),
        box=None,
        pad_edge=False,
        caption=Text(f"{FLAG} transfer below {FLAGGED_BELOW}") if is_flagged else None,
        caption_justify="left",
    )
    of_each = "\nof each" if ladder.num_networks > 1 else ""
    names = ("policy", "random", ladder.reference.replace("-", "-\n"), "collis.\n/UAV", "score", f"transfer{of_each}")
    for name in ("UAVs\nepisodes", *names):
        table.add_column(Text(name), justify="right", no_wrap=True)
    for rung in ladder.rungs:
        means = (Interval(*(part[column] for part in rung.means)) for column in range(3))
        table.add_row(
            Text.assemble(str(rung.num_uavs), "\n", (str(len(rung.headline)), "dim")),
            *(interval_cell(mean, ladder.metric.decimals) for mean in means),
            interval_cell(rung.collisions, 3),
            interval_cell(rung.score, SHARE_DECIMALS),
            _transfer_cell(ladder, rung),
        )
    return table


def _transfer_cell(ladder: Ladder, rung: Rung) -> Text:
    """Mean above interval, the mean of a failure with a mark, and the range of several networks below."""
    mark = Text(FLAG if ladder.is_failure(rung) else "", "bold")
    cell = mark + interval_cell(ladder.transfer(rung), SHARE_DECIMALS)
    return cell.append(f"\n{_range(ladder.transfer_of_each(rung))}", "dim") if ladder.num_networks > 1 else cell


def _range(numbers: NDArray[np.float64]) -> str:
    return f"{numbers.min():.2f}-{numbers.max():.2f}"


def to_dict(ladders: Sequence[Ladder]) -> dict[str, Any]:
    """All ladders as plain data for JSON; undefined values are None."""
    return {
        "ladders": [
            {
                "regime": ladder.regime,
                "metric": ladder.metric.name,
                "reference": ladder.reference,
                "trained_on": ladder.trained_on,
                "num_networks": ladder.num_networks,
                "without_room": list(ladder.without_room),
                "rungs": [_rung_to_dict(ladder, rung) for rung in ladder.rungs],
            }
            for ladder in ladders
        ]
    }


def _rung_to_dict(ladder: Ladder, rung: Rung) -> dict[str, Any]:
    means = rung.means
    players = ("policy", "random", ladder.reference)
    return {
        "num_uavs": rung.num_uavs,
        "num_episodes": len(rung.headline),
        "means": {name: _plain(Interval(*(part[column] for part in means))) for column, name in enumerate(players)},
        "collisions_per_uav": _plain(rung.collisions),
        "score": _plain(rung.score),
        "transfer": _plain(ladder.transfer(rung)),
        "transfer_of_each": [None if np.isnan(ratio) else ratio for ratio in ladder.transfer_of_each(rung).tolist()],
        "is_failure": ladder.is_failure(rung),
    }


def _plain(interval: Interval) -> dict[str, float | None]:
    return {name: None if np.isnan(value) else float(value) for name, value in interval._asdict().items()}


def check_plot(path: Path) -> None:
    """Raises ConfigError if the file's suffix is not a plot format."""
    if path.suffix.lower() not in PLOT_SUFFIXES:
        raise ConfigError(str(path), "is no name of a plot", f"name it *{', *'.join(PLOT_SUFFIXES)}")


def save_plot(ladders: Sequence[Ladder], path: Path) -> None:
    """Plots headline means above, transfer below, one column per ladder; the file's suffix sets the format.

    Raises ConfigError if it cannot be written.
    """
    figure = Figure(figsize=(5.0 * len(ladders), 7.0), layout="constrained")
    panels = figure.subplots(2, len(ladders), sharex="col", sharey="row", squeeze=False)
    for ladder, (upper, lower) in zip(ladders, panels.T, strict=True):
        means = [rung.means for rung in ladder.rungs]
        for column, name in enumerate(("policy", "random", ladder.reference)):
            intervals = [Interval(*(part[column] for part in mean)) for mean in means]
            _draw(upper, ladder, intervals, name, COLOURS[column])
        upper.set_title(f"{ladder.regime}, trained on up to {ladder.trained_on} UAVs")
        upper.set_ylabel(ladder.metric.label)
        _draw(lower, ladder, [ladder.transfer(rung) for rung in ladder.rungs], "transfer", COLOURS[0])
        if ladder.num_networks > 1:
            sizes = [rung.num_uavs for rung in ladder.rungs]
            for ratios in zip(*map(ladder.transfer_of_each, ladder.rungs), strict=True):
                lower.plot(sizes, ratios, linewidth=0.8, color=COLOURS[0], alpha=0.6)
        for height, style in ((1.0, ":"), (FLAGGED_BELOW, "--")):
            lower.axhline(height, color="black", linewidth=0.8, linestyle=style)
        lower.set_ylabel("transfer: score over that at training size")
        lower.set_xlabel("UAVs")
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    content = io.BytesIO()
    figure.savefig(content, dpi=120, format=path.suffix[1:].lower())
    write_output(path, content.getvalue())


def _draw(axes: Axes, ladder: Ladder, intervals: Sequence[Interval], label: str, colour: str) -> None:
    """Draws a line over the rungs with its interval shaded, on a logarithmic scale with a tick at each rung."""
    sizes = [rung.num_uavs for rung in ladder.rungs]
    mean, low, high = np.array(intervals, dtype=np.float64).T
    axes.plot(sizes, mean, marker="o", markersize=3, label=label, color=colour)
    axes.fill_between(sizes, low, high, alpha=0.2, color=colour, linewidth=0)
    axes.set_xscale("log", base=2)
    axes.set_xticks(sizes, _tick_labels(sizes), rotation=90, fontsize=7)
    axes.minorticks_off()


def _tick_labels(sizes: Sequence[int]) -> list[str]:
    """The sizes, without those too near to the last one shown, which would overlap on a logarithmic scale."""
    labels, shown = [], 0
    for size in sizes:
        is_free = size >= LABEL_SPACING * shown
        labels.append(str(size) if is_free else "")
        shown = size if is_free else shown
    return labels
