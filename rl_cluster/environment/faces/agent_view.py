"""What each UAV sees of its world, as blocks of the same fixed sizes for all UAVs: for policies of single agents.

The network here reads the whole world's `Observation` and needs none of this; `pettingzoo_face.py` does. Lengths are
over the sensing radius, directions in the UAV's body frame (ahead, left).
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl_cluster.environment.shared.nearest import adaptive_k
from rl_cluster.types import FloatArray, IntArray, Observation, neighbour_slots

__all__ = ["agent_view"]


def agent_view(observation: Observation[NDArray[Any]], heading_rad: FloatArray) -> dict[str, FloatArray]:
    """The blocks of all N UAVs of the first world. A row of the last three is all 0 where nothing is there.

    - `own` (N, F): the UAV's row of `Observation.uav`.
    - `uavs` (N, A, 5 + F): its A nearest UAVs, nearest first: 1, ahead, left, cos and sin of the other's heading
      in this body frame, the other's own row. A = min(k, N - 1), k of attention (`nearest.py`) for N UAVs.
    - `candidates` (N, C, 1 + T + P): in `allocate` what it may choose, in the order of the actions: 1, the target's row
      (T), the pair's row (P). In `navigate` the nearest bodies: 1, the encounter's row (P); T = 0.
    - `zones` (N, Z, 3 + G): its Z nearest no-fly zones: 1, ahead, left (of the centre), the zone's row (G). Z = min(k,
      O).

    Args:
        observation: The observation of B worlds.
        heading_rad: (N,) of the first world.
    """
    world: Observation[NDArray[Any]] = Observation(*(array[0] for array in observation))
    (num_uavs, _), num_targets, num_zones = world.uav.shape, len(world.target), len(world.obstacle)
    k = adaptive_k(num_uavs)
    uavs = world.neighbours[:num_uavs, : min(k, num_uavs - 1)]
    first = neighbour_slots(num_uavs, num_targets, num_zones).obstacles
    zones = world.neighbours[:num_uavs, first : first + min(k, num_zones)]
    turn_rad = heading_rad[np.maximum(uavs, 0)] - heading_rad[:, None]
    relative = [np.cos(turn_rad)[..., None], np.sin(turn_rad)[..., None]]
    return {
        "own": world.uav,
        "uavs": _rows(uavs, [_offset(world, uavs, heading_rad), *relative, _take(world.uav, uavs)]),
        "candidates": _rows(world.candidates, [_take(world.target, world.candidates), world.pair]),
        "zones": _rows(
            zones, [_offset(world, zones, heading_rad), _take(world.obstacle, zones - num_uavs - num_targets)]
        ),
    }


def _offset(world: Observation[NDArray[Any]], entities: IntArray, heading_rad: FloatArray) -> FloatArray:
    """(N, rows, 2) from each UAV to the entities (N, rows), ahead and left."""
    east, north = np.moveaxis(world.position[np.maximum(entities, 0)] - world.position[: len(entities), None], -1, 0)
    cos, sin = np.cos(heading_rad)[:, None], np.sin(heading_rad)[:, None]
    return np.stack([east * cos + north * sin, north * cos - east * sin], axis=-1)


def _take(rows: FloatArray, indices: IntArray) -> FloatArray:
    """(N, rows, F) rows by index; a negative index takes row 0. Empty for a kind that the task does not have."""
    return rows[np.maximum(indices, 0)] if len(rows) else np.zeros((*indices.shape, rows.shape[1]), np.float32)


def _rows(indices: IntArray, parts: Iterable[FloatArray]) -> FloatArray:
    """(N, rows, width): a 1, then the parts side by side; all 0 where the index is negative."""
    exists = (indices >= 0)[..., None].astype(np.float32)
    return np.concatenate([exists, *parts], axis=-1, dtype=np.float32) * exists
