"""Measures the speed of the worlds: agent-steps per CPU-second of one core, compared with VMAS and MPE.

    python -m benchmarks.measure.environment [--quick] [--json FILE]

One agent-step = one UAV's action applied. It includes everything that a rollout pays for: flight, collisions, rewards,
episode metrics, resets, and the full observation of the policy. Ours and the peers run in one process and take turns in
rounds; the median counts. Peers need `pip install '.[benchmarks]'`. `peers/environment_peers.py` describes them.
"""

import argparse
import importlib
import math
import os
import statistics
import time
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when numpy and torch are first imported, below

import numpy as np
import psutil
import torch

from benchmarks.report import Row, finish
from benchmarks.warm_up import warm_up
from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.environment.shared.interface import Worlds
from rl_cluster.environment.tasks import make_source, make_worlds
from rl_cluster.sampling.network import make_model
from rl_cluster.sampling.rollout import make_rollout

__all__ = ["ROWS", "main"]

CELLS = [(n, b) for n in (4, 8, 16, 64) for b in (16, 256, 1024 if n == 64 else 4096)]
NUM_ZONES = 4
"""No-fly zones per world, in the rows that have any."""
UNIT = "agent-steps/CPU-s"
GOALS = {("vmas.simple_spread", 8, 256): 10.0, ("vmas.simple_spread", 64, 256): 30.0}
EVERY_CELL = 3.0
MPE_GOAL = 100.0
WORLD_SHARE_GOAL = 0.05
VMAS, MPE = ("vmas.simple_spread", "vmas.navigation"), "mpe2.simple_spread"
MPE_BATCH = 256
"""Worlds of ours that MPE, which steps one world, is compared with at each team size."""
PRESETS = ("navigate_demo", "quick_demo")


def peer_name(peer: str, n: int, b: int) -> str:
    """The row of a peer in a cell."""
    return f"{peer} N={n}" if peer == MPE else f"{peer} N={n} B={b}"


def peers_of(b: int) -> tuple[str, ...]:
    """The peers in cells of `b` worlds."""
    return (*VMAS, MPE) if b == MPE_BATCH else VMAS


def zone_name(n: int, b: int) -> str:
    """The row of `navigate` with no-fly zones."""
    return f"navigate with {NUM_ZONES} zones N={n} B={b}"


def allocate_name(n: int, b: int) -> str:
    """The row of `allocate`."""
    return f"allocate N=M={n} B={b}"


def share_name(preset: str) -> str:
    """The row of the worlds' share of a rollout."""
    return f"world share of a rollout, {preset}"


MEMORY, EXPONENT = "resident memory growth", f"exponent over N of navigate's cost per agent-step, B={MPE_BATCH}"
ROWS = (
    *(peer_name(peer, n, b) for n, b in CELLS for peer in peers_of(b)),
    *(zone_name(n, b) for n, b in CELLS),
    *(allocate_name(n, b) for n, b in CELLS),
    *map(share_name, PRESETS),
    MEMORY,
    EXPONENT,
)


class Plan(NamedTuple):
    """How much is measured."""

    rounds: int
    seconds: float
    """CPU seconds of one measurement"""
    memory_steps: int


FULL = Plan(3, 1.0, 1_000_000)
QUICK = Plan(1, 0.1, 20_000)


class Subject(NamedTuple):
    """Something that steps."""

    name: str
    step: Callable[[], Any]
    agent_steps: int
    """Agent-steps of one call"""


def navigate(num_uavs: int, num_worlds: int, num_zones: int) -> Any:
    """Worlds of `navigate_demo` with N UAVs each."""
    config = load_config(
        "navigate_demo",
        [f"generator.num_uavs=[{num_uavs}, {num_uavs}]", f"generator.num_obstacles=[{num_zones}, {num_zones}]"],
    )
    return make_worlds(config, make_source(config, 0, is_training=True), num_worlds, is_training=True)


def allocate(num_uavs: int, num_worlds: int) -> Worlds:
    """Worlds of `quick_demo` with N UAVs and N targets each."""
    config = load_config(
        "quick_demo",
        [f"generator.num_uavs=[{num_uavs}, {num_uavs}]", f"generator.num_targets=[{num_uavs}, {num_uavs}]"],
    )
    return make_worlds(config, make_source(config, 0, is_training=True), num_worlds, is_training=True)


def navigate_step(num_uavs: int, num_worlds: int, num_zones: int = 0) -> Callable[[], Any]:
    """Steps with random controls, drawn beforehand, into one observation's arrays."""
    worlds = navigate(num_uavs, num_worlds, num_zones)
    out = worlds.reset()
    random = np.random.default_rng(0)
    controls = cycle(random.uniform(-1.0, 1.0, (8, num_worlds, num_uavs, 2)).astype(np.float32))
    return lambda: worlds.step(next(controls), out)


def rate(subject: Subject, seconds: float) -> float:
    """Agent-steps per CPU-second."""
    calls, start_s = 0, time.process_time()
    while (spent_s := time.process_time() - start_s) < seconds:
        subject.step()
        calls += 1
    return calls * subject.agent_steps / spent_s


