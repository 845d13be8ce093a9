"""Measures the cost of the network: CPU time and peak memory of our attention and of other implementations.

    python -m benchmarks.measure.attention [--quick] [--json FILE]

One row is one whole network (encoders, blocks, heads; width 128, 4 heads, fp32, one thread) on observations of
`allocate` worlds with S / 2 UAVs and S / 2 targets. Times are CPU times of forward and backward, the median of rounds
in which all networks take turns. Peak memory is the resident memory that one forward and backward adds to a process of
its own. `peers/attention_peers.py` describes the peers.
"""

import argparse
import os
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, set_forkserver_preload
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when numpy and torch are first imported, below

import torch
from torch import Tensor

from benchmarks.peers.attention_peers import make_network
from benchmarks.report import Row, finish
from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.environment.tasks import graph_spec, make_source, make_worlds
from rl_cluster.model.transformer_gnn import TransformerGNN
from rl_cluster.types import Observation, map_observation

__all__ = ["ROWS", "main"]

BATCHES = {8: 512, 16: 256, 32: 128, 64: 64, 128: 64, 256: 16, 1024: 4, 2048: 2, 4096: 1}
"""Entities of a graph -> graphs, so that all have about as many entities."""
MEMORY_SIZES = (32, 128, 1024)
ROUNDS, QUICK_ROUNDS = 5, 1
NAMES = ("dense", "sparse", "gather", "pyg", "sdpa")
TIME_GOALS = {("gather", 128): 3.0, ("pyg", 128): 3.0, ("sdpa", 128): 1 / 1.25}
MEMORY_GOAL = 1 / (1 - 0.60)
CHECKPOINT_MEMORY_GOAL, CHECKPOINT_TIME_GOAL = 1 / (1 - 0.40), 1 / 1.4
GROWTH_GOAL = 2.1
GROWTH_K = 8
"""Neighbours of each kind in the comparison of cost per entity between sizes."""
TUNED_MALLOC = {
    "MALLOC_MMAP_THRESHOLD_": str(2**33),
    "MALLOC_TRIM_THRESHOLD_": str(2**33),
    "MALLOC_TOP_PAD_": str(2**28),
}
"""glibc keeps large blocks instead of giving them back after each step."""
MALLOC, GROWTH = "gather S=128 time, tuned malloc", "cost per entity, S=1024 over S=64 at k=8"
CHECKPOINT = ("checkpoint L=4 memory", "checkpoint L=4 time")


def time_names(peer: str, num_entities: int) -> tuple[str, str]:
    """The rows of a peer at a size: a whole step, and forward alone."""
    return f"{peer} S={num_entities} time", f"{peer} S={num_entities} forward"


def memory_name(num_entities: int) -> str:
    """The row of peak memory at a size."""
    return f"gather S={num_entities} memory"


ROWS = (
    *(name for num_entities in BATCHES for peer in NAMES[1:] for name in time_names(peer, num_entities)),
    *map(memory_name, MEMORY_SIZES),
    MALLOC,
    *CHECKPOINT,
    GROWTH,
)


class Case(NamedTuple):
    """One network on one batch."""

    name: str
    """One of our backends, or a peer."""
    num_entities: int
    num_layers: int = 2
    is_checkpointed: bool = False
    k: int | None = None
    """Neighbours of each kind at most; None = as many as the environment gives."""


def worlds_config(num_entities: int, num_layers: int, is_checkpointed: bool) -> Config:
    """The settings of the worlds and the network."""
    half = num_entities // 2
    return load_config(
        "quick_demo",
        [
            f"generator.num_uavs=[{half}, {half}]",
            f"generator.num_targets=[{half}, {half}]",
            "generator.num_obstacles=[0, 0]",
            "model.width=128",
            f"model.num_layers={num_layers}",
            f"model.gradient_checkpointing={str(is_checkpointed).lower()}",
            "model.precision=fp32",
        ],
    )


def prepare(case: Case) -> tuple[TransformerGNN, Observation[Tensor]]:
    """The network and a batch of observations of worlds at their start."""
    config = worlds_config(case.num_entities, case.num_layers, case.is_checkpointed)
    worlds = make_worlds(config, make_source(config, 0, is_training=False), BATCHES[case.num_entities])
    observation = map_observation(torch.from_numpy, worlds.reset())
    if case.k is not None:
        slots = observation.neighbours.shape[-1] // 2
        observation = observation._replace(
            neighbours=torch.cat(
                [group[..., : case.k] for group in observation.neighbours.split(slots, dim=-1)], dim=-1
            )
        )
    return make_network(case.name, config.model, graph_spec(config)), observation


def step(network: TransformerGNN, observation: Observation[Tensor]) -> None:
    """Forward and backward."""
    policy, value_BN = network(observation)
    loss = policy.log_prob(policy.mode()).mean() + value_BN.mean()
    loss.backward()
    network.zero_grad(set_to_none=True)


def first_graph(observation: Observation[Tensor]) -> Observation[Tensor]:
    """The first graph of a batch, as a batch."""
    return map_observation(lambda rows: rows[:1], observation)


def forward(network: TransformerGNN, observation: Observation[Tensor]) -> None:
    """Forward alone, as env runners do."""
    with torch.inference_mode():
        network(observation)


