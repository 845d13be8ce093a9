"""A network of your own: a plain MLP over a UAV's own row and its candidates. No UAV sees another one.

PPO trains it as it trains the network of the package, with teams of any size. The checkpoint names the task `alone`, by
which it finds its network again. `my_task/` shows the same as a package to install.
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

SETTINGS = """\
base: dev
name: alone
task: alone
"""


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
    settings = Path(sys.argv[1]).with_suffix(".yaml")  # beside the run folder, which train makes
    settings.write_text(SETTINGS, encoding="utf-8")
    rl_cluster.register_task(
        replace(ALLOCATE, name="alone", settings=AloneConfig, preset=str(settings), make_network=Alone)
    )
    config = rl_cluster.load_config("alone", sys.argv[2:])  # key=value settings may follow the folder
    run = rl_cluster.train(config, out=sys.argv[1])
    network = run.policy().model
    print(type(network).__name__, "has", sum(weights.numel() for weights in network.parameters()), "weights")
    print(rl_cluster.evaluate(run, episodes=20))
