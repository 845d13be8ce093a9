"""An engine in one process, without Ray: the reference for correctness and the upper limit of speed."""

import math
import platform
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from rl_cluster.config.schema import Config
from rl_cluster.errors import ClusterError
from rl_cluster.learning.batch import make_train_batch
from rl_cluster.learning.update import Updater
from rl_cluster.metrics.monitor import Monitor, RunnerReport
from rl_cluster.metrics.node import NodeReader, NodeReading, node_metrics
from rl_cluster.metrics.phases import IterationTimes
from rl_cluster.metrics.record import experience_of, iteration_metrics, joined_experience
from rl_cluster.model.compiling import compile_blocks
from rl_cluster.model.transformer_gnn import TransformerGNN
from rl_cluster.sampling.network import make_model
from rl_cluster.sampling.rollout import Rollout, make_rollout
from rl_cluster.training.engine import EngineState, EngineStatus
from rl_cluster.training.learner_report import learner_report
from rl_cluster.types import Controls

__all__ = ["LocalEngine", "check_own_gpus"]

HERE = platform.node()
"""Name of this machine."""


def check_own_gpus(config: Config) -> None:
    """Raises ClusterError if this process is to update on more GPUs than it has."""
    needed, available = math.ceil(config.learners.gpus_per_learner), torch.cuda.device_count()
    if needed > available:
        what = f"needed {needed} GPUs in this process, available {available}"
        remedy = f"set learners.gpus_per_learner={available}, or train on a node with as many"
        raise ClusterError("learners", what, remedy)


class _Parts(NamedTuple):
    """The parts that an engine trains with. A restart makes all of them again."""

    model: TransformerGNN
    updater: Updater
    rollouts: list[Rollout]
    """one for each env runner"""
    monitor: Monitor


def _make_parts(config: Config) -> _Parts:
    device = torch.device("cuda" if config.learners.gpus_per_learner > 0 else "cpu")
    model = make_model(config)
    model.to(device)
    compile_blocks(model)
    learners = config.learners
    updater = Updater(
        model,
        config.ppo,
        device,
        learners.part_rows,
        learners.memory_share,
        empty_cache_share=learners.empty_cache_share,
    )
    num_runners = max(1, config.sampling.num_env_runners)
    return _Parts(model, updater, [make_rollout(config, runner, model) for runner in range(num_runners)], Monitor())


class LocalEngine:
    """Runs the env runners in turn, then the update, in this process, with one torch thread per learner CPU.

    Raises ClusterError if it is to update on a GPU that is not there.
    """

    def __init__(self, config: Config) -> None:
        check_own_gpus(config)
        self.config = config
        torch.set_num_threads(max(1, int(config.learners.cpus_per_learner)))
        self._parts = _make_parts(config)
        self._reader = NodeReader(HERE)
        self._status, self._read_s = EngineStatus([self._reader.read()]), time.monotonic()

    def iterate(self, iteration: int, controls: Controls) -> dict[str, float]:
        """One round of sampling and updating."""
        config, parts, start_s = self.config, self._parts, time.perf_counter()
        for rollout in parts.rollouts:
            rollout.set_mix(controls.mix)
        fragments = [rollout.sample(config.sampling.fragment_steps, iteration) for rollout in parts.rollouts]
        sampled_s = time.perf_counter()
        batch = make_train_batch(fragments, config.ppo)
        batched_s = time.perf_counter()
        learner = parts.updater.update(batch, controls, config.seed, iteration)
        end_s = time.perf_counter()
        seconds = sum((Counter(fragment.seconds) for fragment in fragments), Counter[str]())
        experience = joined_experience([experience_of(fragment) for fragment in fragments])
        times = IterationTimes(end_s - start_s, 0.0, sampled_s - start_s, end_s - sampled_s)
        update = learner_report(parts.updater, batched_s - sampled_s, end_s - batched_s, "0", HERE)
        runners = [RunnerReport("0", HERE, seconds)]
        self._status = EngineStatus(self._read_node(), runners)
        return {
            **iteration_metrics(experience, learner, times.sampling_s, times.learning_s, config.ppo.num_epochs),
            **parts.monitor.note(times, runners, [update]),
            **node_metrics(self._status.nodes),
        }

    def _read_node(self) -> Sequence[NodeReading]:
        """The reading of this machine, taken again if the last one is old enough."""
        if time.monotonic() - self._read_s < self.config.monitoring.node_interval_s:
            return self._status.nodes
        self._read_s = time.monotonic()
        return [self._reader.read()]

    def status(self) -> EngineStatus:
        """The status of this machine."""
        return self._status

    def tell(self, status: dict[str, Any]) -> None:
        """Does nothing: there is no cluster."""

    def model(self) -> TransformerGNN:
        """The network being trained."""
        return self._parts.model

    def state(self) -> EngineState:
        """Copies of weights, optimizer and worlds."""
        weights = {name: tensor.detach().clone() for name, tensor in self._parts.model.state_dict().items()}
        arrays = {
            f"runner{index}/{name}": np.asarray(array)
            for index, rollout in enumerate(self._parts.rollouts)
            for name, array in rollout.state_dict().items()
        }
        return EngineState(weights, self._parts.updater.state_dict(), arrays)

    def load_state(self, state: EngineState) -> None:
        """Puts weights, optimizer and worlds back."""
        self._parts.model.load_state_dict(state.weights)
        self._parts.updater.load_state_dict(state.optimizer)
        for index, rollout in enumerate(self._parts.rollouts):
            prefix = f"runner{index}/"
            rollout.load_state_dict(
                {name.removeprefix(prefix): array for name, array in state.arrays.items() if name.startswith(prefix)}
            )

    def restart(self) -> None:
        """Starts again, untrained."""
        self._parts = _make_parts(self.config)

    def close(self) -> None:
        """Does nothing: the engine has started nothing."""
