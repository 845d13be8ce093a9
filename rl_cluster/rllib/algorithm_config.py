"""A run's config in RLlib's terms, with replacements for RLlib's unsuitable defaults.

A comment says why each setting beyond the run's own is set. The base is AlgorithmConfig, not RLlib's PPOConfig:
`learning/update.py` does the update, so there is no second set of PPO constants that could disagree with it.
"""

import importlib
import logging
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Self

from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
from ray.rllib.callbacks.callbacks import RLlibCallback
from ray.rllib.core.learner.learner_group import LearnerGroup
from ray.rllib.core.rl_module.rl_module import RLModuleSpec
from ray.rllib.utils import force_list
from ray.util.placement_group import PlacementGroup

from rl_cluster.config.schema import Config
from rl_cluster.environment.faces.spaces import spaces_of
from rl_cluster.errors import ConfigError
from rl_cluster.rllib.callbacks import refuse_episode_hooks
from rl_cluster.rllib.connector import FragmentsToTrainBatch
from rl_cluster.rllib.env_runner import SwarmEnvRunner
from rl_cluster.rllib.learner import SwarmLearner
from rl_cluster.rllib.rl_module import SwarmRLModule
from rl_cluster.rllib.run_settings import PRESET, SAME, has_search, parse_settings, run_from, without_effect

__all__ = ["SwarmConfig", "make_algorithm_config"]

PROBE_TIMEOUT_S = 2.0
OWN_ATTRIBUTES = {
    *("run_config", "learner_room", "preset", "given", "named", "observation_space", "action_space"),
    *("algo_class", "class", "_is_frozen", "_learner_connector"),
    *("policies", "simple_optimizer"),  # RLlib rewrites them itself
}
"""Attributes that are no settings of RLlib, or follow from the run."""


class _LearnerGroup(LearnerGroup):
    """Ends when it is told to. RLlib's also does so when it is collected.

    One that could not be made is collected when Ray has ended, and its call would connect to another Ray.
    """

    def __del__(self) -> None:
        pass


