"""What the fields of `AllocateState` can hold, beyond amounts from 0 to `FAR`: signs, indices, counts, and `never`."""

from rl_cluster.environment.array_form import FAR, Bounds
from rl_cluster.environment.interface import Sizes
from rl_cluster.environment.nearest import MAX_NEIGHBOURS

__all__ = ["allocate_bounds"]

_SIGNED = Bounds(low=-FAR)
_NEVER = Bounds(can_be_infinite=True)
_ANGLE = Bounds(low=-4.0, high=4.0)
_COUNT = Bounds(high=2.0**40)


def allocate_bounds(sizes: Sizes) -> dict[str, Bounds]:
    """Field -> bounds, of worlds padded to these sizes."""
    return {
        "uav_exists": Bounds(needs_one=True),
        "uav_position_m": _SIGNED,
        "uav_heading_rad": _ANGLE,
        "uav_course": Bounds(high=sizes.num_targets + 1),
        "uav_choice": Bounds(low=-1, high=sizes.num_targets - 1),
        "uav_fails_s": _NEVER,
        "uav_service_ends_s": _NEVER,
        "target_position_m": _SIGNED,
        "target_closed_time_s": _NEVER,
        "obstacle_center_m": _SIGNED,
        "obstacle_vertices_m": _SIGNED,
        "obstacle_num_vertices": Bounds(high=sizes.num_vertices),
        "waypoint_m": _SIGNED,
        "waypoint_to_goal_m": _NEVER,
        "depot_m": _SIGNED,
        "return_sum": _SIGNED,
        "k": Bounds(low=1, high=MAX_NEIGHBOURS),
        "episode": _COUNT,
        "decision": _COUNT,
    }
