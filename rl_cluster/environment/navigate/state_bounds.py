"""What the fields of `NavigateState` can hold, beyond amounts from 0 to `FAR`: signs, angles and counts."""

from rl_cluster.environment.shared.array_form import FAR, Bounds
from rl_cluster.environment.shared.interface import Sizes
from rl_cluster.types import MAX_NEIGHBOURS, MIN_NEIGHBOURS

__all__ = ["navigate_bounds"]

_SIGNED = Bounds(low=-FAR)
_COUNT = Bounds(high=2.0**40)


def navigate_bounds(sizes: Sizes) -> dict[str, Bounds]:
    """Field -> bounds, of worlds padded to these sizes."""
    return {
        "uav_exists": Bounds(needs_one=True),
        "uav_position_m": _SIGNED,
        "uav_heading_rad": Bounds(low=-4.0, high=4.0),
        "uav_axis": Bounds(low=-1.1, high=1.1),
        "uav_speed_mps": _SIGNED,
        "uav_velocity_mps": _SIGNED,
        "uav_goal_m": _SIGNED,
        "obstacle_center_m": _SIGNED,
        "obstacle_vertices_m": _SIGNED,
        "obstacle_num_vertices": Bounds(high=sizes.num_vertices),
        "return_sum": _SIGNED,
        "k": Bounds(low=MIN_NEIGHBOURS, high=MAX_NEIGHBOURS),
        "all_in_formation": _COUNT,
        "episode": _COUNT,
        "decision": _COUNT,
    }
