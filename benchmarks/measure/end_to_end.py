"""Measures the speed of whole iterations: agent-steps per CPU-second of sampling and update together.

    python -m benchmarks.measure.end_to_end [--quick] [--json FILE]

Rows `mlp ...` are a swarm of 8 in `navigate` with a small MLP (`mlp.py`), so the code around the network does most of
the work. Rows `gnn ...` are a swarm of 8 with 8 targets in `allocate` and the TransformerGNN `small`, so the network
does. All sides have the same number of rows, epochs and minibatches, in fp32; ours also logs metrics and calls hooks.
RLlib's connectors add a row for every truncated episode, so its epochs have one minibatch more.

    bare loop local    the core without Ray; ours: in one process
    bare loop remote   the same; ours: one remote env runner and one remote Learner
    scaling            ours with 1 or 2 runners and Learners, wall-clock time per iteration beside (1, 1)

Rates count CPU time, user and system, of the driver and of every worker, with one thread a process. Subjects take turns
in rounds, and the median counts.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when numpy and torch are first imported, below

import torch

from benchmarks.cpu_time import measure
from benchmarks.peers.rllib_peers import PEERS, make_peer
from benchmarks.report import Row, finish
from benchmarks.swarm_algorithm import allocate_run, make_mlp, make_ours, navigate_run
from benchmarks.warm_up import warm_up
from rl_cluster.config.schema import Config
from rl_cluster.learning.batch import make_train_batch
from rl_cluster.learning.update import Updater
from rl_cluster.metrics.names import EXCHANGE_S, LEARNING_S
from rl_cluster.rllib.algorithm import RECORD, SwarmAlgorithm
from rl_cluster.rllib.cluster import connect
from rl_cluster.rllib.messages import without_known_messages
from rl_cluster.sampling.network import make_model
from rl_cluster.sampling.rollout import make_rollout
from rl_cluster.schedulers.learning_rate import schedule

__all__ = ["ROWS", "main"]

BARE_GOAL = 0.85
PEER_GOALS = {"mlp": 2.0, "gnn": 1.0}
SHAPES = ((1, 1), (2, 1), (1, 2), (2, 2))
"""Numbers of remote env runners and Learners in the rows of scaling."""
UNIT = "agent-steps/CPU-s"
NETWORKS = ("mlp", "gnn")
BARE = ("local", "remote")


def peers_of(network: str) -> list[str]:
    """All peers, except that with the graph an agent per UAV would process it eight times."""
    return [kind for kind in PEERS if network == "mlp" or kind != "multi_agent"]


def shape_name(shape: tuple[int, int]) -> str:
    """The name of a shape in the rows of scaling."""
    return f"{shape[0]} runners, {shape[1]} Learners"


ROWS = (
    *(
        f"{network} {other}"
        for network in NETWORKS
        for other in (*(f"bare loop {way}" for way in BARE), *(f"rllib.{kind}" for kind in peers_of(network)))
    ),
    *(f"scaling {shape_name(shape)}" for shape in SHAPES),
)


class Plan(NamedTuple):
    """How much is measured."""

    rounds: int
    least_seconds: float
    num_worlds: dict[str, int]


FULL = Plan(5, 3.0, {"mlp": 128, "gnn": 32})
QUICK = Plan(1, 0.2, {"mlp": 128, "gnn": 16})
"""As many worlds with the MLP, where the code around it counts; half as many where the network is the cost."""


class Subject(NamedTuple):
    """Something that trains."""

    iterate: Callable[[], object]
    pids: Sequence[int] = ()
    stop: Callable[[], object] = lambda: None


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the table, and writes it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--quick", action="store_true", help="one short round, smaller graphs' batches: a minute or two"
    )
    parser.add_argument("--json", type=Path, help="file to write")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    plan, rows, details = QUICK if options.quick else FULL, list[Row](), dict[str, Any]()
    with connect("local"), without_known_messages():
        warm_up(*(_run(network, plan.num_worlds[network]) for network in NETWORKS))
        for network in NETWORKS:
            details[network] = rates = race(network, plan)
            rows += make_rows(network, rates)
        details["scaling"], scaling = scale(plan)
        rows += scaling
    finish("end to end", rows, ROWS, options.json, **details)


def _run(network: str, num_worlds: int, num_runners: int = 0, num_learners: int = 0) -> Config:
    make = navigate_run if network == "mlp" else allocate_run
    return make(num_worlds, num_runners, num_learners)


def make_bare(run: Config, has_mlp: bool) -> Callable[[], object]:
    """The core's loop: rollout, batch, update."""
    model = make_mlp(run) if has_mlp else make_model(run)
    rollout, updater = make_rollout(run, 0, model), Updater(model, run.ppo, torch.device("cpu"), run.learners.part_rows)

    def iterate() -> None:
        batch = make_train_batch([rollout.sample(run.sampling.fragment_steps)], run.ppo)
        updater.update(batch, schedule(run.ppo, 0.0), run.seed, 0)

    return iterate


