"""Measures what an env runner costs the trainer, and says what that means for many: `python -m benchmarks.scaling`.

    python -m benchmarks.measure.scaling [--quick] [--json FILE] [--plot FILE]

Env runners that compute nothing stand on fake nodes of this machine (`benchmarks/scaling`). Measured are the CPU time
of the trainer's process, all threads, and the bytes that it serialises and reads. A line is fitted to the smaller
numbers of env runners, and predicts the largest. A model with that line says what larger clusters would do. It is no
measurement: nothing here shows a speed-up beyond the cores of this machine.
"""

import argparse
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when numpy and torch are first imported, below

import torch

from benchmarks.documents.scaling import cost_tables, limits_table, model_table
from benchmarks.report import Row, finish
from benchmarks.scaling.control_plane import STEPS, ControlPlane, Cost, scaling_run
from benchmarks.scaling.fake_nodes import fake_nodes
from benchmarks.scaling.iteration_model import Assumptions, IterationModel, Steering, fit
from benchmarks.scaling.plot import save_plot
from benchmarks.warm_up import warm_up
from rl_cluster.rllib.messages import without_known_messages

__all__ = ["ASSUMED", "ITERATION_S", "ROWS", "main"]

ITERATION_S = 10.0
"""Length of the iteration of which the trainer's CPU time is a share."""
BULK, KIB, MS, SHARE, ERROR = ROWS = (
    "columns and weights through the trainer",
    "bytes through the trainer, a runner and iteration",
    "CPU time of the trainer, a runner and iteration",
    f"CPU time of the trainer with most runners, share of {ITERATION_S:g} s",
    "CPU time predicted for most runners, error",
)
GOALS = {BULK: 0.0, KIB: 16.0, MS: 3.0, SHARE: 0.05, ERROR: 0.15}
ASSUMED = Assumptions(
    sampling_s=5.0,
    update_s=0.1,
    fragment_bytes=1e6,
    weights_bytes=1e7,
    num_exchanges=32,
    runners_per_node=4,
    link_bytes_per_s=1.25e9,
    latency_s=50e-6,
    broadcast_bytes_per_s=50 * 2**30 / 16.9,
)
"""Links of 10 Gbit/s. The rate of broadcasts is that of Ray's own release test: 1 GiB to 50 nodes in 16.9 s."""
MODELLED = [(64, 2), *((runners, learners) for runners in (256, 1024) for learners in (2, 8, 64))]
"""Numbers of env runners and of Learners"""


class Plan(NamedTuple):
    """How much is measured."""

    num_runners: Sequence[int]
    """The last of them is predicted from the others."""
    num_nodes: int
    repeats: int
    """iterations of which the median counts"""


FULL, QUICK = Plan((8, 16, 32, 64), 16, 15), Plan((2, 4, 6, 8), 2, 5)


class Measured(NamedTuple):
    """What a plan gives."""

    by_runners: list[Cost]
    by_size: list[Cost]
    """with the second of the numbers of env runners, in the order of `STEPS`"""
    background: float
    """CPU seconds a second of the trainer while it waits"""


def measure(plan: Plan) -> Measured:
    """Runs a trainer on fake nodes."""
    per_node = -(-max(plan.num_runners) // plan.num_nodes)
    with fake_nodes(plan.num_nodes, per_node), without_known_messages():
        plane = ControlPlane()
        try:
            by_size = [plane.cost(plan.num_runners[1], steps, plan.repeats) for steps in STEPS.values()]
            smallest = min(STEPS.values())
            by_runners = [plane.cost(num_runners, smallest, plan.repeats) for num_runners in plan.num_runners]
            return Measured(by_runners, by_size, plane.background(0.5 * plan.repeats))
        finally:
            plane.close()


def make_rows(measured: Measured, steering: Steering) -> Iterator[Row]:
    """In the order of `ROWS`."""
    costs, most = [*measured.by_runners, *measured.by_size], measured.by_runners[-1]
    share = (most.cpu_s + measured.background * ITERATION_S) / ITERATION_S
    error = abs(steering.seconds(most.num_runners) / most.cpu_s - 1.0)
    yield Row.at_most(BULK, max(cost.bulk_bytes for cost in costs), "bytes", GOALS[BULK])
    yield Row.at_most(KIB, max(cost.num_bytes / cost.num_runners for cost in costs) / 1024, "KiB", GOALS[KIB])
    yield Row.at_most(MS, max(1e3 * cost.cpu_s / cost.num_runners for cost in costs), "ms", GOALS[MS])
    yield Row.at_most(SHARE, share, "", GOALS[SHARE])
    yield Row.at_most(ERROR, error, "", GOALS[ERROR])


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the tables, and writes them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a few env runners: within a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the trainer's CPU time there")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    plan = QUICK if options.quick else FULL
    warm_up(scaling_run())
    measured = measure(plan)
    fitted = measured.by_runners[:-1]
    steering = fit([cost.num_runners for cost in fitted], [cost.cpu_s for cost in fitted])
    model = IterationModel(steering, ASSUMED)
    result = {
        "num_nodes": plan.num_nodes,
        "by_runners": [cost._asdict() for cost in measured.by_runners],
        "by_size": [cost._asdict() for cost in measured.by_size],
        "background": measured.background,
        "steering": asdict(steering),
        "assumed": asdict(ASSUMED),
        "modelled": [
            {"num_runners": runners, "num_learners": learners, **model.parts(runners, learners)._asdict()}
            for runners, learners in MODELLED
        ],
    }
    finish("the trainer's part", list(make_rows(measured, steering)), ROWS, options.json, **result)
    print("", *cost_tables(result), *model_table(result), limits_table(result), sep="\n\n")
    if options.plot:
        save_plot(measured.by_runners, steering, options.plot)


if __name__ == "__main__":
    main()