class SwarmConfig(AlgorithmConfig):
    """AlgorithmConfig with the run's own config as `run_config`, which env runners, Learners and modules read.

    `from_preset` begins one as people do with RLlib; `make_algorithm_config` makes one for an engine.
    """

    callbacks_class: Any
    run_config: Config
    learner_room: PlacementGroup | None = None
    """The Learners' placement group; None = Ray decides where they run"""
    preset: str | None = None
    """Name or file that `run_config` begins with; None = an engine has given the whole run"""
    given: Mapping[str, Any] = MappingProxyType({})
    """Dotted key -> what was given over the preset; values may be search spaces of Tune"""
    named: Mapping[str, Any] = MappingProxyType({})
    """RLlib's name -> what was given by it over all of that, once `validate` has taken it over"""

    def __init__(self, algo_class: type | None = None) -> None:
        # The module of the algorithm imports this one.
        super().__init__(algo_class or importlib.import_module("rl_cluster.rllib.algorithm").SwarmAlgorithm)

    @classmethod
    def from_preset(cls, preset: str, *overrides: str) -> Self:
        """A config to build an algorithm from, or to search from with `tune.Tuner`.

        Args:
            preset: A shipped preset or a YAML file.
            overrides: `key=value`, as on the command line.

        Raises:
            ConfigError: as from `load_config`, or the run is not one for Ray's new API stack.
        """
        given = parse_settings(overrides)
        config = cls().for_run(run_from(preset, given)).without_surprises()
        config.preset, config.given = preset, given
        return config

    def settings(self, given: Mapping[str, Any]) -> Self:
        """Sets the run's own settings, dotted key -> value. A value may be a search space of Tune.

        Raises ConfigError.
        """
        if self.preset is None:
            raise ConfigError("SwarmConfig", "has no preset to change", "begin with SwarmConfig.from_preset")
        self.given = {**self.given, **given}
        run_from(self.preset, {key: value for key, value in self.given.items() if not has_search(value)})
        return self

    def _run(self, preset: str) -> Config:
        """The run with all that was given."""
        return run_from(preset, {**self.given, **{SAME[name]: value for name, value in self.named.items()}})

    def build(self, env: Any = None, use_copy: bool = True) -> Any:
        """`build_algo`, by the name that RLlib gave it before."""
        return self.build_algo(env, use_copy)

    def get_default_rl_module_spec(self) -> RLModuleSpec:
        """The network of the run."""
        return RLModuleSpec(module_class=SwarmRLModule, model_config={"run": self.run_config})

    def get_default_learner_class(self) -> type[SwarmLearner]:
        """The Learner that calls the core's update."""
        return SwarmLearner

    def build_learner_group(
        self,
        *,
        env: Any = None,
        spaces: Any = None,
        rl_module_spec: Any = None,
        placement_group: PlacementGroup | None = None,
    ) -> LearnerGroup:
        """The Learners, in the room that is reserved for them."""
        spec = rl_module_spec or self.get_multi_rl_module_spec(env=env, spaces=spaces)
        return _LearnerGroup(config=self.copy(), module_spec=spec, placement_group=placement_group or self.learner_room)

    def to_dict(self) -> dict[str, Any]:
        """The preset and what differs from it: a parameter space for Tune, from which `update_from_dict` makes this."""
        if self.preset is None:
            whole: dict[str, Any] = super().to_dict()
            return whole
        return {PRESET: self.preset, **self.given, **self.named, **self._changed()}

    def update_from_dict(self, config_dict: Mapping[str, Any]) -> Self:
        """Takes `preset`, our dotted settings, and RLlib's own names.

        Raises ConfigError for a key that is neither, or if there is no preset to begin with.
        """
        given = {key: value for key, value in config_dict.items() if not self._is_rllibs(key)}
        rllibs = {key: value for key, value in config_dict.items() if self._is_rllibs(key)}
        preset = given.pop(PRESET, self.preset)
        if given and preset is None:
            remedy = "name one beside them: {'preset': 'quick_demo', ..}"
            raise ConfigError("param_space", f"{next(iter(given))} stands without a preset", remedy)
        if preset is not None and (given or PRESET in config_dict):
            self.preset, self.given = preset, {**self.given, **given}
            self.for_run(self._run(preset)).without_surprises()
        return super().update_from_dict(rllibs)

    def _is_rllibs(self, key: str) -> bool:
        """Whether a key of a parameter space is RLlib's, or one that Tune adds for itself."""
        return key.startswith("__") or self._translate_special_keys(key, warn_deprecated=False) in vars(self)

    def _changed(self) -> dict[str, Any]:
        """What was set by RLlib's names since the run's own settings were taken over."""
        before = vars(type(self)().for_run(self.run_config).without_surprises())
        return {
            name: value
            for name, value in vars(self).items()
            if name not in OWN_ATTRIBUTES and (name not in before or before[name] != value)
        }

    def validate(self) -> None:
        """RLlib's checks, and ours; takes over what was set by RLlib's names into the run's settings.

        Raises:
            ConfigError: Hooks would never be called, a setting of RLlib would do nothing, or a value does not fit.
        """
        self.callbacks_class = force_list(self.callbacks_class)
        refuse_episode_hooks(self)
        if self.preset is not None and not self.in_evaluation:
            self._take_over(self._changed())
        logging.getLogger("ray.rllib").setLevel(self.log_level)  # before the checks: they explain RLlib's API stacks
        super().validate()

    def _take_over(self, changed: Mapping[str, Any]) -> None:
        if error := without_effect(changed):
            raise error
        self.named = {**self.named, **{name: value for name, value in changed.items() if name in SAME}}
        assert self.preset is not None
        self.for_run(self._run(self.preset))

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
            learner_connector=lambda _observation_space, _action_space: FragmentsToTrainBatch(run),
        )
        self.training(
            gamma=run.ppo.gamma,
            lr=_in_rllibs_form(run),
            grad_clip=run.ppo.max_grad_norm,
            train_batch_size_per_learner=run.train_batch_rows,
            num_epochs=run.ppo.num_epochs,
            minibatch_size=run.ppo.minibatch_rows,
        )
        self.evaluation(
            evaluation_interval=None,  # the run evaluates by itself
            evaluation_duration=run.training.evaluation_episodes,
        )
        self.debugging(seed=None)  # a seed reseeds the process and makes torch deterministic; our randomness is keyed
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
        )
        return self


def _in_rllibs_form(run: Config) -> float | list[list[float]]:
    """The learning rate as a number, or as a schedule: points of (time step, value). Only `controllers.py` reads ours.

    So a number that is given later differs from a schedule that begins with it.
    """
    first, last = run.ppo.lr
    return first if first == last else [[0, first], [run.training.iterations * run.train_batch_rows, last]]


def make_algorithm_config(run: Config, callbacks: Sequence[type[RLlibCallback]] = ()) -> SwarmConfig:
    """The config that builds a run's algorithm.

    Raises:
        ConfigError: a callbacks class overrides a hook of single episodes or steps.
    """
    config = SwarmConfig().for_run(run).without_surprises()
    config.callbacks(callbacks_class=list(callbacks))
    refuse_episode_hooks(config)
    return config
