"""Where a user's code is called while a run samples and trains, and what is refused.

RLlib's hooks work as documented but for those of single episodes and steps: B worlds advance in one call, so there is
no moment between one world's step and the next. `on_episodes_end` takes their place, once per sample, with arrays.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ray.rllib.callbacks.callbacks import RLlibCallback
from ray.rllib.env.env_runner import EnvRunner
from ray.rllib.utils.metrics.metrics_logger import MetricsLogger

from rl_cluster.errors import ConfigError

__all__ = ["SwarmCallback", "refuse_episode_hooks"]

EPISODE_HOOKS = ("on_episode_created", "on_episode_start", "on_episode_step", "on_episode_end")


class SwarmCallback(RLlibCallback):
    """Base of a user's callbacks, and the one that is always there: it logs what the episodes came to."""

    def on_episodes_end(
        self, outcomes: Mapping[str, NDArray[np.float64]], *, env_runner: EnvRunner, metrics_logger: MetricsLogger
    ) -> None:
        """Called in the env runner after each sample in which episodes ended.

        Args:
            outcomes: episode metric -> (E,) values of the episodes that ended (`environment/outcome.py` names them).
            env_runner: the runner that sampled.
            metrics_logger: takes values for the result under `env_runners/`.
        """


class OutcomeCallback(SwarmCallback):
    """Logs the means of the episode metrics for RLlib's own results, under `env_runners/episode/NAME`."""

    def on_episodes_end(
        self,
        outcomes: Mapping[str, NDArray[np.float64]],
        *,
        env_runner: EnvRunner,  # noqa: ARG002
        metrics_logger: MetricsLogger,
    ) -> None:
        """See `SwarmCallback`."""
        for name, values in outcomes.items():
            for value in values:
                metrics_logger.log_value(("episode", name), float(value), window=len(values))


def refuse_episode_hooks(callbacks: Iterable[type[RLlibCallback]], functions: Mapping[str, Any]) -> None:
    """Raises ConfigError if a callbacks class overrides, or a function is given for, a hook that is never called."""
    for hook in EPISODE_HOOKS:
        given = [kind.__name__ for kind in callbacks if getattr(kind, hook) is not getattr(RLlibCallback, hook)]
        if functions.get(hook) is not None:
            given.append(f"callbacks({hook}=...)")
        if given:
            raise ConfigError(
                given[0],
                f"{hook} is never called, because worlds advance in batches",
                "override SwarmCallback.on_episodes_end(outcomes, env_runner=..., metrics_logger=...) instead",
            )
