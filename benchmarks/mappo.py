"""Whole iterations beside BenchMARL's MAPPO on VMAS, at equal rows, epochs, minibatches and widths of the networks.

    make bench-benchmarl [JSON=FILE]        # builds the peer's environment, and runs both sides in turn

A swarm of 8, 128 worlds, 50 steps, 10 epochs of minibatches of 400 graphs, an actor of 256-256 tanh over each UAV's
own row of 34 numbers (ours has 18, the rest are zeros), a central critic of 256-256; fp32, and ours in bf16 beside it.
The worlds differ: VMAS's simple_spread there, `navigate` here. Ours runs in RLlib's Algorithm, runner and Learner in
one process. CPU time of one thread; the first iteration of each run is left out, and the median of the others counts.
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when numpy and torch are first imported, below

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.report import Row, print_rows, write
from benchmarks.swarm_algorithm import NUM_UAVS, make_ours, navigate_run
from rl_cluster.config.schema import Config
from rl_cluster.environment.tasks import graph_spec
from rl_cluster.model.distributions import SquashedGaussian
from rl_cluster.model.transformer_gnn import PolicyOutput
from rl_cluster.rllib.cluster import connect
from rl_cluster.rllib.messages import without_known_messages
from rl_cluster.types import Observation

__all__ = ["main"]

NUM_WORLDS, NUM_STEPS, NUM_EPOCHS, MINIBATCH_ROWS = 128, 50, 10, 400
NUM_INPUTS, WIDTH = 34, 256
ITERATIONS, ROUNDS = 4, 3
GOAL = 1.2
PEER = Path(__file__).with_name("mappo_peer.py")


class MAPPONetwork(nn.Module):
    """BenchMARL's default networks, with the interface of `TransformerGNN`; nothing is scaled."""

    def __init__(self, run: Config) -> None:
        super().__init__()
        self.config, self.spec = run.model, graph_spec(run)
        self.actor = _make_net(NUM_INPUTS, 2 * self.spec.num_controls)
        self.critic = _make_net(NUM_INPUTS * NUM_UAVS, 1)

    def forward(self, observation: Observation[Tensor]) -> PolicyOutput:
        """Policy and values: one of the team."""
        rows = functional.pad(observation.uav, (0, NUM_INPUTS - observation.uav.shape[-1]))
        is_half = self.config.precision == "bf16"
        with torch.autocast(rows.device.type, dtype=torch.bfloat16, enabled=is_half):
            mean, log_std = self.actor(rows).float().chunk(2, dim=-1)
            value = self.critic(rows.flatten(start_dim=1)).float()
        policy = SquashedGaussian(mean, log_std.tanh(), observation.decides)
        return PolicyOutput(policy, value.expand(-1, rows.shape[1]))

    def normalise(self, value: Tensor) -> Tensor:
        """As it is."""
        return value

    def denormalise(self, value: Tensor) -> Tensor:
        """As it is."""
        return value

    def update_value_statistics(self, mean_target: Tensor, mean_square: Tensor) -> None:
        """There are none."""


def _make_net(num_inputs: int, num_outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(num_inputs, WIDTH), nn.Tanh(), nn.Linear(WIDTH, WIDTH), nn.Tanh(), nn.Linear(WIDTH, num_outputs)
    )


def _run(precision: str, num_worlds: int) -> Config:
    run = navigate_run(num_worlds)
    data = run.model_dump(mode="json")
    data["ppo"] |= {"num_epochs": NUM_EPOCHS, "minibatch_rows": MINIBATCH_ROWS}
    data["learners"]["part_rows"] = MINIBATCH_ROWS
    data["model"]["precision"] = precision
    return type(run).model_validate_json(json.dumps(data), strict=True)


def time_ours(precision: str, iterations: int) -> list[float]:
    """CPU seconds of each iteration."""
    ours = make_ours(_run(precision, NUM_WORLDS), MAPPONetwork)
    times_s = [time.process_time()]
    for _ in range(iterations):
        ours.train()
        times_s.append(time.process_time())
    ours.stop()
    return [end - begin for begin, end in itertools.pairwise(times_s)]


def time_peer(python: Path, iterations: int) -> list[float]:
    """CPU seconds of each iteration."""
    numbers = (NUM_UAVS, NUM_WORLDS, NUM_STEPS, NUM_EPOCHS, MINIBATCH_ROWS, iterations)
    command = [str(python), str(PEER), *map(str, numbers)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds: list[float] = json.loads(answer.stdout.strip().splitlines()[-1])
    return seconds


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the table, and writes it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", type=Path, required=True, help="of the environment that has BenchMARL")
    parser.add_argument("--json", type=Path, help="file to write")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    sides: dict[str, Callable[[], list[float]]] = {
        "ours": lambda: time_ours("fp32", ITERATIONS),
        "benchmarl": lambda: time_peer(options.python, ITERATIONS),
        "ours in bf16": lambda: time_ours("bf16", ITERATIONS),
    }
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    with connect("local"), without_known_messages():
        for _ in range(ROUNDS):
            for name, measure in sides.items():
                seconds[name] += measure()[1:]
    agent_steps = NUM_WORLDS * NUM_STEPS * NUM_UAVS
    rates = {name: agent_steps / statistics.median(values) for name, values in seconds.items()}
    unit = "agent-steps/CPU-s"
    rows = [
        Row.of("mlp benchmarl", rates["ours"], rates["benchmarl"], "BenchMARL MAPPO", unit, GOAL),
        Row.of("mlp benchmarl, ours in bf16", rates["ours in bf16"], rates["benchmarl"], "BenchMARL MAPPO", unit),
    ]
    print_rows("beside BenchMARL", rows)
    if options.json:
        write(options.json, rows, seconds_of_iterations=seconds)


if __name__ == "__main__":
    main()
