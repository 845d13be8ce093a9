"""The floor: controls that are drawn again at every step."""

from typing import Any

from numpy.typing import NDArray

from rl_cluster.environment.navigate.worlds import NavigateWorlds
from rl_cluster.environment.shared.keyed_random import action_noise
from rl_cluster.types import FloatArray, Observation

__all__ = ["RandomControls"]


class RandomControls:
    """Each control uniform in (-1, 1), keyed by (seed, world, episode, step)."""

    name = "random"
    is_deterministic = False

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def act(self, worlds: NavigateWorlds, observation: Observation[NDArray[Any]]) -> FloatArray:
        """Controls (B, N, 2)."""
        state, shape = worlds.state, (*observation.decides.shape, 2)
        return 2.0 * action_noise(shape, self._seed, worlds.world_numbers, state.episode, state.decision) - 1.0
