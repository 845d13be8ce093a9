"""Measures what the distance bias of the attention is worth, against no bias and a richer one.

    python -m benchmarks.measure.ablation [--quick] [--json FILE]

    none     no distance: attention by content alone
    squared  ours: -s_h |x_i - x_j|^2, which folds into the inner product
    radial   squared, and four functions of the distance d with learned weights for each head and block:
             d, e^-d, e^-4d, e^-d^2. It needs an S x S x H tensor.

All networks train on `quick_demo` without Ray, with the same seeds, episodes and number of updates. They are scored
(argmax) on the same held-out episodes. Differences are paired by episode and averaged over seeds.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when numpy and torch are first imported, below

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.report import Row, finish
from benchmarks.warm_up import warm_up
from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config, ModelConfig
from rl_cluster.environment.tasks import graph_spec, make_source
from rl_cluster.evaluation.intervals import paired_difference
from rl_cluster.evaluation.ladder import rung_config
from rl_cluster.learning.batch import make_train_batch
from rl_cluster.learning.update import Updater
from rl_cluster.model.attention import NeighbourAttention
from rl_cluster.model.attention_backend import Neighbourhood
from rl_cluster.model.dense_attention import DenseNeighbourhood, make_dense_neighbourhood
from rl_cluster.model.transformer_gnn import TransformerGNN
from rl_cluster.sampling.episodes import ModelPolicy, evaluate
from rl_cluster.sampling.rollout import make_rollout
from rl_cluster.schedulers.learning_rate import schedule
from rl_cluster.types import GraphSpec, Observation

__all__ = ["ROWS", "main"]

BIASES = ("squared", "none", "radial")
SEEDS = (0, 1)
ITERATIONS, QUICK_ITERATIONS = 100, 1
EVALUATION_SEED = 2000
TEAMS = (8, 64)
UAV_EPISODES = 3200
CASES = [(bias, num_uavs) for bias in BIASES[1:] for num_uavs in TEAMS]
ROWS = tuple(f"{bias}, {num_uavs} UAVs" for bias, num_uavs in CASES)
NCS = "normalized_completion_score"


class WithoutBias(NamedTuple):
    """A `Neighbourhood` that ignores distances."""

    log_num_keys_BS11: Tensor
    inner: DenseNeighbourhood

    def attend(self, query_BSHd: Tensor, key_value_BS2Hd: Tensor, slope_H: Tensor) -> Tensor:
        """As `Neighbourhood.attend`, with slopes of 0."""
        return self.inner.attend(query_BSHd, key_value_BS2Hd, 0.0 * slope_H)


class WithRadial(NamedTuple):
    """A `Neighbourhood` that also hands out functions of the distances."""

    log_num_keys_BS11: Tensor
    inner: DenseNeighbourhood
    radial_BSK4: Tensor

    def attend(self, query_BSHd: Tensor, key_value_BS2Hd: Tensor, slope_H: Tensor) -> Tensor:
        """As `Neighbourhood.attend`."""
        return self.inner.attend(query_BSHd, key_value_BS2Hd, slope_H)


class RadialAttention(NeighbourAttention):
    """Attention with learned weights for the functions of distance."""

    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__(width, num_heads)
        self.radial_H4 = nn.Parameter(torch.zeros(num_heads, 4))

    def forward(self, x_BSD: Tensor, graph: Neighbourhood) -> Tensor:
        """(B, S, D)."""
        assert isinstance(graph, WithRadial)
        bias_BHSK = (graph.radial_BSK4 @ self.radial_H4.T).permute(0, 3, 1, 2)
        mask_BHSK = graph.inner.mask_B1SK + bias_BHSK
        return super().forward(x_BSD, graph._replace(inner=graph.inner._replace(mask_B1SK=mask_BHSK)))


class AblatedGNN(TransformerGNN):
    """Our network with one of the biases."""

    def __init__(self, config: ModelConfig, spec: GraphSpec, bias: str) -> None:
        super().__init__(config, spec)
        self.bias = bias
        if bias == "radial":
            for block in self.blocks:
                radial = RadialAttention(config.width, config.num_heads)
                radial.load_state_dict(block.get_submodule("attention").state_dict(), strict=False)
                block.attention = radial

    def neighbourhood(self, observation: Observation[Tensor]) -> Neighbourhood:
        """The dense graph, with the bias of this network."""
        dense = make_dense_neighbourhood(observation)
        if self.bias == "none":
            return WithoutBias(dense.log_num_keys_BS11, dense)
        if self.bias == "radial":
            return WithRadial(dense.log_num_keys_BS11, dense, _radial(observation.position, dense.entity_of_key_K))
        return dense


def _radial(position_BS2: Tensor, entity_of_key_K: Tensor) -> Tensor:
    key_BK2 = position_BS2.index_select(1, entity_of_key_K)
    distance_BSK = functional.pairwise_distance(position_BS2.unsqueeze(2), key_BK2.unsqueeze(1), eps=1e-3)
    functions = (distance_BSK, (-distance_BSK).exp(), (-4.0 * distance_BSK).exp(), (-distance_BSK.square()).exp())
    return torch.stack(functions, dim=-1)


def train(config: Config, bias: str) -> TransformerGNN:
    """The network after all iterations of the config, without Ray."""
    torch.manual_seed(config.seed)
    model = AblatedGNN(config.model, graph_spec(config), bias)
    rollout = make_rollout(config, 0, model)
    updater = Updater(model, config.ppo, torch.device("cpu"))
    for iteration in range(config.training.iterations):
        batch = make_train_batch([rollout.sample(config.sampling.fragment_steps, iteration)], config.ppo)
        progress = iteration / config.training.iterations
        updater.update(batch, schedule(config.ppo, progress), config.seed, iteration)
        if iteration % 10 == 0:
            print(f"{bias}, seed {config.seed}: iteration {iteration}", file=sys.stderr, flush=True)
    return model


def scores(model: TransformerGNN, config: Config, num_uavs: int, uav_episodes: int) -> NDArray[np.float64]:
    """NCS of every episode at constant density."""
    rung = rung_config(config, num_uavs, "constant density")
    assert rung, "at constant density there is room for any team"
    source = make_source(rung, EVALUATION_SEED, is_training=False)
    return evaluate(ModelPolicy(model, "argmax"), source, rung, max(2, uav_episodes // num_uavs))[NCS]


def rows_of(iterations: int, uav_episodes: int) -> Iterator[Row]:
    """Rows that compare ours with the other biases, at every team size."""
    played: dict[tuple[str, int], list[NDArray[np.float64]]] = {}
    for bias in BIASES:
        for seed in SEEDS:
            config = load_config("quick_demo", [f"seed={seed}", f"training.iterations={iterations}", "engine=local"])
            model = train(config, bias)
            for num_uavs in TEAMS:
                played.setdefault((bias, num_uavs), []).append(scores(model, config, num_uavs, uav_episodes))
    for row, (bias, num_uavs) in zip(ROWS, CASES, strict=True):
        ours, theirs = (np.mean(played[name, num_uavs], axis=0) for name in ("squared", bias))
        gap = paired_difference(ours, theirs)
        interval = f"{gap.mean:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}]"
        yield Row.of(row, ours.mean(), theirs.mean(), bias, f"NCS, difference {interval}")


def main() -> None:
    """Trains, scores, prints, writes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--quick",
        action="store_true",
        help="one iteration, within a minute: says that it runs, its scores say nothing",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warm_up(load_config("quick_demo"))
    rows = list(rows_of(QUICK_ITERATIONS, 64) if arguments.quick else rows_of(ITERATIONS, UAV_EPISODES))
    finish(f"Distance bias, {len(SEEDS)} seeds", rows, ROWS, arguments.json)


if __name__ == "__main__":
    main()