def race(subjects: list[Subject], plan: Plan) -> dict[str, float]:
    """The median rate of each subject, measured in turn, after one call of each to warm up."""
    for subject in subjects:
        subject.step()
    rates: dict[str, list[float]] = {subject.name: [] for subject in subjects}
    for _ in range(plan.rounds):
        for subject in subjects:
            rates[subject.name].append(rate(subject, plan.seconds))
    return {name: statistics.median(values) for name, values in rates.items()}


def navigate_rows(plan: Plan) -> Iterator[Row]:
    """`navigate` beside VMAS in every cell, and beside MPE once a team size."""
    peers = importlib.import_module("benchmarks.peers.environment_peers")  # they are an extra
    for n, b in CELLS:
        subjects = [
            Subject("ours", navigate_step(n, b), n * b),
            Subject("vmas.simple_spread", peers.vmas_simple_spread(n, b), n * b),
            Subject("vmas.navigation", peers.vmas_navigation(n, b), n * b),
        ]
        if MPE in peers_of(b):
            subjects.append(Subject(MPE, peers.mpe_simple_spread(n), n))
        rates = race(subjects, plan)
        for peer in peers_of(b):
            goal = MPE_GOAL if peer == MPE else GOALS.get((peer, n, b), EVERY_CELL)
            yield Row.of(peer_name(peer, n, b), rates["ours"], rates[peer], peer, UNIT, goal)


def exponent_rows(rows: list[Row]) -> Iterator[Row]:
    """Least-squares slope of log cost per agent-step over log N, at B=256."""
    ours = {row.name: row.ours for row in rows}
    sizes = [n for n, b in CELLS if b == MPE_BATCH]
    costs = [-math.log(ours[peer_name(VMAS[0], n, MPE_BATCH)]) for n in sizes]
    slope = statistics.linear_regression([math.log(n) for n in sizes], costs).slope
    yield Row.at_most(EXPONENT, slope, "", 1.0)


def allocate_rows(plan: Plan) -> Iterator[Row]:
    """`allocate` alone: random legal choices, 20 substeps of 1 s each; only the worlds are on the clock."""
    for n, b in CELLS:
        worlds, random = allocate(n, b), np.random.default_rng(0)
        observation = worlds.reset()
        spent_s, calls = 0.0, -1
        while spent_s < plan.seconds:
            scores = random.random(observation.action_mask.shape, dtype=np.float32) * observation.action_mask
            actions = scores.argmax(axis=-1).astype(np.int16)
            start_s = time.process_time()
            observation, *_ = worlds.step(actions)
            calls += 1
            spent_s += time.process_time() - start_s if calls > 0 else 0.0
        yield Row(allocate_name(n, b), calls * n * b / spent_s, unit=f"{UNIT}, 20 substeps each")


def share_rows(plan: Plan) -> Iterator[Row]:
    """CPU share of the worlds in a rollout with the preset's own network."""
    for preset in PRESETS:
        config = load_config(preset)
        share = _world_share(config, plan)
        yield Row.at_most(share_name(preset), share, "of CPU time", WORLD_SHARE_GOAL)


def _world_share(config: Config, plan: Plan) -> float:
    rollout, num_steps = make_rollout(config, 0, make_model(config).eval()), config.sampling.fragment_steps
    rollout.sample(num_steps)
    worlds: Any = rollout.worlds
    spent_s = [0.0]
    step = worlds.step

    def timed(*arguments: Any) -> Any:
        start_s = time.process_time()
        result = step(*arguments)
        spent_s[0] += time.process_time() - start_s
        return result

    worlds.step = timed
    start_s = time.process_time()
    while time.process_time() - start_s < 5.0 * plan.seconds:
        rollout.sample(num_steps)
    return spent_s[0] / (time.process_time() - start_s)


def memory_rows(plan: Plan) -> Iterator[Row]:
    """Growth of resident memory while 16 worlds of 4 UAVs step, after the first tenth."""
    step, process = navigate_step(4, 16), psutil.Process()
    for _ in range(plan.memory_steps // 10):
        step()
    before = process.memory_info().rss
    for _ in range(plan.memory_steps - plan.memory_steps // 10):
        step()
    growth_mib = (process.memory_info().rss - before) / 2**20
    yield Row.at_most(MEMORY, growth_mib, f"MiB over {plan.memory_steps:,} steps", 1.0)


def zone_rows(plan: Plan) -> Iterator[Row]:
    """`navigate` with four no-fly zones in each world, which no peer has."""
    for n, b in CELLS:
        subject = Subject("ours", navigate_step(n, b, NUM_ZONES), n * b)
        yield Row(zone_name(n, b), race([subject], plan)["ours"], unit=UNIT)


def main() -> None:
    """Measures, prints, and writes JSON if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one short round: about a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warm_up(*map(load_config, PRESETS))
    plan, rows = QUICK if arguments.quick else FULL, list[Row]()
    for part in (navigate_rows, zone_rows, allocate_rows, share_rows, memory_rows):
        for row in part(plan):
            print(
                f"{row.name}: {row.ours:.4g}" + (f", {row.ratio:.3g} x {row.peer_name}" if row.ratio else ""),
                flush=True,
            )
            rows.append(row)
    rows[len(rows) :] = exponent_rows(rows)
    finish("agent-steps per CPU-second of one core", rows, ROWS, arguments.json)


if __name__ == "__main__":
    main()
