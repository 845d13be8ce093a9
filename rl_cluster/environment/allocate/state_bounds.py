"""What the fields of `AllocateState` can hold, beyond amounts from 0 to `FAR`: signs, indices, counts, and `never`."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl_cluster.config.allocate import MAX_SUBSTEPS
from rl_cluster.environment.shared.array_form import FAR, Bounds
from rl_cluster.environment.shared.interface import Sizes
from rl_cluster.types import MAX_NEIGHBOURS, MIN_NEIGHBOURS

__all__ = ["allocate_bounds", "allocate_fault"]

_SIGNED = Bounds(low=-FAR)
_NEVER = Bounds(can_be_infinite=True)
_ANGLE = Bounds(low=-4.0, high=4.0)
_COUNT = Bounds(high=2.0**40)
_RULE = Bounds(low=1e-3, high=1e7)
"""As the settings bound rules that are divided by."""
_LEAST = 1e-6
"""The least value that kernels divide by; products of a few of them stay above 0 in float32."""


def allocate_bounds(sizes: Sizes) -> dict[str, Bounds]:
    """Field -> bounds, of worlds padded to these sizes."""
    return {
        "uav_exists": Bounds(needs_one=True),
        "uav_position_m": _SIGNED,
        "uav_heading_rad": _ANGLE,
        "uav_course": Bounds(high=sizes.num_targets + sizes.num_depots),
        "uav_choice": Bounds(low=-1, high=sizes.num_targets - 1),
        "uav_fails_s": _NEVER,
        "uav_service_ends_s": _NEVER,
        "target_position_m": _SIGNED,
        "target_ideal": Bounds(low=1, high=sizes.num_uavs),
        "target_closed_time_s": _NEVER,
        "obstacle_center_m": _SIGNED,
        "obstacle_vertices_m": _SIGNED,
        "obstacle_num_vertices": Bounds(high=sizes.num_vertices),
        "waypoint_m": _SIGNED,
        "waypoint_to_goal_m": _NEVER,
        "depot_position_m": _SIGNED,
        "uav_depot": Bounds(high=sizes.num_depots),
        **dict.fromkeys(("capture_radius_m", "decision_interval_s", "substep_s"), _RULE),
        "return_sum": _SIGNED,
        "k": Bounds(low=MIN_NEIGHBOURS, high=MAX_NEIGHBOURS),
        "episode": _COUNT,
        "decision": _COUNT,
        "idle_decisions": Bounds(high=np.iinfo(np.int16).max),
    }


def allocate_fault(arrays: Mapping[str, NDArray[Any]]) -> str | None:
    """How the fields of worlds in flight contradict each other, although each has the right form; None = they do not.

    Kernels divide by these, and a division by zero is an error in them.
    """
    uavs, targets = arrays["uav_exists"], arrays["target_exists"]
    substeps = arrays["decision_interval_s"] / arrays["substep_s"]
    demand, remaining = arrays["target_demand"], arrays["target_remaining"]
    tests = {
        "a world without targets": targets.any(axis=1),
        "an area or a time limit of 0": (arrays["area_m"] > _LEAST).all(axis=1) & (arrays["time_limit_s"] > _LEAST),
        "a decision interval of no substep, or of too many": (substeps > 0.5) & (substeps < MAX_SUBSTEPS + 0.5),
        "a UAV without speed": arrays["uav_cruise_mps"][uavs] > _LEAST,
        "a target without value": arrays["target_value"][targets] > _LEAST,
        "a target that lacks more than its demand": remaining <= demand * np.float32(1.001),
        "a grounded UAV with a choice": ((arrays["uav_range_left_m"] > 0) | (arrays["uav_choice"] < 0))[uavs],
        "a world that flies on beyond its time limit": (arrays["time_s"] < arrays["time_limit_s"]) | arrays["ended"],
    }
    return next((what for what, holds in tests.items() if not holds.all()), None)
