"""An RLlib EnvRunner around a rollout: worlds in batches, fragments in columns.

`sampling/rollout.py` steps the worlds and lets a policy act in them. This module handles RLlib's side: the weights and
their number, metrics, hooks, state. RLlib's own SingleAgentEnvRunner passes one world's step after another through
Python and connectors; only its names for metrics and state are kept.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import gymnasium
import ray
import torch
from numpy.typing import NDArray
from ray.rllib.callbacks.utils import make_callback
from ray.rllib.core import COMPONENT_RL_MODULE, DEFAULT_AGENT_ID, DEFAULT_MODULE_ID
from ray.rllib.env import INPUT_ENV_SINGLE_SPACES, INPUT_ENV_SPACES
from ray.rllib.env.env_context import EnvContext
from ray.rllib.env.env_runner import EnvRunner
from ray.rllib.utils.metrics import (
    EPISODE_RETURN_MEAN,
    NUM_AGENT_STEPS_SAMPLED,
    NUM_AGENT_STEPS_SAMPLED_LIFETIME,
    NUM_ENV_STEPS_SAMPLED,
    NUM_ENV_STEPS_SAMPLED_LIFETIME,
    NUM_EPISODES,
    NUM_EPISODES_LIFETIME,
    SAMPLE_TIMER,
    WEIGHTS_SEQ_NO,
)

from rl_cluster.extension.import_path import name_module
from rl_cluster.extension.users_fault import UsersFault, telling_users_faults
from rl_cluster.metrics.record import outcome_means
from rl_cluster.model.compiling import compile_blocks
from rl_cluster.rllib.callbacks import SwarmCallback
from rl_cluster.sampling.rollout import Rollout, make_rollout
from rl_cluster.types import Fragment

__all__ = ["COMPONENT_MIX", "COMPONENT_ROLLOUT", "RunnerFragment", "SwarmEnvRunner"]

COMPONENT_MIX = "mix"
"""Key of the mixture of stages, a `StageMix` or None, in the message to an env runner."""
COMPONENT_ROLLOUT = "rollout"
"""Key of the worlds in flight in an env runner's state."""

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class RunnerFragment:
    """A fragment in place of an RLlib episode, with its runner and its length."""

    runner: int
    """Number of the env runner, from 0: the order in which fragments make up a batch"""
    fragment: Fragment

    def __len__(self) -> int:
        """The number of rows."""
        return self.fragment.num_rows

    def env_steps(self) -> int:
        """The number of rows, by RLlib's name."""
        return self.fragment.num_rows


