"""Draws the trainer's CPU time over the number of env runners: what was measured, and what the fitted line says."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from benchmarks.scaling.control_plane import Cost
from benchmarks.scaling.iteration_model import Steering

__all__ = ["save_plot"]

MOST = 1024


def save_plot(measured: Sequence[Cost], steering: Steering, path: Path) -> None:
    """The last of the costs was predicted from the others; the line beyond it is a model."""
    figure = Figure(figsize=(7.0, 4.5), layout="constrained")
    axes = figure.subplots()
    numbers, largest = [cost.num_runners for cost in measured], measured[-1]
    within, beyond = [*numbers], [largest.num_runners * 2**power for power in range(20)]
    beyond = [number for number in beyond if number <= MOST]
    axes.plot(within, [1e3 * steering.seconds(number) for number in within], color="tab:blue", label="fitted line")
    axes.plot(
        beyond,
        [1e3 * steering.seconds(number) for number in beyond],
        color="tab:blue",
        linestyle="--",
        label="the same line, as a model",
    )
    axes.plot(numbers[:-1], [1e3 * cost.cpu_s for cost in measured[:-1]], "o", color="black", label="measured, fitted")
    axes.plot(numbers[-1:], [1e3 * largest.cpu_s], "o", mfc="none", color="black", label="measured, predicted")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks([*numbers, *beyond[1:]], [f"{number}" for number in (*numbers, *beyond[1:])])
    axes.set_xlabel("env runners")
    axes.set_ylabel("CPU time of the trainer, ms an iteration")
    axes.legend()
    figure.savefig(path, dpi=120)
