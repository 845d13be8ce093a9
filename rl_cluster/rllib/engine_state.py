"""The state of an algorithm's Learners and env runners as plain values, for whoever drives the algorithm."""

from typing import Any

import numpy as np
import ray
from numpy.typing import NDArray

from rl_cluster.config.schema import Config
from rl_cluster.model.transformer_gnn import TransformerGNN
from rl_cluster.rllib.env_runner import COMPONENT_ROLLOUT
from rl_cluster.rllib.learners import Learners
from rl_cluster.rllib.runner_group import RunnerGroup
from rl_cluster.sampling.network import make_model
from rl_cluster.training.engine import EngineState

__all__ = ["load_state", "model_of", "state_of"]


def state_of(learners: Learners, runners: RunnerGroup) -> EngineState:
    """Copies of weights, optimizer, and the worlds of all env runners."""
    weights, optimizer = learners.first(lambda learner: learner.training_state())
    rollouts = runners.for_each(lambda runner: (runner.runner, runner.rollout.state_dict()))
    arrays: dict[str, NDArray[Any]] = {
        f"runner{index}/{name}": np.array(array) for index, rollout in rollouts for name, array in rollout.items()
    }
    return EngineState(weights, optimizer, arrays)


def load_state(state: EngineState, learners: Learners, runners: RunnerGroup) -> None:
    """Puts weights, optimizer and worlds back; env runners get the weights before their next sample."""
    learners.for_each(lambda learner: learner.load_training_state(state.weights, state.optimizer))
    arrays_ref = ray.put(state.arrays)

    def load_rollout(runner: Any) -> None:
        prefix = f"runner{runner.runner}/"
        own = {name: array for name, array in ray.get(arrays_ref).items() if name.startswith(prefix)}
        runner.set_state({COMPONENT_ROLLOUT: {name.removeprefix(prefix): array for name, array in own.items()}})

    runners.for_each(load_rollout)


def model_of(config: Config, learners: Learners) -> TransformerGNN:
    """A copy of the network with the current weights, on the CPU."""
    model = make_model(config)
    weights, _ = learners.first(lambda learner: learner.training_state())
    model.load_state_dict(weights)
    return model
