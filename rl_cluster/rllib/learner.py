"""An RLlib Learner around `learning/update.py`: all epochs and minibatches of an iteration in one call.

The optimizer is the Updater's own, registered with RLlib so that it is part of the Learner's state. No loss, gradient
or clipping happens here: RLlib's would re-apply a fixed learning rate, and step once more for a leftover minibatch.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import ray
import torch
from ray.rllib.core import ALL_MODULES, COMPONENT_RL_MODULE, DEFAULT_MODULE_ID
from ray.rllib.core.learner.torch.torch_learner import TorchLearner
from ray.rllib.core.learner.training_data import TrainingData
from ray.rllib.utils.metrics import NUM_ENV_STEPS_TRAINED, NUM_ENV_STEPS_TRAINED_LIFETIME
from torch import Tensor

from rl_cluster.config.schema import Config
from rl_cluster.extension.users_fault import telling_users_faults
from rl_cluster.learning.ranks import find_ranks
from rl_cluster.learning.update import Updater
from rl_cluster.metrics.monitor import LearnerReport
from rl_cluster.model.compiling import compile_blocks
from rl_cluster.model.transformer_gnn import TransformerGNN
from rl_cluster.rllib.connector import ITERATION
from rl_cluster.rllib.env_runner import RunnerFragment
from rl_cluster.rllib.node_monitor import node_name
from rl_cluster.rllib.ticket import Share, fetch
from rl_cluster.training.learner_report import learner_report
from rl_cluster.types import Controls

__all__ = ["STATISTICS", "StoredWeights", "SwarmLearner", "Updated", "num_bytes_of"]

STATISTICS = (DEFAULT_MODULE_ID, "update")
"""Key of the Updater's statistics in a Learner's results, beside RLlib's own."""


class Updated(NamedTuple):
    """A Learner's answer to an update."""

    results: dict[str, Any]
    """RLlib's"""
    report: LearnerReport


class StoredWeights(NamedTuple):
    """Weights that the trainer passes on without holding them."""

    ref: "ray.ObjectRef[dict[str, Any]]"
    num_bytes: int


def num_bytes_of(weights: Mapping[str, Any]) -> int:
    """Bytes of a module's weights, by RLlib's names."""
    return sum(np.asarray(weight).nbytes for weight in weights.get(DEFAULT_MODULE_ID, weights).values())


class SwarmLearner(TorchLearner):
    """Trains a run's network, in the trainer's process or in an actor; several Learners act as one."""

    _run: Config
    _model: TransformerGNN
    _updater: Updater
    _seconds: tuple[float, float]
    """Seconds of the last update: to make the batch, and to learn from it."""
    _fetched: Sequence[RunnerFragment] = ()
    """What the next update learns from."""

    def build(self) -> None:
        """Builds connector, network and optimizer. Torch gets as many threads as the Learner has whole CPUs."""
        self._run = self.config.run_config
        torch.set_num_threads(max(1, int(self._run.learners.cpus_per_learner)))
        with telling_users_faults():
            super().build()

    def configure_optimizers_for_module(self, module_id: str, config: Any = None) -> None:  # noqa: ARG002 - RLlib's signature
        """Registers the Updater's optimizer without an RLlib schedule, because the Updater sets the learning rate."""
        module = self.module[module_id]
        self._model = module.model
        learners = self._run.learners
        ranks = find_ranks(self.device, learners.timeout_s)
        compile_blocks(module.model)
        self._updater = Updater(
            module.model,
            self._run.ppo,
            self.device,
            learners.part_rows,
            learners.memory_share,
            ranks,
            empty_cache_share=learners.empty_cache_share,
        )
        self.register_optimizer(
            module_id=module_id, optimizer=self._updater.optimizer, params=self.get_parameters(module)
        )

    def _make_modules_ddp_if_necessary(self) -> None:
        """Leaves modules as they are: the Updater sums gradients over the Learners, once per minibatch."""

    def update(self, *, training_data: TrainingData, controls: Controls, iteration: int, **_: Any) -> dict[str, Any]:
        """Updates on the fragments of iteration `iteration`; `**_` are RLlib's own minibatch settings."""
        begin_s = time.perf_counter()
        batch = self._learner_connector(
            rl_module=self.module,
            batch={},
            episodes=training_data.episodes,
            shared_data={ITERATION: iteration},
            metrics=self.metrics,
        )[DEFAULT_MODULE_ID]
        batch_s = time.perf_counter()
        statistics = self._updater.update(batch, controls, self._run.seed, iteration)
        self._seconds = batch_s - begin_s, time.perf_counter() - batch_s
        self._weights_seq_no = iteration + 1
        self.metrics.log_dict(statistics, key=STATISTICS, window=1)
        self.metrics.log_value((ALL_MODULES, NUM_ENV_STEPS_TRAINED), batch.num_rows, reduce="sum")
        self.metrics.log_value((ALL_MODULES, NUM_ENV_STEPS_TRAINED_LIFETIME), batch.num_rows, reduce="lifetime_sum")
        results: dict[str, Any] = self.metrics.reduce()
        return results

    def fetch(self, shares: Sequence[Share]) -> list[int]:
        """Takes the columns of the next update from where they are; returns the numbers of lost tickets."""
        self._fetched = ()
        # Half of the limit, so that the trainer, which waits for this answer, does not take this Learner for lost. A
        # runner that hangs never says where its columns are.
        limit_s = min(self._run.learners.timeout_s / 2, self._run.sampling.timeout_s)
        self._fetched, lost = fetch(shares, limit_s)
        return lost

    def report_update(self, controls: Controls, iteration: int) -> Updated:
        """Updates on what was fetched, lets go of it, and reports. Raises UsersFault for an error in a user module."""
        data, self._fetched = TrainingData(episodes=list(self._fetched)), ()
        with telling_users_faults():
            results = self.update(training_data=data, controls=controls, iteration=iteration)
        rank = torch.distributed.get_rank() if torch.distributed.is_initialized() else 0
        return Updated(results, learner_report(self._updater, *self._seconds, str(rank), node_name()))

    def acting_weights(self) -> dict[str, Any]:
        """The weights that env runners need."""
        state: dict[str, Any] = self.get_state(components=COMPONENT_RL_MODULE, inference_only=True)
        weights: dict[str, Any] = state[COMPONENT_RL_MODULE]
        return weights

    def stored_weights(self) -> "StoredWeights":
        """The same in this node's object store, from where env runners fetch them."""
        weights = self.acting_weights()
        return StoredWeights(ray.put(weights), num_bytes_of(weights))

    def training_state(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Copies of weights and optimizer state, on the CPU, by the core's names."""
        weights = {name: tensor.detach().cpu().clone() for name, tensor in self._model.state_dict().items()}
        return weights, self._updater.state_dict()

    def load_training_state(self, weights: dict[str, Tensor], optimizer: dict[str, Tensor]) -> None:
        """Continues from `training_state`."""
        self._model.load_state_dict(weights)
        self._updater.load_state_dict(optimizer)

    def compute_loss_for_module(self, **_: Any) -> Tensor:
        """RLlib requires this method; `update` never calls it."""
        raise NotImplementedError("the loss is learning/ppo.py's, called by learning/update.py")
