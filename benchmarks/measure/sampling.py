"""Measures the speed of sampling: agent-steps per CPU-second of ours, of a bare loop without Ray, of RLlib's runners.

    python -m benchmarks.measure.sampling [--quick] [--json FILE]

A swarm of 8 plays `navigate` with a small MLP (`mlp.py`) and one thread a process. Rates count CPU time, user and
system, of the driver and of every worker. All sample the same worlds with the same network; ours also computes the
metrics of episodes and calls the hooks. Subjects take turns in rounds, and the median counts. `peers/rllib_peers.py`
describes the peers.
"""

import argparse
import os
import statistics
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when numpy and torch are first imported, below

import torch

from benchmarks.cpu_time import measure
from benchmarks.peers.rllib_peers import PEERS, make_peer
from benchmarks.report import Row, finish
from benchmarks.swarm_algorithm import make_mlp, make_ours, navigate_run
from benchmarks.warm_up import warm_up
from rl_cluster.config.schema import Config
from rl_cluster.rllib.cluster import connect
from rl_cluster.rllib.messages import without_known_messages
from rl_cluster.sampling.rollout import make_rollout

__all__ = ["ROWS", "main"]

GOALS = {"bare loop local": 0.9, "bare loop remote": 0.8}
PEER_GOALS = {"single_agent": 8.0, "vector_entry_point": 5.0, "multi_agent": 50.0}
UNIT = "agent-steps/CPU-s"
NUM_WORLDS = 128
"""The worlds of every run: with fewer, the code around them costs the most, and the ratios differ."""
ROWS = (*GOALS, *(f"rllib.{kind}" for kind in PEERS))
FULL, QUICK = (5, 2.0), (1, 0.3)
"""Rounds, and the minimum of CPU seconds per subject and round."""


class Subject(NamedTuple):
    """Something that samples."""

    sample: Callable[[], object]
    agent_steps: int
    """Agent-steps of one call"""
    pids: Sequence[int] = ()
    """Process ids of its workers"""
    stop: Callable[[], object] = lambda: None


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the table, and writes it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one short round of the same worlds")
    parser.add_argument("--json", type=Path, help="file to write")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    rounds, seconds = QUICK if options.quick else FULL
    warm_up(navigate_run(NUM_WORLDS))
    with connect("local"), without_known_messages():
        rates, daemons = race(make_subjects(NUM_WORLDS), rounds, seconds)
    rows = list(make_rows(rates))
    finish("sampling", rows, ROWS, options.json, agent_steps_per_cpu_s=rates, daemon_share=daemons)
    print(f"Ray's daemons: {daemons:.1%} of the CPU time beside the remote runner")


def make_subjects(num_worlds: int) -> dict[str, Subject]:
    """Ours with a local and a remote runner, the bare loop, and RLlib's."""
    run = navigate_run(num_worlds)
    steps = run.train_batch_rows * run.generator.num_uavs[1]
    bare = make_rollout(run, 0, make_mlp(run))
    subjects = {"bare": Subject(lambda: bare.sample(run.sampling.fragment_steps), steps)}
    for name, num_runners in (("local", 0), ("remote", 1)):
        ours = make_ours(navigate_run(num_worlds, num_runners), make_mlp)
        pids = [pid for pid in ours.runners.for_each(lambda _: os.getpid()) if pid != os.getpid()]
        subjects[name] = Subject(ours._sample, steps, pids, ours.stop)  # noqa: SLF001 - sampling without the update
    return subjects | {kind: _peer(kind, run, steps) for kind in PEERS}


def _peer(kind: str, run: Config, steps: int) -> Subject:
    peer = make_peer(kind, run, only_rows=True)
    sample = peer.env_runner.sample
    if kind == "old_stack":
        return Subject(sample, steps, stop=peer.stop)
    return Subject(lambda: sample(num_timesteps=run.train_batch_rows, random_actions=False), steps, stop=peer.stop)


def race(subjects: dict[str, Subject], rounds: int, least_seconds: float) -> tuple[dict[str, list[float]], float]:
    """Agent-steps per CPU-second of each in each round; CPU time of Ray's daemons over that of the remote runner."""
    rates: dict[str, list[float]] = {name: [] for name in subjects}
    shares = []
    for subject in subjects.values():
        subject.sample()  # compiles, and warms up
    for _ in range(rounds):
        for name, subject in subjects.items():
            spent, daemons = measure(subject.sample, subject.pids, least_seconds)
            rates[name].append(subject.agent_steps / spent)
            if name == "remote":
                shares.append(daemons / spent)
    for subject in subjects.values():
        subject.stop()
    return rates, statistics.median(shares)


def make_rows(rates: dict[str, list[float]]) -> Iterator[Row]:
    """Rows that compare ours with the bare loop and with each peer."""
    for name in ("local", "remote"):
        row = f"bare loop {name}"
        yield Row.of_rounds(row, rates[name], rates["bare"], "bare loop", UNIT, GOALS[row])
    for kind in PEERS:
        yield Row.of_rounds(f"rllib.{kind}", rates["local"], rates[kind], f"rllib.{kind}", UNIT, PEER_GOALS.get(kind))


if __name__ == "__main__":
    main()
