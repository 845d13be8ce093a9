"""A network of your own: every UAV by itself, a plain MLP over its row and its candidates, which knows nobody else.

It trains by the same PPO, and plays teams of any size. Compare it with the network of this package.
"""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

import rl_cluster
from rl_cluster.config.schema import AllocateConfig, ModelConfig
from rl_cluster.environment.allocate.task import ALLOCATE
from rl_cluster.model.distributions import MaskedCategorical
from rl_cluster.model.heads import PopArt
from rl_cluster.model.transformer_gnn import PolicyOutput
from rl_cluster.types import GraphSpec, Observation


class AloneConfig(AllocateConfig):
    """Settings of a run: those of `allocate`, under the name of the new task."""

    task: Literal["alone"]  # type: ignore[assignment]  # each task has a name of its own


class Alone(nn.Module):
    """The members that a network must have."""

    def __init__(self, config: ModelConfig, spec: GraphSpec) -> None:
        super().__init__()
        self.config, self.spec = config, spec
        self.uav = nn.Sequential(nn.Linear(spec.num_uav_features, config.width), nn.GELU())
        self.wait = nn.Linear(config.width, 1)
        self.choice = nn.Sequential(
            nn.Linear(config.width + spec.num_pair_features, config.width), nn.GELU(), nn.Linear(config.width, 1)
        )
        self.popart = PopArt(config.width)

    def forward(self, observation: Observation[Tensor]) -> PolicyOutput:
        """Logits of waiting and of each candidate, and a standardised value for each UAV."""
        uav = self.uav(observation.uav)  # (B, N, D)
        beside = uav[:, :, None].expand(*observation.pair.shape[:3], -1)
        choices = self.choice(torch.cat([beside, observation.pair], dim=3))[..., 0]  # (B, N, C)
        logits = torch.cat([self.wait(uav), choices], dim=2)
        return PolicyOutput(MaskedCategorical(logits, observation.action_mask), self.popart(uav).float())

    def normalise(self, value: Tensor) -> Tensor:
        """Values in reward units -> standardised values."""
        return self.popart.normalise(value)

    def denormalise(self, value: Tensor) -> Tensor:
        """Standardised values -> values in reward units."""
        return self.popart.denormalise(value)

    def update_value_statistics(self, mean_target: Tensor, mean_square: Tensor) -> None:
        """Adds value targets to the running statistics."""
        self.popart.update_statistics(mean_target, mean_square)


if __name__ == "__main__":
    settings = Path(sys.argv[1]).with_suffix(".yaml")
    settings.write_text("base: dev\nname: alone\ntask: alone\n", encoding="utf-8")
    task = replace(ALLOCATE, name="alone", settings=AloneConfig, preset=str(settings), make_network=Alone)
    rl_cluster.register_task(task)
    run = rl_cluster.train(rl_cluster.load_config("alone", sys.argv[2:]), out=sys.argv[1])
    print(type(run.policy().model).__name__, "has", sum(p.numel() for p in run.policy().model.parameters()), "weights")
    print(rl_cluster.evaluate(run, episodes=20))
