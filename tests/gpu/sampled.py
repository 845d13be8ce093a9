"""What tests of a GPU learn from: a batch that a small network has sampled in real worlds, on the CPU."""

from typing import NamedTuple

import torch

from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.learning.batch import TrainBatch, make_train_batch
from rl_cluster.learning.update import Updater
from rl_cluster.model.transformer_gnn import TransformerGNN
from rl_cluster.sampling.network import make_model
from rl_cluster.sampling.rollout import make_rollout
from rl_cluster.schedulers.learning_rate import schedule
from tests.conftest import TINY

__all__ = ["Updated", "sample", "settings", "update"]


def settings(*more: str) -> Config:
    """Two worlds of two or three UAVs, a network of width 8, one epoch of one minibatch."""
    return load_config("debug", [*TINY, "generator.num_targets=[2, 3]", "ppo.num_epochs=1", *more])


class Updated(NamedTuple):
    """A network after an update."""

    model: TransformerGNN
    statistics: dict[str, float]
    updater: Updater


def sample(config: Config) -> TrainBatch:
    """One iteration's batch of the untrained network."""
    fragment = make_rollout(config, 0, make_model(config).eval()).sample(config.sampling.fragment_steps)
    return make_train_batch([fragment], config.ppo)


def update(config: Config, batch: TrainBatch, device: torch.device, part_rows: int, share: float = 1.0) -> Updated:
    """One update of the untrained network."""
    model = make_model(config).to(device)
    updater = Updater(model, config.ppo, device, part_rows, share)
    return Updated(model, updater.update(batch, schedule(config.ppo, 0.0), config.seed, 0), updater)
