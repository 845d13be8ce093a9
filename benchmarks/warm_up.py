"""Compiles the kernels of the worlds, or loads them, before a measurement starts.

Otherwise a short measurement would include the time of the compiler: a world needs its reset when its first episode
ends, and by then a quick run has started to measure.
"""

from rl_cluster.config.schema import Config
from rl_cluster.environment.tasks import make_source, make_worlds, task_of

__all__ = ["warm_up"]


def warm_up(*configs: Config) -> None:
    """Plays one episode of each config with random actions, and starts the next one."""
    for config in configs:
        worlds = make_worlds(config, make_source(config, 0, is_training=True), 1, is_training=True)
        policy, observation = task_of(config).heuristics["random"](0), worlds.reset()
        while worlds.state.episode[0] == 0:
            observation, *_ = worlds.step(policy.act(worlds, observation))
