"""Measures the cost of the large network on a GPU: time, peak memory, and the share of the GPU's matrix rate.

    python -m benchmarks.measure.model_gpu [--quick] [--json FILE]

One step is forward and backward of a whole network (width 256, 8 heads, 4 layers) on observations of `allocate` worlds
with S / 2 UAVs and S / 2 targets. Times are medians between CUDA events; peak memory is torch's. The rate is the number
of floating-point operations in matrix products and attention, divided by the time. It is compared with the rate at
which the same GPU multiplies large square matrices of the same precision. `compiled` compiles the blocks in place;
`graphs` also records them as CUDA graphs (torch's mode reduce-overhead). The script imports no Ray.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.report import Row, finish
from rl_cluster.config.load import load_config
from rl_cluster.environment.tasks import graph_spec, make_source, make_worlds
from rl_cluster.model.transformer_gnn import TransformerGNN
from rl_cluster.types import Observation, map_observation

__all__ = ["ROWS", "main"]

GRAPHS = {128: 256, 1024: 32}
"""Entities of a graph -> graphs."""
ROUNDS, QUICK_ROUNDS = 20, 5
SQUARE = 8192
"""Rows and columns of the matrices that measure the rate."""
WAYS = ("eager", "compiled", "graphs")
PRECISIONS = ("tf32", "bf16")
BASE = ("tf32", "eager")
"""The case that the others are compared with."""
MIB, TERA = 1 << 20, 1e12


def product_name(precision: str) -> str:
    """The row of large matrices."""
    return f"{precision} matrix product"


def step_names(precision: str, way: str, num_entities: int) -> tuple[str, str, str]:
    """The rows of a step: time, memory, and share of the rate of large matrices."""
    name = f"{precision} {way} S={num_entities}"
    return f"{name} time", f"{name} memory", f"{name} share of the matrix rate"


ROWS = (
    *map(product_name, PRECISIONS),
    *(
        name
        for num_entities in GRAPHS
        for precision in PRECISIONS
        for way in WAYS
        for name in step_names(precision, way, num_entities)
    ),
)


class Case(NamedTuple):
    """One way to run the network on one batch."""

    num_entities: int
    precision: str
    """tf32: float32 whose products are rounded to TF32; bf16: autocast."""
    way: str
    """One of WAYS."""


class Cost(NamedTuple):
    """The cost of one step."""

    time_ms: float
    peak_mib: float
    num_operations: float
    """Floating-point operations."""


def prepare(
    case: Case, device: torch.device, num_graphs: int, settings: Sequence[str] = ()
) -> tuple[TransformerGNN, Observation[Tensor]]:
    """The network and a batch of observations of worlds at their start."""
    half = case.num_entities // 2
    config = load_config(
        "quick_demo",
        [
            f"generator.num_uavs=[{half}, {half}]",
            f"generator.num_targets=[{half}, {half}]",
            "generator.num_obstacles=[0, 0]",
            "model.width=256",
            "model.num_heads=8",
            "model.num_layers=4",
            f"model.precision={'bf16' if case.precision == 'bf16' else 'fp32'}",
            *settings,
        ],
    )
    worlds = make_worlds(config, make_source(config, 0, is_training=False), num_graphs)
    observation = map_observation(lambda array: torch.from_numpy(array).to(device), worlds.reset())
    network = TransformerGNN(config.model, graph_spec(config)).to(device)
    if case.way != "eager":
        for block in network.blocks:
            block.compile(mode="reduce-overhead" if case.way == "graphs" else "default")
    return network, observation


def step(network: TransformerGNN, observation: Observation[Tensor]) -> None:
    """Forward and backward."""
    policy, value_BN = network(observation)
    (policy.log_prob(policy.mode()).mean() + value_BN.mean()).backward()
    network.zero_grad(set_to_none=True)


def median_ms(work: Callable[[], object], device: torch.device, rounds: int) -> float:
    """Milliseconds of a piece of work, by CUDA events, or by the clock on a CPU. The first three calls warm up."""
    times_ms: list[float] = []
    for _ in range(rounds + 3):
        if device.type == "cuda":
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            work()
            end.record()
            end.synchronize()
            times_ms.append(start.elapsed_time(end))
        else:
            start_s = time.perf_counter()
            work()
            times_ms.append(1000.0 * (time.perf_counter() - start_s))
    return statistics.median(times_ms[3:])


def measure(case: Case, device: torch.device, num_graphs: int, rounds: int, settings: Sequence[str] = ()) -> Cost:
    """The cost of a step. Peak memory is 0 on a CPU."""
    torch.backends.cuda.matmul.allow_tf32 = case.precision == "tf32"
    network, observation = prepare(case, device, num_graphs, settings)
    eager, _ = prepare(case._replace(way="eager"), device, num_graphs, settings)
    with FlopCounterMode(display=False) as counter:
        step(eager, observation)
    time_ms = median_ms(lambda: step(network, observation), device, rounds)
    peak_mib = 0.0
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        step(network, observation)
        peak_mib = torch.cuda.max_memory_allocated(device) / MIB
    return Cost(time_ms, peak_mib, float(counter.get_total_flops()))


def matmul_rate(precision: str, device: torch.device, rounds: int, square: int = SQUARE) -> float:
    """Operations per second of a product of square matrices."""
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    left, right = (torch.randn(square, square, device=device, dtype=dtype) for _ in range(2))
    return 2.0 * square**3 / (median_ms(lambda: left @ right, device, rounds) / 1000.0)


def rows_of(device: torch.device, rounds: int) -> Iterator[Row]:
    """Rows of all precisions and ways at every size."""
    rates = {precision: matmul_rate(precision, device, rounds) for precision in PRECISIONS}
    for precision, operations in rates.items():
        yield Row(product_name(precision), operations / TERA, unit="Tera-operations/s")
    for num_entities, num_graphs in GRAPHS.items():
        costs = {
            (precision, way): measure(Case(num_entities, precision, way), device, num_graphs, rounds)
            for precision in rates
            for way in WAYS
        }
        base = costs[BASE]
        for (precision, way), cost in costs.items():
            speed, memory, rate = step_names(precision, way, num_entities)
            yield Row.of_cost(speed, cost.time_ms, base.time_ms, " ".join(BASE), "ms forward+backward")
            yield Row.of_cost(memory, cost.peak_mib, base.peak_mib, " ".join(BASE), "MiB peak")
            yield Row(rate, cost.num_operations / (cost.time_ms / 1000.0) / rates[precision])


def main() -> None:
    """Measures, prints, writes. Exit code 2 where there is no GPU."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few rounds; compiling still takes minutes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there")
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        parser.exit(2, "error: benchmarks.measure.model_gpu: torch sees no GPU; run it on a machine that has one\n")
    device = torch.device("cuda")
    rows = list(rows_of(device, QUICK_ROUNDS if arguments.quick else ROUNDS))
    finish(f"The large network on one {torch.cuda.get_device_name(device)}", rows, ROWS, arguments.json)


if __name__ == "__main__":
    main()
