"""Generated episodes of task `allocate` as they stand at their start, for tests of the generator."""

import numpy as np

from rl_cluster.config.schema import Config
from rl_cluster.environment.allocate.generator import AllocateGenerator
from rl_cluster.environment.allocate.state import AllocateState

__all__ = ["draw", "with_settings"]


def with_settings(config: Config, **generator: object) -> Config:
    """Another generator."""
    return config.model_copy(update={"generator": config.generator.model_copy(update=generator)})


def draw(config: Config, num_worlds: int, seed: int = 0, episode: int = 0) -> AllocateState:
    """One episode of each of these worlds."""
    source = AllocateGenerator(config.generator, config.world, seed, is_training=False)
    state = AllocateState.empty(num_worlds, source.sizes)
    state.episode[:] = episode
    source.fill(state, np.arange(num_worlds), first_world=0)
    return state
