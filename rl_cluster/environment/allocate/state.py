"""The state of B worlds as a struct of arrays, and nothing else: dynamics, delivery and observation act on it.

SI units, a 2-D plane, float32. N UAVs, M targets, O obstacles, R resource kinds, D depots are padded maxima; `*_exists`
masks say which rows are real. A scenario (`scenarios.py`) or the generator (`generator.py`) fills one world at a time.

Checkpoints hold these fields: a new one is a new format of checkpoints (`training/checkpoints/migrations.py`).
"""

from functools import cache
from typing import Any, NamedTuple, get_args, get_type_hints

import numpy as np
from numpy.typing import NDArray

from rl_cluster.environment.shared.interface import Sizes
from rl_cluster.types import BoolArray, FloatArray, IntArray

__all__ = ["CIRCLE_CORNERS", "EPSILON", "AllocateState"]

EPSILON = 1e-4
"""Amounts at or below this count as nothing: a target with no more than this remaining of every kind is closed."""


CIRCLE_CORNERS = 8
"""Corners of the polygon that ways round a circular zone go by."""


@cache
def _annotations() -> dict[str, Any]:
    """Field of `AllocateState` -> its type. Forks of a search make states by the hundred."""
    return get_type_hints(AllocateState)


class AllocateState(NamedTuple):
    """Arrays are written in place; the tuple only holds them together, in a form that numba kernels take whole."""

    uav_exists: BoolArray
    """(B, N)"""
    uav_position_m: FloatArray
    """(B, N, 2) world frame"""
    uav_heading_rad: FloatArray
    """(B, N) in (-pi, pi], counter-clockwise from east"""
    uav_course: IntArray
    """(B, N) 1 + the goal (a target, or M + d = depot d) at which its heading points, 0 = none: it need not turn"""
    uav_speed_mps: FloatArray
    """(B, N, 2) lowest and highest speed"""
    uav_cruise_mps: FloatArray
    """(B, N)"""
    uav_max_turn_rate_radps: FloatArray
    """(B, N)"""
    uav_resources: FloatArray
    """(B, N, R) carried now"""
    uav_initial_resources: FloatArray
    """(B, N, R) carried at the start"""
    uav_range_left_m: FloatArray
    """(B, N); 0 = grounded"""
    uav_flown_m: FloatArray
    """(B, N) true path length so far"""
    uav_choice: IntArray
    """(B, N) target index, -1 = hovering"""
    uav_collisions: IntArray
    """(B, N) how often the UAV entered a no-fly zone"""
    uav_fails_s: FloatArray
    """(B, N) when the UAV fails: it is grounded from then on; inf = never"""
    uav_inside_obstacle: BoolArray
    """(B, N) True = inside a no-fly zone now"""
    uav_present: BoolArray
    """(B, N) True = it has arrived at its choice and stays: in service, or waiting for others"""
    uav_service_ends_s: FloatArray
    """(B, N) when its service at its choice is over; inf = it is not in service"""
    uav_waited_s: FloatArray
    """(B, N) how long it has waited at targets for others so far"""
    uav_depot: IntArray
    """(B, N) 1 + the depot to which the UAV must return, 0 = none"""
    uav_wasted_trips: IntArray
    """(B, N) how often the chosen target closed under the UAV without its delivery"""
    target_exists: BoolArray
    """(B, M)"""
    target_position_m: FloatArray
    """(B, M, 2)"""
    target_demand: FloatArray
    """(B, M, R) at the start"""
    target_remaining: FloatArray
    """(B, M, R)"""
    target_ideal: IntArray
    """(B, M) the fewest UAVs near the target that could cover the demand together (`crowding.py`), at least 1"""
    target_value: FloatArray
    """(B, M)"""
    target_service_s: FloatArray
    """(B, M) how long UAVs must stay before they have delivered"""
    target_appears_s: FloatArray
    """(B, M) when the target appears; 0 = it is there from the start"""
    target_closed_time_s: FloatArray
    """(B, M) when the last of its demand was met; inf while open"""
    involved: BoolArray
    """(B, N, M) True = the UAV delivered to the target, or the target was its choice when it closed or at the end"""
    arrived: BoolArray
    """(B, N) scratch of `service.py`: True = the UAV delivers to the target in hand"""
    delivered: FloatArray
    """(B, N, M, R) units delivered so far by UAV i to target j"""
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
    waypoint_exists: BoolArray
    """(B, V) True = a corner of a way round the zones (`route.py`)"""
    waypoint_m: FloatArray
    """(B, V, 2)"""
    waypoint_to_goal_m: FloatArray
    """(B, M + D, V) shortest way from the waypoint to target j, or (j = M + d) to depot d; inf = none"""
    depot_position_m: FloatArray
    """(B, D, 2) depots that some UAV has"""
    is_sync: BoolArray
    """(B,) True = coalition sync: UAVs wait at a target until those present cover all that remains"""
    is_capability: BoolArray
    """(B,) True = what is delivered is not taken off the UAV, which helps a target once"""
    preference: FloatArray
    """(B, P) weights of crowding, time and distance against served targets (`preferences.py`)"""
    capture_radius_m: NDArray[np.float64]
    """(B,) inside this radius of its target a UAV has arrived"""
    clearance_m: NDArray[np.float64]
    """(B,) the distance that the autopilot keeps from zones"""
    decision_interval_s: NDArray[np.float64]
    """(B,) seconds between two choices, a multiple of `substep_s`"""
    substep_s: NDArray[np.float64]
    """(B,) seconds of one flight step"""
    area_m: FloatArray
    """(B, 2) width and height"""
    time_s: FloatArray
    """(B,)"""
    time_limit_s: FloatArray
    """(B,)"""
    return_sum: NDArray[np.float64]
    """(B,) reward summed over UAVs and steps"""
    k: IntArray
    """(B,) neighbours of each kind that attention sees in this episode"""
    episode: NDArray[np.int64]
    """(B,) episode number within the world: with the seed and the world's number the key of its randomness"""
    ended: BoolArray
    """(B,) True = the episode is over; the world stands still until it is reset"""
    decision: NDArray[np.int64]
    """(B,) decisions made in this episode"""
    idle_decisions: IntArray
    """(B,) decisions in a row, up to the last one, in which nobody did anything (`idleness.py`)"""

    @classmethod
    def empty(cls, num_worlds: int, sizes: Sizes) -> "AllocateState":
        """B worlds in which nothing exists yet."""
        n, m, o, r, c, d = sizes
        v = o * max(c, CIRCLE_CORNERS)
        by_prefix = {"uav": (n,), "target": (m,), "obstacle": (o,), "waypoint": (v,)}
        others = {
            "uav_position_m": (n, 2),
            "uav_speed_mps": (n, 2),
            "uav_resources": (n, r),
            "uav_initial_resources": (n, r),
            "target_position_m": (m, 2),
            "target_demand": (m, r),
            "target_remaining": (m, r),
            "arrived": (n,),
            "involved": (n, m),
            "delivered": (n, m, r),
            "obstacle_center_m": (o, 2),
            "obstacle_vertices_m": (o, c, 2),
            "waypoint_m": (v, 2),
            "waypoint_to_goal_m": (m + d, v),
            "depot_position_m": (d, 2),
            "preference": (3,),
            "area_m": (2,),
        }

        def make(name: str, annotation: Any) -> NDArray[np.generic]:
            dtype = get_args(get_args(annotation)[1])[0]  # of ndarray[shape, dtype[..]]
            shape = others.get(name, by_prefix.get(name.split("_", 1)[0], ()))
            return np.zeros((num_worlds, *shape), dtype=dtype)

        return cls(**{name: make(name, annotation) for name, annotation in _annotations().items()})  # type: ignore[arg-type]  # all its fields are arrays

    @property
    def num_worlds(self) -> int:
        """B"""
        return int(self.time_s.shape[0])

    @property
    def sizes(self) -> Sizes:
        """The padded maxima N, M, O, R, K, D."""
        n, m, r = self.delivered.shape[1:]
        num_obstacles, num_vertices = self.obstacle_vertices_m.shape[1:3]
        return Sizes(n, m, num_obstacles, r, num_vertices, self.depot_position_m.shape[1])

    @property
    def target_unmet(self) -> BoolArray:
        """(B, M) True = the target exists, whether or not it has appeared, and something of its demand is left."""
        return self.target_exists & (self.target_remaining > EPSILON).any(axis=-1)

    @property
    def target_open(self) -> BoolArray:
        """(B, M) True = the target is unmet and has appeared."""
        return self.target_unmet & (self.target_appears_s <= self.time_s[:, None])

    def state_dict(self) -> dict[str, NDArray[np.generic]]:
        """Copies of all arrays, by name."""
        return {name: array.copy() for name, array in self._asdict().items()}

    def load_state_dict(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        """Writes `state_dict`'s arrays back. Raises KeyError or ValueError if one is missing or of another shape."""
        for name, array in self._asdict().items():
            array[...] = arrays[name]
