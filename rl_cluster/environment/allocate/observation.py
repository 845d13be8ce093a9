"""The observation of a batch of worlds: rows of `features.py`, lists of `neighbours.py`, and legal actions.

`Observation` in `types.py` says what each array means. Kernels fill arrays that `empty_observation` has made.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rl_cluster.environment.allocate.columns import FEATURES
from rl_cluster.environment.allocate.features import write_obstacle_row, write_pair_row, write_target_row, write_uav_row
from rl_cluster.environment.allocate.intent import Intent, read_intent
from rl_cluster.environment.allocate.legality import is_open
from rl_cluster.environment.allocate.neighbours import find_candidates, find_neighbours
from rl_cluster.environment.allocate.rules import Shared
from rl_cluster.environment.allocate.service import is_locked
from rl_cluster.environment.allocate.state import AllocateState
from rl_cluster.environment.shared.interface import Sizes
from rl_cluster.environment.shared.nearest import Ranking
from rl_cluster.types import WAIT, Observation, neighbour_slots

__all__ = ["empty_observation", "write_observation"]


def empty_observation(num_worlds: int, sizes: Sizes, num_candidates: int) -> Observation[NDArray[np.generic]]:
    """Arrays of B worlds in which nothing exists, no entity has neighbours, and no action is legal."""
    (n, m, o, r, *_), b, c = sizes, num_worlds, num_candidates
    return Observation(
        uav=np.zeros((b, n, FEATURES.uav.width(r)), dtype=np.float32),
        target=np.zeros((b, m, FEATURES.target.width(r)), dtype=np.float32),
        obstacle=np.zeros((b, o, FEATURES.obstacle.width(r)), dtype=np.float32),
        position=np.zeros((b, n + m + o, 2), dtype=np.float32),
        mask=np.zeros((b, n + m + o), dtype=np.bool_),
        neighbours=np.full((b, n + m, neighbour_slots(n, m, o).width), -1, dtype=np.int16),
        candidates=np.full((b, n, c), -1, dtype=np.int16),
        pair=np.zeros((b, n, c, FEATURES.pair.width(r)), dtype=np.float32),
        action_mask=np.zeros((b, n, 1 + c), dtype=np.bool_),
        decides=np.zeros((b, n), dtype=np.bool_),
    )


@njit(cache=True, _nrt=False)
def write_observation(
    state: AllocateState,
    observation: Observation[NDArray[np.generic]],
    intent: Intent,
    ranking: Ranking,
    shared: Shared,
) -> None:
    """Fills the arrays of `empty_observation`; `intent` and `ranking` are scratch."""
    sensing_radius_m = shared.sensing_radius_m
    for b in range(state.time_s.shape[0]):
        read_intent(state, b, intent)
        find_neighbours(state, b, ranking, observation.neighbours)
        find_candidates(state, b, intent, ranking, observation.candidates)
        for i in range(state.uav_exists.shape[1]):
            if state.uav_exists[b, i]:
                _place(state, b, i, state.uav_position_m[b, i], sensing_radius_m, observation)
                write_uav_row(state, b, i, intent, sensing_radius_m, observation.uav[b, i])
            _write_choices(state, b, i, intent, shared.replan, sensing_radius_m, observation)
        _write_targets(state, b, intent, state.decision_interval_s[b], sensing_radius_m, observation)
        _write_obstacles(state, b, state.clearance_m[b], sensing_radius_m, observation)


@njit(cache=True, _nrt=False, inline="always")
def _write_targets(state, b, intent, interval_s, sensing_radius_m, observation):  # type: ignore[no-untyped-def]  # numba infers the types
    first = state.uav_exists.shape[1]
    for j in range(state.target_exists.shape[1]):
        if is_open(state, b, j):
            _place(state, b, first + j, state.target_position_m[b, j], sensing_radius_m, observation)
            write_target_row(state, b, j, intent, interval_s, observation.target[b, j])


@njit(cache=True, _nrt=False, inline="always")
def _write_obstacles(state, b, clearance_m, sensing_radius_m, observation):  # type: ignore[no-untyped-def]  # numba infers the types
    first = state.uav_exists.shape[1] + state.target_exists.shape[1]
    for o in range(state.obstacle_exists.shape[1]):
        if state.obstacle_exists[b, o]:
            _place(state, b, first + o, state.obstacle_center_m[b, o], sensing_radius_m, observation)
            write_obstacle_row(state, b, o, clearance_m, sensing_radius_m, observation.obstacle[b, o])


@njit(cache=True, _nrt=False, inline="always")
def _place(state, b, entity, position_m, sensing_radius_m, observation):  # type: ignore[no-untyped-def]  # numba infers the types
    """Marks an entity as existing, and places it relative to the area's centre."""
    observation.mask[b, entity] = True
    for axis in range(2):
        observation.position[b, entity, axis] = (position_m[axis] - 0.5 * state.area_m[b, axis]) / sensing_radius_m


@njit(cache=True, _nrt=False, inline="always")
def _write_choices(state, b, i, intent, replan, sensing_radius_m, observation):  # type: ignore[no-untyped-def]  # numba infers the types
    """Pair rows and legal actions of one UAV.

    A UAV that keeps its target (no replanning, or it is locked in a service) has that as its only action.
    """
    candidates, mask = observation.candidates[b, i], observation.action_mask[b, i]
    choice = state.uav_choice[b, i]
    num_legal, kept = 0, -1
    for c in range(candidates.shape[0]):
        if candidates[c] >= 0:
            write_pair_row(state, b, i, candidates[c], intent, sensing_radius_m, observation.pair[b, i, c])
            mask[c + 1] = True
            num_legal += 1
            if candidates[c] == choice:
                kept = c
    if kept >= 0 and (not replan or is_locked(state, b, i)):
        mask[:] = False
        mask[kept + 1] = True
        return
    mask[WAIT] = True
    observation.decides[b, i] = num_legal > 0
