"""The hooks that call a user's code while a run samples and trains, and the hooks that are refused.

RLlib's hooks work as documented, except those for single episodes and steps: B worlds advance in one call, so there is
no moment between one world's step and the next. `on_episodes_end` replaces them, once per sample, with arrays.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
from ray.rllib.callbacks.callbacks import RLlibCallback
from ray.rllib.env.env_runner import EnvRunner
from ray.rllib.utils import force_list
from ray.rllib.utils.metrics.metrics_logger import MetricsLogger

from rl_cluster.errors import ConfigError

__all__ = ["SwarmCallback", "refuse_episode_hooks"]

EPISODE_HOOKS = ("on_episode_created", "on_episode_start", "on_episode_step", "on_episode_end")


class SwarmCallback(RLlibCallback):
    """RLlib's callbacks, with a hook for the episodes that ended."""

    def on_episodes_end(
        self, outcomes: Mapping[str, NDArray[np.float64]], *, env_runner: EnvRunner, metrics_logger: MetricsLogger
    ) -> None:
        """Called in the env runner after each sample in which episodes ended.

        Args:
            outcomes: episode metric -> (E,) values of the episodes that ended (`outcome.py` of the task names them).
            env_runner: the runner that sampled.
            metrics_logger: takes values for RLlib's result under `env_runners/`.
        """


def refuse_episode_hooks(config: AlgorithmConfig) -> None:
    """Refuses hooks for single episodes and steps, which would never be called.

    Raises:
        ConfigError: a callbacks class overrides one of them, or a function is given for one.
    """
    kinds = force_list(config.callbacks_class)
    for hook in EPISODE_HOOKS:
        classes = [kind.__name__ for kind in kinds if getattr(kind, hook) is not getattr(RLlibCallback, hook)]
        if classes or getattr(config, f"callbacks_{hook}"):
            raise ConfigError(
                f"callbacks {', '.join(classes) or hook}",
                f"{hook} is never called, because worlds advance in batches",
                "override SwarmCallback.on_episodes_end(outcomes, env_runner=..., metrics_logger=...) instead",
            )
