"""Measures how fast worlds are sampled whose network acts on a GPU, beside one whose network acts on the CPU.

    python -m benchmarks.measure.rollout_gpu [--quick] [--json FILE]

The worlds are those of `quick_demo`. They step on one core either way; observations go to the GPU and actions come
back, as with `sampling.gpus_per_runner`. Rates are wall-clock time, because the GPU's own work is no CPU time. The
script imports no Ray.
"""

import argparse
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from benchmarks.report import Row, finish
from rl_cluster.config.load import load_config
from rl_cluster.sampling.network import make_model
from rl_cluster.sampling.rollout import make_rollout

__all__ = ["ROWS", "main", "rates"]

NUM_WORLDS = (256, 1024, 4096)
NUM_STEPS = 4
ROUNDS, QUICK_ROUNDS = 9, 3
ROWS = tuple(f"{num_worlds} worlds" for num_worlds in NUM_WORLDS)


def rates(num_worlds: int, devices: Sequence[torch.device], rounds: int, steps: int = NUM_STEPS) -> list[float]:
    """World steps per second on each device, medians; the devices take turns."""
    sizes = (f"sampling.worlds_per_runner={num_worlds}", f"ppo.minibatch_rows={num_worlds}")
    config = load_config("quick_demo", [*sizes, "ppo.imitation_weight=0"])  # no search, which runs on the CPU
    rollouts = [make_rollout(config, 0, make_model(config).eval().to(device)) for device in devices]
    seconds: list[list[float]] = [[] for _ in devices]
    for number in range(rounds + 1):
        for rollout, taken in zip(rollouts, seconds, strict=True):
            start_s = time.perf_counter()
            rollout.sample(steps)  # its columns are on the CPU, so the GPU has finished
            if number:
                taken.append(time.perf_counter() - start_s)
    return [num_worlds * steps / statistics.median(taken) for taken in seconds]


def rows_of(device: torch.device, rounds: int) -> Iterator[Row]:
    """One row for each number of worlds."""
    for name, num_worlds in zip(ROWS, NUM_WORLDS, strict=True):
        on_gpu, on_cpu = rates(num_worlds, (device, torch.device("cpu")), rounds)
        yield Row.of(name, on_gpu, on_cpu, "network on the CPU", "world steps/s, wall clock")


def main() -> None:
    """Measures, prints, writes. Exit code 2 where there is no GPU."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few rounds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there")
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        parser.exit(2, "error: benchmarks.measure.rollout_gpu: torch sees no GPU; run it on a machine that has one\n")
    rows = list(rows_of(torch.device("cuda"), QUICK_ROUNDS if arguments.quick else ROUNDS))
    finish(f"Rollouts on one {torch.cuda.get_device_name()}", rows, ROWS, arguments.json)


if __name__ == "__main__":
    main()
