"""One world behind the standard face of `gymnasium.Env`, for use with other libraries' algorithms.

The swarm is one agent: one observation, one action per UAV, a scalar team reward. `batched.py` is the face for training
here: it keeps credit per UAV and steps many worlds at once.
"""

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from rl_cluster.config.allocate import AllocateRewardConfig, AllocateWorldConfig
from rl_cluster.config.load import load_config
from rl_cluster.environment.allocate.generator import AllocateGenerator
from rl_cluster.environment.allocate.worlds import AllocateWorlds, EpisodeSource
from rl_cluster.types import WAIT, BoolArray, Observation

__all__ = ["AllocateEnv", "make_allocate_env"]

ObservationDict = dict[str, NDArray[Any]]


class AllocateEnv(gymnasium.Env[ObservationDict, NDArray[np.integer[Any]]]):
    """Task `allocate` with one world.

    Observation: a dict of the fields of `Observation`, without the batch axis; masks are int8, 1 = True.
    Action: MultiDiscrete, per UAV 0 to wait, c + 1 to fly to candidate c. An action that `action_mask` forbids is
    replaced by waiting, or by the UAV's only legal action where it may not wait; `info["num_illegal_actions"]` counts
    these.
    Reward: mean over the UAVs that exist of their rewards in this decision interval.
    `terminated`: all targets are closed. `truncated`: the time limit, or no UAV has a legal target any more.
    `info`: `action_mask` (N, 1 + C) bool; at the end also `outcomes`, the episode's metrics by name.

    `reset()` starts the next episode, `reset(seed=s)` the first one of seed s.

    Args:
        make_source: Makes the source of episodes from a seed.
    """

    def __init__(
        self, make_source: Callable[[int], EpisodeSource], world: AllocateWorldConfig, reward: AllocateRewardConfig
    ) -> None:
        self.metadata = {"render_modes": []}
        self._make_source, self._world, self._reward = make_source, world, reward
        self._worlds = self._make_worlds(0)
        observation = self._worlds.reset()
        self._mask: BoolArray = observation.action_mask[0]
        num_uavs, num_actions = observation.action_mask.shape[1:]
        num_entities = observation.mask.shape[1]
        self.action_space = spaces.MultiDiscrete(np.full(num_uavs, num_actions))
        self.observation_space = spaces.Dict(
            {name: _space(array[0], num_entities) for name, array in observation._asdict().items()}
        )

    def _make_worlds(self, seed: int) -> AllocateWorlds:
        return AllocateWorlds(self._make_source(seed), self._world, self._reward, num_worlds=1)

    def reset(
        self,
        *,
        seed: int | None = None,
        options: dict[str, Any] | None = None,  # noqa: ARG002 - asked for by gymnasium, and nothing to choose here
    ) -> tuple[ObservationDict, dict[str, Any]]:
        """Starts an episode; `options` has no effect."""
        super().reset(seed=seed)
        if seed is None:
            self._worlds.state.ended[:] = True
            self._worlds.reset_ended()
            observation = self._worlds.observe()
        else:
            self._worlds = self._make_worlds(seed)
            observation = self._worlds.reset()
        return self._see(observation), {"action_mask": self._mask.copy()}

    def step(self, action: NDArray[np.integer[Any]]) -> tuple[ObservationDict, float, bool, bool, dict[str, Any]]:
        """Flies one decision interval."""
        is_legal = np.take_along_axis(self._mask, action[:, None], axis=1)[:, 0]
        instead = np.where(self._mask[:, WAIT], WAIT, self._mask.argmax(axis=1))
        result = self._worlds.advance(np.where(is_legal, action, instead).astype(np.int16)[None])
        uav_exists = self._worlds.state.uav_exists[0]
        terminated, truncated = bool(result.terminated[0]), bool(result.truncated[0])
        observation = self._see(self._worlds.observe())
        info = {"action_mask": self._mask.copy(), "num_illegal_actions": int((~is_legal).sum())}
        if terminated or truncated:
            outcomes = self._worlds.outcomes(self._worlds.state.ended)
            info["outcomes"] = {name: float(values[0]) for name, values in outcomes.items()}
        return observation, float(result.reward[0, uav_exists].mean()), terminated, truncated, info

    def _see(self, observation: Observation[NDArray[Any]]) -> ObservationDict:
        self._mask = observation.action_mask[0]
        return {
            name: array[0].astype(np.int8) if array.dtype == np.bool_ else array[0]
            for name, array in observation._asdict().items()
        }


def _space(array: NDArray[Any], num_entities: int) -> spaces.Space[Any]:
    if array.dtype == np.bool_:
        return spaces.MultiBinary(array.shape)
    if array.dtype == np.int16:
        return spaces.Box(-1, num_entities - 1, array.shape, np.int16)
    largest = float(np.finfo(np.float32).max)
    return spaces.Box(-largest, largest, array.shape, np.float32)


def make_allocate_env(preset: str) -> AllocateEnv:
    """The environment of a preset's generator, with the episodes that are trained on.

    Raises:
        ConfigError: There is no such preset.
    """
    config = load_config(preset)
    return AllocateEnv(
        lambda seed: AllocateGenerator(config.generator, config.world, seed, is_training=True),
        config.world,
        config.reward,
    )


gymnasium.register(
    id="rl_cluster/Allocate-v0",
    entry_point="rl_cluster.environment.gymnasium:make_allocate_env",
    kwargs={"preset": "quick_demo"},
)
