"""Measures what compiled blocks (`model.compile=blocks`) save of an update's forward and backward pass on a CPU.

    python -m benchmarks.measure.compiled [--quick] [--json FILE]

The network is `small` (width 128, 4 heads, 2 layers). Its observations are those of `allocate` worlds with S / 2 UAVs
and S / 2 targets. Times are medians of CPU time on one thread, without the compiling itself; both sides take turns.
`model_gpu.py` has the same for a GPU.
"""

import argparse
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from benchmarks.measure.model_gpu import Case, prepare, step
from benchmarks.report import Row, finish
from rl_cluster.model.compiling import compile_blocks

__all__ = ["ROWS", "main", "times_ms"]

SMALL = ("model.width=128", "model.num_heads=4", "model.num_layers=2")
GRAPHS = {16: 256, 64: 64}
"""Entities of a graph -> graphs."""
PRECISIONS = {"fp32": "tf32", "bf16": "bf16"}
"""Precision -> its name in a `Case`; a CPU knows no TF32."""
ROUNDS, QUICK_ROUNDS, WARM_UP_ROUNDS = 30, 5, 2


def row_name(precision: str, num_entities: int) -> str:
    """The row of a precision and a size."""
    return f"compiled {precision} S={num_entities}"


ROWS = tuple(row_name(precision, num_entities) for precision in PRECISIONS for num_entities in GRAPHS)


def times_ms(case: Case, num_graphs: int, rounds: int) -> tuple[float, float]:
    """Milliseconds of a step with compiled blocks, and with plain ones."""
    cpu = torch.device("cpu")
    compiled, observation = prepare(case, cpu, num_graphs, (*SMALL, "model.compile=blocks"))
    plain, _ = prepare(case, cpu, num_graphs, SMALL)
    compile_blocks(compiled)
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(WARM_UP_ROUNDS + rounds):
        for network, times in zip((compiled, plain), taken, strict=True):
            start_s = time.process_time()
            step(network, observation)
            times.append(1000.0 * (time.process_time() - start_s))
    first, second = (statistics.median(times[WARM_UP_ROUNDS:]) for times in taken)
    return first, second


def rows_of(rounds: int) -> Iterator[Row]:
    """One row for each precision and size."""
    for precision, name in PRECISIONS.items():
        for num_entities, num_graphs in GRAPHS.items():
            compiled_ms, plain_ms = times_ms(Case(num_entities, name, "eager"), num_graphs, rounds)
            row = row_name(precision, num_entities)
            yield Row.of_cost(row, compiled_ms, plain_ms, "plain blocks", "CPU ms forward+backward")


def main() -> None:
    """Measures, prints, writes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few rounds; compiling still takes a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = list(rows_of(QUICK_ROUNDS if arguments.quick else ROUNDS))
    finish("Compiled blocks beside plain ones", rows, ROWS, arguments.json)


if __name__ == "__main__":
    main()
