"""The state of a world at the start of an episode: the source's values, and what follows from them."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rl_cluster.environment.navigate.state import NavigateState

__all__ = ["clear_rows", "take_bearings"]


def clear_rows(state: NavigateState, rows: NDArray[np.int64], episodes: NDArray[np.int64]) -> None:
    """Clears the rows, except the numbers of their next episodes."""
    for array in state:
        array[rows] = 0
    state.episode[rows] = episodes


@njit(cache=True)
def take_bearings(state: NavigateState, rows: NDArray[np.int64]) -> None:
    """Writes what follows from starts, headings and goals."""
    for b in rows:
        for i in range(state.uav_exists.shape[1]):
            if state.uav_exists[b, i]:
                cos, sin = (
                    np.cos(np.float64(state.uav_heading_rad[b, i])),
                    np.sin(np.float64(state.uav_heading_rad[b, i])),
                )
                speed = state.uav_speed_mps[b, i]
                state.uav_axis[b, i, 0], state.uav_axis[b, i, 1] = cos, sin
                state.uav_velocity_mps[b, i, 0], state.uav_velocity_mps[b, i, 1] = speed * cos, speed * sin
                dx = np.float64(state.uav_goal_m[b, i, 0]) - state.uav_position_m[b, i, 0]
                dy = np.float64(state.uav_goal_m[b, i, 1]) - state.uav_position_m[b, i, 1]
                state.uav_goal_distance_m[b, i] = np.sqrt(dx * dx + dy * dy)
                state.uav_straight_m[b, i] = state.uav_goal_distance_m[b, i]