class SwarmEnvRunner(EnvRunner):
    """Worlds i * B .. (i + 1) * B - 1 of a run for env runner number i; their episodes do not depend on the runner.

    RLlib counts remote runners from 1. Runner 0, in the trainer's process, exists only if there are no others.
    """

    _fault: UsersFault | None = None
    """Why a user's task or callback could not be made. Whoever needs them learns it: of an actor that could not be made
    Ray only says that it has died, and RLlib waits for it to come back."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.runner = max(0, self.worker_index - 1)
        if self.worker_index > 0:
            torch.set_num_threads(1)
        for kind in self.config.callbacks_class:
            name_module(kind.__module__)
        run = self.config.run_config
        self._num_steps: int = run.sampling.fragment_steps
        self._weights_seq_no = 0
        try:
            with telling_users_faults():
                self.module = self.config.get_rl_module_spec(spaces=self.get_spaces(), inference_only=True).build()
                if run.sampling.gpus_per_runner > 0:
                    self.module.to("cuda")
                compile_blocks(self.module.model)
                self._rollout = make_rollout(run, self.runner, self.module.model)
                self.env = self.rollout.worlds
                self._callbacks = [kind() for kind in self.config.callbacks_class]
                context = EnvContext({}, worker_index=self.worker_index, num_workers=self.num_workers)
                self._call_back("on_environment_created", env=self.env, env_context=context)
        except UsersFault as fault:
            if self.worker_index == 0:
                raise
            self._fault = fault

    @property
    def rollout(self) -> Rollout:
        """Steps the worlds. Raises UsersFault if they could not be made."""
        self._check()
        return self._rollout

    def _check(self) -> None:
        if self._fault:
            raise self._fault

    def sample(self, **_: Any) -> list[RunnerFragment]:
        """Samples one fragment: all worlds run for the run's `fragment_steps`, whatever number RLlib asks for."""
        with self.metrics.log_time(SAMPLE_TIMER):
            fragment = self.rollout.sample(self._num_steps, self._weights_seq_no)
        self._log(fragment)
        samples = [RunnerFragment(self.runner, fragment)]
        self._call_back("on_sample_end", samples=samples)
        if fragment.num_episodes:
            for callback in self._callbacks:
                if isinstance(callback, SwarmCallback):
                    callback.on_episodes_end(fragment.outcomes, env_runner=self, metrics_logger=self.metrics)
        return samples

    def _log(self, fragment: Fragment) -> None:
        num_agent_steps, num_episodes = fragment.num_agent_steps, fragment.num_episodes
        counts = {
            NUM_ENV_STEPS_SAMPLED: fragment.num_rows,
            (NUM_AGENT_STEPS_SAMPLED, DEFAULT_AGENT_ID): num_agent_steps,
            NUM_EPISODES: num_episodes,
        }
        lifetime_counts = {
            NUM_ENV_STEPS_SAMPLED_LIFETIME: fragment.num_rows,
            (NUM_AGENT_STEPS_SAMPLED_LIFETIME, DEFAULT_AGENT_ID): num_agent_steps,
            NUM_EPISODES_LIFETIME: num_episodes,
        }
        for key, count in counts.items():
            self.metrics.log_value(key, count, reduce="sum")
        for key, count in lifetime_counts.items():
            self.metrics.log_value(key, count, reduce="lifetime_sum")
        self.metrics.log_value(WEIGHTS_SEQ_NO, fragment.weights_version, window=1)
        if num_episodes:
            means = outcome_means(fragment.outcomes, str)
            self.metrics.log_dict({"episode": means, EPISODE_RETURN_MEAN: means["per_agent_reward"]}, window=1)

    def _call_back(self, hook: str, **arguments: Any) -> None:
        make_callback(
            hook,
            callbacks_objects=self._callbacks,
            callbacks_functions=getattr(self.config, f"callbacks_{hook}"),
            kwargs={"env_runner": self, "metrics_logger": self.metrics, **arguments},
        )

    def get_metrics(self) -> dict[str, Any]:
        """The metrics logged since the last call."""
        metrics: dict[str, Any] = self.metrics.reduce()
        return metrics

    def get_state(
        self, components: Collection[str] | None = None, *, not_components: Collection[str] | None = None, **_: Any
    ) -> dict[str, Any]:
        """Weights, their number, and the worlds in flight: those in `components`, without those in `not_components`."""
        self._check()
        parts: dict[str, Callable[[], Any]] = {
            COMPONENT_RL_MODULE: self.module.get_state,
            WEIGHTS_SEQ_NO: lambda: self._weights_seq_no,
            COMPONENT_ROLLOUT: self.rollout.state_dict,
        }
        names = (set(parts) if components is None else set(components)) - set(not_components or ())
        return {name: part() for name, part in parts.items() if name in names}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Takes the state from `get_state` or a Learner, or a part of it."""
        self._check()
        if COMPONENT_RL_MODULE in state:
            weights = state[COMPONENT_RL_MODULE]
            weights = ray.get(weights) if isinstance(weights, ray.ObjectRef) else weights
            self.module.set_state(weights.get(DEFAULT_MODULE_ID, weights))
            self._weights_seq_no = state.get(WEIGHTS_SEQ_NO, self._weights_seq_no)
        if COMPONENT_MIX in state:
            self.rollout.set_mix(state[COMPONENT_MIX])
        if COMPONENT_ROLLOUT in state:
            arrays: dict[str, NDArray[Any]] = state[COMPONENT_ROLLOUT]
            self.rollout.load_state_dict(arrays)

    def apply(self, func: Callable[..., ResultT], *args: Any, **kwargs: Any) -> ResultT:
        """Calls `func` on this runner. Its exception is raised where the result is fetched; a user's has its traceback.

        RLlib's own `apply` logs it here, sleeps, and ends the process, so that Ray restarts a runner that fails again.
        """
        with telling_users_faults():
            return func(self, *args, **kwargs)

    def get_spaces(self) -> dict[str, tuple[gymnasium.Space[Any], gymnasium.Space[Any]]]:
        """Observation and action space of one world, by RLlib's names."""
        spaces = (self.config.observation_space, self.config.action_space)
        return {INPUT_ENV_SPACES: spaces, INPUT_ENV_SINGLE_SPACES: spaces, DEFAULT_MODULE_ID: spaces}

    def assert_healthy(self) -> None:
        """Does nothing: a runner whose worlds or network could not be made does not exist."""