def race(cases: list[Case], rounds: int) -> dict[Case, tuple[float, float]]:
    """Median CPU milliseconds of forward, and of forward and backward."""
    subjects = {case: prepare(case) for case in cases}
    spent_s: dict[Case, list[tuple[float, float]]] = {case: [] for case in cases}
    for network, observation in subjects.values():
        step(network, first_graph(observation))  # warms up
    for _ in range(rounds):
        for case, subject in subjects.items():
            start_s = time.process_time()
            forward(*subject)
            middle_s = time.process_time()
            step(*subject)
            spent_s[case].append((middle_s - start_s, time.process_time() - middle_s))
    return {case: _median_ms(times) for case, times in spent_s.items()}


def _median_ms(times: list[tuple[float, float]]) -> tuple[float, float]:
    forward_s, both_s = zip(*times, strict=True)
    return 1000.0 * statistics.median(forward_s), 1000.0 * statistics.median(both_s)


def measure_alone(case: Case, rounds: int, environment: Mapping[str, str]) -> tuple[float, float]:
    """Peak MiB of the first step, and median CPU milliseconds of later ones, in a process with this environment."""
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        # a fork of a server that has imported everything is just as clean; glibc reads its settings at program start
        set_forkserver_preload(["benchmarks.measure.attention"])
        context = get_context("spawn" if environment else "forkserver")
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            return pool.submit(_measure_here, case, rounds).result()
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


def _measure_here(case: Case, rounds: int) -> tuple[float, float]:
    network, observation = prepare(case)
    step(network, first_graph(observation))  # what torch itself needs once
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak begins anew
    before_mib = _status_mib("VmRSS")
    step(network, observation)
    peak_mib = _status_mib("VmHWM") - before_mib
    times_s = []
    for _ in range(rounds):
        start_s = time.process_time()
        step(network, observation)
        times_s.append(time.process_time() - start_s)
    return peak_mib, 1000.0 * statistics.median(times_s)


def _status_mib(name: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    (line,) = (line for line in lines if line.startswith(f"{name}:"))
    return int(line.split()[1]) / 1024.0


def time_rows(sizes: Sequence[int], rounds: int) -> Iterator[Row]:
    """Rows that compare ours (dense) with every other network, at every size."""
    for num_entities in sizes:
        cases = {name: Case(name, num_entities) for name in NAMES}
        times = race(list(cases.values()), rounds)
        ours_forward_ms, ours_ms = times[cases["dense"]]
        for peer in NAMES[1:]:
            forward_ms, both_ms = times[cases[peer]]
            goal, (both, alone) = TIME_GOALS.get((peer, num_entities)), time_names(peer, num_entities)
            yield Row.of_cost(both, ours_ms, both_ms, peer, "ms forward+backward", goal)
            yield Row.of_cost(alone, ours_forward_ms, forward_ms, peer, "ms forward")


def growth_rows(rounds: int) -> Iterator[Row]:
    """The row of cost per entity at 1,024 entities over that at 64: the better backend, with as many neighbours."""
    costs = {}
    for num_entities in (64, 1024):
        cases = [Case(name, num_entities, k=GROWTH_K) for name in ("dense", "sparse")]
        times = race(cases, rounds)
        costs[num_entities] = min(both_ms for _, both_ms in times.values()) / (num_entities * BATCHES[num_entities])
    yield Row.at_most(GROWTH, costs[1024] / costs[64], "", GROWTH_GOAL)


def memory_rows(sizes: Sequence[int], rounds: int) -> Iterator[Row]:
    """Rows that compare the peak memory of 4 layers with that of gather."""
    for num_entities in sizes:
        cases = (Case(name, num_entities, num_layers=4) for name in ("dense", "gather"))
        (ours_mib, _), (peer_mib, _) = (measure_alone(case, rounds, {}) for case in cases)
        goal = MEMORY_GOAL if num_entities == 128 else None
        yield Row.of_cost(memory_name(num_entities), ours_mib, peer_mib, "gather", "MiB peak, L=4", goal)


def malloc_rows(rounds: int) -> Iterator[Row]:
    """The row of time if glibc's allocator keeps its blocks, on both sides."""
    cases = (Case(name, 128) for name in ("dense", "gather"))
    (_, ours_ms), (_, peer_ms) = (measure_alone(case, rounds, TUNED_MALLOC) for case in cases)
    yield Row.of_cost(MALLOC, ours_ms, peer_ms, "gather", "ms forward+backward")


def checkpoint_rows(rounds: int) -> Iterator[Row]:
    """Rows that compare gradient checkpointing on with off."""
    cases = (Case("dense", 128, num_layers=4, is_checkpointed=is_on) for is_on in (True, False))
    (on_mib, on_ms), (off_mib, off_ms) = (measure_alone(case, rounds, {}) for case in cases)
    memory, speed = CHECKPOINT
    yield Row.of_cost(memory, on_mib, off_mib, "off", "MiB peak, S=128", CHECKPOINT_MEMORY_GOAL)
    yield Row.of_cost(speed, on_ms, off_ms, "off", "ms forward+backward, S=128", CHECKPOINT_TIME_GOAL)


def main() -> None:
    """Measures, prints, writes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one round: about a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rounds = QUICK_ROUNDS if arguments.quick else ROUNDS
    rows = [*time_rows(list(BATCHES), rounds), *memory_rows(MEMORY_SIZES, rounds)]
    rows += [*malloc_rows(rounds), *checkpoint_rows(rounds), *growth_rows(rounds)]
    finish("Attention", rows, ROWS, arguments.json)


if __name__ == "__main__":
    main()
