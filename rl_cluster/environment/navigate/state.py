"""The state of B worlds of task `navigate` as a struct of arrays, and nothing else.

Fields that `allocate` also has bear the same names, so that the kernels for zones serve both. SI units, a 2-D plane,
float32. N UAVs, O zones with up to K corners are padded maxima; `*_exists` masks say which rows are real.

Checkpoints hold these fields: a new one is a new format of checkpoints (`training/checkpoints/migrations.py`).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_cluster.environment.shared.interface import Sizes
from rl_cluster.types import BoolArray, FloatArray, IntArray

__all__ = ["NavigateState"]


class NavigateState(NamedTuple):
    """Arrays are written in place; the tuple only holds them together, in a form that numba kernels take whole."""

    uav_exists: BoolArray
    """(B, N)"""
    uav_position_m: FloatArray
    """(B, N, 2) world frame"""
    uav_heading_rad: FloatArray
    """(B, N) in (-pi, pi]; 0 for double integrators, whose body frame is the world's"""
    uav_axis: FloatArray
    """(B, N, 2) cos and sin of the heading"""
    uav_speed_mps: FloatArray
    """(B, N)"""
    uav_velocity_mps: FloatArray
    """(B, N, 2) world frame; 0 once arrived"""
    uav_goal_m: FloatArray
    """(B, N, 2)"""
    uav_goal_distance_m: FloatArray
    """(B, N) from the UAV to its goal now"""
    uav_straight_m: FloatArray
    """(B, N) from the start to the goal"""
    uav_arrived: BoolArray
    """(B, N) True = has been within the arrival radius of its goal, where it stays"""
    uav_arrival_s: FloatArray
    """(B, N) when it arrived; 0 before"""
    uav_touching: BoolArray
    """(B, N) True = touches another UAV or a zone now"""
    uav_collisions: IntArray
    """(B, N) how often it began to touch something while it touched nothing"""
    uav_flown_m: FloatArray
    """(B, N) true path length so far"""
    uav_effort_s: FloatArray
    """(B, N) mean square of the controls, summed over time"""
    obstacle_exists: BoolArray
    """(B, O)"""
    obstacle_center_m: FloatArray
    """(B, O, 2)"""
    obstacle_radius_m: FloatArray
    """(B, O); of a polygon: the circle about the centre that holds all corners"""
    obstacle_num_vertices: IntArray
    """(B, O) corners of a polygon; 0 = a circle"""
    obstacle_vertices_m: FloatArray
    """(B, O, K, 2) corners of polygons, counter-clockwise"""
    area_m: FloatArray
    """(B, 2) width and height"""
    time_s: FloatArray
    """(B,)"""
    time_limit_s: FloatArray
    """(B,)"""
    in_formation_sum: NDArray[np.float64]
    """(B,) share of followers in formation, summed over steps"""
    all_in_formation: NDArray[np.int64]
    """(B,) steps at whose end all followers were in formation"""
    return_sum: NDArray[np.float64]
    """(B,) reward summed over UAVs and steps"""
    k: IntArray
    """(B,) neighbours of each kind that attention sees in this episode"""
    episode: NDArray[np.int64]
    """(B,) episode number within the world: with the seed and the world's number the key of its randomness"""
    ended: BoolArray
    """(B,) True = the episode is over; the world stands still until it is reset"""
    decision: NDArray[np.int64]
    """(B,) steps taken in this episode"""

    @classmethod
    def empty(cls, num_worlds: int, sizes: Sizes) -> "NavigateState":
        """B worlds in which nothing exists yet."""
        b, n, o, c = num_worlds, sizes.num_uavs, sizes.num_obstacles, sizes.num_vertices
        per_world = {
            "area_m": (b, 2),
            "obstacle_center_m": (b, o, 2),
            "obstacle_vertices_m": (b, o, c, 2),
            **{f"uav_{name}": (b, n, 2) for name in ("position_m", "axis", "velocity_mps", "goal_m")},
        }
        dtypes = {
            **dict.fromkeys(("uav_exists", "uav_arrived", "uav_touching", "obstacle_exists", "ended"), np.bool_),
            **dict.fromkeys(("uav_collisions", "obstacle_num_vertices", "k"), np.int16),
            **dict.fromkeys(("in_formation_sum", "return_sum"), np.float64),
            **dict.fromkeys(("all_in_formation", "episode", "decision"), np.int64),
        }
        rows = {"uav": (b, n), "obstacle": (b, o)}

        def make(name: str) -> NDArray[np.generic]:
            shape = per_world.get(name, rows.get(name.split("_", 1)[0], (b,)))
            return np.zeros(shape, dtype=dtypes.get(name, np.float32))

        return cls(**{name: make(name) for name in cls._fields})  # type: ignore[arg-type]  # all its fields are arrays

    @property
    def num_worlds(self) -> int:
        """B"""
        return int(self.time_s.shape[0])

    @property
    def sizes(self) -> Sizes:
        """The padded maxima; there are no targets and no resources."""
        num_obstacles, num_vertices = self.obstacle_vertices_m.shape[1:3]
        return Sizes(self.uav_exists.shape[1], 0, num_obstacles, 0, num_vertices)

    def state_dict(self) -> dict[str, NDArray[np.generic]]:
        """Copies of all arrays, by name."""
        return {name: array.copy() for name, array in self._asdict().items()}

    def load_state_dict(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        """Writes `state_dict`'s arrays back. Raises KeyError or ValueError if one is missing or of another shape."""
        for name, array in self._asdict().items():
            array[...] = arrays[name]
