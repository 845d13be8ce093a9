"""Compiles the worlds' kernels, or loads them, before anything is on the clock.

A short measurement would otherwise take the time of the compiler: a world's reset is first needed when its first
episode ends, which is after a quick run has begun to measure.
"""

from rl_cluster.config.schema import Config
from rl_cluster.environment.tasks import make_source, make_worlds, task_of

__all__ = ["warm_up"]


def warm_up(*configs: Config) -> None:
    """Plays an episode of each config by random choices, and starts the next one."""
    for config in configs:
        worlds = make_worlds(config, make_source(config, 0, is_training=True), 1, is_training=True)
        policy, observation = task_of(config).heuristics["random"](0), worlds.reset()
        while worlds.state.episode[0] == 0:
            observation, *_ = worlds.step(policy.act(worlds, observation))
