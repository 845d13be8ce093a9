"""A run's config in RLlib's terms, with replacements for RLlib's unsuitable defaults.

A comment says why each setting beyond the run's own is set. The base is AlgorithmConfig, not RLlib's PPOConfig:
`learning/update.py` does the update, so there is no second set of PPO constants that could disagree with it.
"""

from collections.abc import Sequence
from typing import Any, Self

from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
from ray.rllib.callbacks.callbacks import RLlibCallback
from ray.rllib.core.learner.learner_group import LearnerGroup
from ray.rllib.core.rl_module.rl_module import RLModuleSpec
from ray.util.placement_group import PlacementGroup

from rl_cluster.config.schema import Config
from rl_cluster.environment.faces.spaces import spaces_of
from rl_cluster.rllib.callbacks import refuse_episode_hooks
from rl_cluster.rllib.connector import FragmentsToTrainBatch
from rl_cluster.rllib.env_runner import SwarmEnvRunner
from rl_cluster.rllib.learner import SwarmLearner
from rl_cluster.rllib.rl_module import SwarmRLModule

__all__ = ["SwarmConfig", "make_algorithm_config"]

PROBE_TIMEOUT_S = 2.0


class SwarmConfig(AlgorithmConfig):
    """AlgorithmConfig with the run's own config as `run_config`, which env runners, Learners and modules read."""

    run_config: Config
    learner_room: PlacementGroup | None = None
    """The Learners' placement group; None = Ray decides where they run"""

    def get_default_rl_module_spec(self) -> RLModuleSpec:
        """The network of the run."""
        return RLModuleSpec(module_class=SwarmRLModule, model_config={"run": self.run_config})

    def get_default_learner_class(self) -> type[SwarmLearner]:
        """The Learner that calls the core's update."""
        return SwarmLearner

    def build_learner_group(self, **arguments: Any) -> LearnerGroup:
        """The Learners, in the room that is reserved for them."""
        return super().build_learner_group(**{"placement_group": self.learner_room, **arguments})

    def validate(self) -> None:
        """RLlib's checks, and ours. Raises ConfigError for hooks that would never be called."""
        refuse_episode_hooks(self)
        super().validate()

    def for_run(self, run: Config) -> Self:
        """Takes over the run's settings."""
        self.run_config = run
        observation_space, action_space = spaces_of(run)
        self.environment(observation_space=observation_space, action_space=action_space)
        self.env_runners(
            env_runner_cls=SwarmEnvRunner,
            num_env_runners=run.sampling.num_env_runners,
            num_envs_per_env_runner=run.sampling.worlds_per_runner,
            rollout_fragment_length=run.sampling.fragment_steps,
            sample_timeout_s=run.sampling.timeout_s,
            num_cpus_per_env_runner=run.sampling.cpus_per_runner,  # 1 by default: two runners would fill a laptop
            num_gpus_per_env_runner=run.sampling.gpus_per_runner,
        )
        self.learners(
            num_learners=run.learners.num_learners,
            num_cpus_per_learner=run.learners.cpus_per_learner,  # "auto" asks for a CPU or for none
            num_gpus_per_learner=run.learners.gpus_per_learner,
            learner_connector=lambda _observation_space, _action_space: FragmentsToTrainBatch(run.ppo),
        )
        self.training(
            gamma=run.ppo.gamma,
            lr=run.ppo.lr[0],
            train_batch_size_per_learner=run.train_batch_rows,
            num_epochs=run.ppo.num_epochs,
            minibatch_size=run.ppo.minibatch_rows,
        )
        return self

    def without_surprises(self) -> Self:
        """Replaces RLlib's defaults that do harm here, for every run."""
        self.framework(
            "torch",
            torch_compile_learner=False,  # the switch compiles nothing in 2.60: it tests the wrong object
        )
        self.env_runners(
            create_local_env_runner=False,  # otherwise the trainer's process builds worlds that it never steps
            merge_env_runner_states=False,  # our runners have no connectors with state to merge ...
            broadcast_env_runner_states=False,  # ... or to send back; weights go out before each sample
        )
        self.learners(add_default_connectors_to_learner_pipeline=False)  # they walk through episodes step by step
        self.fault_tolerance(
            restart_failed_env_runners=True,
            delay_between_env_runner_restarts_s=2.0,  # 60 s by default, slept inside the failing actor
            env_runner_health_probe_timeout_s=PROBE_TIMEOUT_S,  # 30 s by default, for which all others would wait
        )
        self.debugging(
            log_level="ERROR",
            log_sys_usage=False,  # a thread that polls the machine's load for a result that we do not read
            seed=None,  # a seed here reseeds the process and makes torch deterministic; our randomness is keyed
        )
        return self


def make_algorithm_config(run: Config, callbacks: Sequence[type[RLlibCallback]] = ()) -> SwarmConfig:
    """The config that builds a run's algorithm, without its class.

    Raises:
        ConfigError: when it is built, if a callbacks class overrides a hook of single episodes or steps.
    """
    config = SwarmConfig().for_run(run).without_surprises()
    config.callbacks(callbacks_class=list(callbacks))
    return config
