"""The observations and actions of one world as `gymnasium.spaces`.

The spaces follow from a run's settings alone: padded maxima, candidates, kinds of resource. A scenario is played inside
them (`face.py`), so that a policy trained in one episode fits every other.
"""

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from rl_cluster.config.schema import Config
from rl_cluster.environment.tasks import graph_spec, make_source, task_of
from rl_cluster.types import Observation

__all__ = ["ObservationDict", "action_space", "float_space", "mask_space", "observation_space", "spaces_of"]

ObservationDict = dict[str, NDArray[Any]]
"""The fields of an `Observation` by name; masks are int8, 1 = True, since gymnasium's spaces know no bool."""

LARGEST = float(np.finfo(np.float32).max)
"""Features are finite, and most are below 10; an infinite bound would make gymnasium's checkers warn."""


def spaces_of(config: Config) -> tuple[spaces.Dict, spaces.MultiDiscrete | spaces.Box]:
    """Observation space and action space of one world of a run."""
    sizes = make_source(config, config.seed, is_training=True).sizes
    observation = task_of(config).empty_observation(1, sizes, config)
    return observation_space(observation), action_space(observation, graph_spec(config).num_controls)


def observation_space(observation: Observation[NDArray[Any]]) -> spaces.Dict:
    """The space of one world, derived from an observation: a dict of its fields without the batch axis.

    Masks are MultiBinary, indices Box int16 from -1, features Box float32. Fields of a kind that the task does not have
    (targets in `navigate`, zones where there are none) are there and empty.
    """
    num_entities = observation.mask.shape[1]
    return spaces.Dict({name: _space(array[0], num_entities) for name, array in observation._asdict().items()})


def action_space(observation: Observation[NDArray[Any]], num_controls: int) -> spaces.MultiDiscrete | spaces.Box:
    """The space of all N UAVs' actions in one world.

    Args:
        observation: An observation of some worlds.
        num_controls: 0: MultiDiscrete, per UAV 0 to wait or c + 1 to fly to candidate c. Else Box (N, num_controls)
            from -1 to 1.
    """
    num_uavs, num_actions = observation.action_mask.shape[1:]
    if num_controls:
        return spaces.Box(-1.0, 1.0, (num_uavs, num_controls), np.float32)
    return spaces.MultiDiscrete(np.full(num_uavs, num_actions))


def mask_space(shape: tuple[int, ...]) -> spaces.MultiBinary | spaces.Box:
    """The space of int8 masks; a Box for an empty mask, which MultiBinary refuses."""
    return spaces.MultiBinary(shape) if all(shape) else spaces.Box(0, 1, shape, np.int8)


def float_space(shape: tuple[int, ...]) -> spaces.Box:
    """The space of float32 features."""
    return spaces.Box(-LARGEST, LARGEST, shape, np.float32)


def _space(array: NDArray[Any], num_entities: int) -> spaces.Space[Any]:
    if array.dtype == np.bool_:
        return mask_space(array.shape)
    if array.dtype == np.int16:
        return spaces.Box(-1, num_entities - 1, array.shape, np.int16)
    return float_space(array.shape)
