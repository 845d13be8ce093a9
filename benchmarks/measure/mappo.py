"""Compares whole iterations with BenchMARL's MAPPO on VMAS, with equal rows, epochs, minibatches and network widths.

    make bench-benchmarl [QUICK=1] [JSON=FILE]   # builds the peer's environment, and runs both sides in turn
    python -m benchmarks.measure.mappo --python PYTHON [--quick] [--json FILE]

Both sides have a swarm of 8, 128 worlds, 50 steps, 10 epochs of minibatches of 400 graphs, an actor of 256-256 tanh
over each UAV's own row of 34 numbers (ours has 18, the rest are zeros), and a central critic of 256-256, in fp32. Ours
also runs in bf16. Rows `gnn ...` compare BenchMARL's GNN (GraphConv over all pairs, then an MLP of 256, in actor and
critic) with the TransformerGNN `small`. These networks share nothing except their purpose, so the ratio has no goal.
The worlds differ: VMAS's simple_spread there, `navigate` here. Ours runs in RLlib's Algorithm, with runner and Learner
in one process. Rates count CPU time of one thread: the median of all iterations of a run except the first.
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when numpy and torch are first imported, below

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.report import Row, finish
from benchmarks.swarm_algorithm import NUM_UAVS, make_ours, navigate_run
from benchmarks.warm_up import warm_up
from rl_cluster.config.schema import Config
from rl_cluster.environment.tasks import graph_spec
from rl_cluster.model.distributions import SquashedGaussian
from rl_cluster.model.transformer_gnn import PolicyOutput
from rl_cluster.rllib.cluster import connect
from rl_cluster.rllib.messages import without_known_messages
from rl_cluster.types import Observation

__all__ = ["ROWS", "main"]

NUM_WORLDS, NUM_STEPS, NUM_EPOCHS, MINIBATCH_ROWS = 128, 50, 10, 400
NUM_INPUTS, WIDTH = 34, 256
ITERATIONS, QUICK_ITERATIONS = 4, 2
ROUNDS = {"mlp": 3, "gnn": 1}
"""Network -> how often both sides are measured in turn"""
QUICK_ROUNDS = dict.fromkeys(ROUNDS, 1)
GOAL = 1.2
SIDES = {"fp32": "benchmarl", "bf16": "benchmarl, ours in bf16"}
"""Our precision -> the rest of the row's name, after the network"""
ROWS = tuple(f"{network} {name}" for network in ROUNDS for name in SIDES.values())
PEER = Path(__file__).parents[1] / "peers" / "mappo_peer.py"


class MAPPONetwork(nn.Module):
    """BenchMARL's default networks, with the interface of `TransformerGNN`; nothing is scaled."""

    def __init__(self, run: Config) -> None:
        super().__init__()
        self.config, self.spec = run.model, graph_spec(run)
        self.actor = _make_net(NUM_INPUTS, 2 * self.spec.num_controls)
        self.critic = _make_net(NUM_INPUTS * NUM_UAVS, 1)

    def forward(self, observation: Observation[Tensor]) -> PolicyOutput:
        """Policy, and values, of which the team has one."""
        rows = functional.pad(observation.uav, (0, NUM_INPUTS - observation.uav.shape[-1]))
        is_half = self.config.precision == "bf16"
        with torch.autocast(rows.device.type, dtype=torch.bfloat16, enabled=is_half):
            mean, log_std = self.actor(rows).float().chunk(2, dim=-1)
            value = self.critic(rows.flatten(start_dim=1)).float()
        policy = SquashedGaussian(mean, log_std.tanh(), observation.decides)
        return PolicyOutput(policy, value.expand(-1, rows.shape[1]))

    def normalise(self, value: Tensor) -> Tensor:
        """Returns the value unchanged."""
        return value

    def denormalise(self, value: Tensor) -> Tensor:
        """Returns the value unchanged."""
        return value

    def update_value_statistics(self, mean_target: Tensor, mean_square: Tensor) -> None:
        """Does nothing: these networks keep no statistics."""


def _make_net(num_inputs: int, num_outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(num_inputs, WIDTH), nn.Tanh(), nn.Linear(WIDTH, WIDTH), nn.Tanh(), nn.Linear(WIDTH, num_outputs)
    )


def _run(precision: str, num_encounters: int) -> Config:
    run = navigate_run(NUM_WORLDS, num_encounters=num_encounters)
    data = run.model_dump(mode="json")
    data["ppo"] |= {"num_epochs": NUM_EPOCHS, "minibatch_rows": MINIBATCH_ROWS}
    data["learners"]["part_rows"] = MINIBATCH_ROWS
    data["model"]["precision"] = precision
    return type(run).model_validate_json(json.dumps(data), strict=True)


def time_ours(network: str, precision: str, iterations: int) -> list[float]:
    """CPU seconds of each iteration: with BenchMARL's networks, or with the TransformerGNN, which sees encounters."""
    run = _run(precision, 1 if network == "mlp" else NUM_UAVS)
    ours = make_ours(run, MAPPONetwork if network == "mlp" else None)
    times_s = [time.process_time()]
    for _ in range(iterations):
        ours.train()
        times_s.append(time.process_time())
    ours.stop()
    return [end - begin for begin, end in itertools.pairwise(times_s)]


def time_peer(python: Path, network: str, iterations: int) -> list[float]:
    """CPU seconds of each iteration."""
    numbers = (NUM_UAVS, NUM_WORLDS, NUM_STEPS, NUM_EPOCHS, MINIBATCH_ROWS, iterations)
    command = [str(python), str(PEER), network, *map(str, numbers)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds: list[float] = json.loads(answer.stdout.strip().splitlines()[-1])
    return seconds


def make_rows(network: str, seconds: dict[str, list[float]]) -> Iterator[Row]:
    """Rows that compare ours with BenchMARL, in fp32 and in bf16."""
    agent_steps = NUM_WORLDS * NUM_STEPS * NUM_UAVS
    rates = {name: agent_steps / statistics.median(values) for name, values in seconds.items()}
    for side, name in SIDES.items():
        goal = GOAL if (network, side) == ("mlp", "fp32") else None
        ours, peer = rates[f"{network} ours {side}"], rates[f"{network} benchmarl"]
        yield Row.of(f"{network} {name}", ours, peer, "BenchMARL MAPPO", "agent-steps/CPU-s", goal)


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the table, and writes it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", type=Path, required=True, help="of the environment that has BenchMARL")
    parser.add_argument("--quick", action="store_true", help="one round of one iteration after the first")
    parser.add_argument("--json", type=Path, help="file to write")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    all_rounds, iterations = (QUICK_ROUNDS, QUICK_ITERATIONS) if options.quick else (ROUNDS, ITERATIONS)
    warm_up(_run("fp32", 1))
    seconds: dict[str, list[float]] = {}
    with connect("local"), without_known_messages():
        for network, rounds in all_rounds.items():
            for _ in range(rounds):
                for side in SIDES:
                    seconds.setdefault(f"{network} ours {side}", []).extend(time_ours(network, side, iterations)[1:])
                peer = time_peer(options.python, network, iterations)[1:]
                seconds.setdefault(f"{network} benchmarl", []).extend(peer)
    rows = [row for network in ROUNDS for row in make_rows(network, seconds)]
    finish("compared with BenchMARL", rows, ROWS, options.json, seconds_of_iterations=seconds)


if __name__ == "__main__":
    main()