def make_subject(run: Config, has_mlp: bool) -> Subject:
    """Our algorithm as a subject."""
    ours = make_ours(run, make_mlp if has_mlp else None)
    return Subject(ours.train, _worker_pids(ours), ours.stop)


def _worker_pids(ours: SwarmAlgorithm) -> list[int]:
    pids = ours.runners.for_each(_pid) + ours.learners.for_each(_pid)
    return sorted(set(pids) - {os.getpid()})


def _pid(_: Any) -> int:
    return os.getpid()


def race(network: str, plan: Plan) -> dict[str, list[float]]:
    """Agent-steps per CPU-second of each subject in each round, in which they take turns."""
    has_mlp, run = network == "mlp", _run(network, plan.num_worlds[network])
    subjects = {
        "bare": Subject(make_bare(run, has_mlp)),
        "local": make_subject(run, has_mlp),
        "remote": make_subject(_run(network, plan.num_worlds[network], 1, 1), has_mlp),
    }
    for kind in peers_of(network):
        peer = make_peer(kind, run, has_mlp)
        subjects[kind] = Subject(peer.train, stop=peer.stop)
    agent_steps = run.train_batch_rows * run.generator.num_uavs[1]
    rates: dict[str, list[float]] = {name: [] for name in subjects}
    for subject in subjects.values():
        subject.iterate()  # compiles, and warms up
    for _ in range(plan.rounds):
        for name, subject in subjects.items():
            rates[name].append(agent_steps / measure(subject.iterate, subject.pids, plan.least_seconds)[0])
    for subject in subjects.values():
        subject.stop()
    return rates


def make_rows(network: str, rates: dict[str, list[float]]) -> Iterator[Row]:
    """Rows that compare ours with the bare loop and with each peer."""
    for name in BARE:
        yield Row.of_rounds(f"{network} bare loop {name}", rates[name], rates["bare"], "bare loop", UNIT, BARE_GOAL)
    for kind in peers_of(network):
        name = f"rllib.{kind}"
        yield Row.of_rounds(f"{network} {name}", rates["local"], rates[kind], name, UNIT, PEER_GOALS[network])


def scale(plan: Plan) -> tuple[dict[str, dict[str, float]], list[Row]]:
    """Wall-clock seconds of an iteration of the TransformerGNN for each shape, and rows relative to the smallest."""
    seconds: dict[str, dict[str, float]] = {}
    for shape in SHAPES:
        run = _run("gnn", plan.num_worlds["gnn"], *shape)
        ours = make_ours(run)
        ours.train()
        begin_s, records = time.perf_counter(), [ours.train()[RECORD] for _ in range(plan.rounds)]
        seconds[shape_name(shape)] = {
            "iteration_s": (time.perf_counter() - begin_s) / plan.rounds,
            "exchange_share": statistics.mean(record[EXCHANGE_S] / record[LEARNING_S] for record in records),
        }
        ours.stop()
    first = next(iter(seconds.values()))["iteration_s"]
    rows = [
        Row.of_cost(f"scaling {name}", figures["iteration_s"], first, "1 runner, 1 Learner", "s/iteration, wall clock")
        for name, figures in seconds.items()
    ]
    return seconds, rows


if __name__ == "__main__":
    main()
