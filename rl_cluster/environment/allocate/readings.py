"""Puts what UAVs report into the saved state of a world of task `allocate`, and what follows from it."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rl_cluster.environment.allocate.state import EPSILON
from rl_cluster.environment.shared.readings import Readings
from rl_cluster.errors import CallError

__all__ = ["take_readings"]

IDLE = -1
FIELDS = {
    "position_m": "uav_position_m",
    "heading_rad": "uav_heading_rad",
    "resources": "uav_resources",
    "range_left_m": "uav_range_left_m",
    "remaining": "target_remaining",
}
"""Reading -> field of the state."""


def take_readings(arrays: dict[str, NDArray[Any]], readings: Readings) -> None:
    """Changes the arrays of `Worlds.state_dict` of one world in place.

    Raises CallError if a reading has another shape than its field, is not finite, or is negative where it cannot be.
    """
    before = {name: arrays[name].copy() for name in ("uav_position_m", "uav_heading_rad")}
    if readings.time_s is not None:
        arrays["time_s"][0] = _checked("time_s", readings.time_s, arrays["time_s"][0])
    for name, field in FIELDS.items():
        if (reading := getattr(readings, name)) is not None:
            arrays[field][0] = _checked(name, reading, arrays[field][0])
    has_moved = (arrays["uav_position_m"] != before["uav_position_m"]).any(axis=2)
    # a UAV that is elsewhere, or points elsewhere, than was predicted has to turn
    arrays["uav_course"][has_moved | (arrays["uav_heading_rad"] != before["uav_heading_rad"])] = 0
    if readings.remaining is not None:
        _follow_targets(arrays)


def _checked(name: str, reading: ArrayLike, field: NDArray[Any]) -> NDArray[Any]:
    values = np.asarray(reading, dtype=np.float64)
    if values.shape != field.shape:
        what = f"has shape {values.shape}, but the scenario's is {field.shape}"
        raise CallError(f"readings.{name}", what, "give a row for each UAV or target, in the scenario's order")
    if not np.isfinite(values).all():
        raise CallError(f"readings.{name}", "is not finite", "leave out what was not read")
    if name not in {"position_m", "heading_rad"} and (values < 0).any():
        raise CallError(f"readings.{name}", "is negative", "give 0 for what is used up")
    return values.astype(field.dtype)


def _follow_targets(arrays: dict[str, NDArray[Any]]) -> None:
    """Closes and opens targets as their remaining demand says; nobody is under way to a closed one."""
    is_open = arrays["target_exists"] & (arrays["target_remaining"] > EPSILON).any(axis=2)
    closed_s = arrays["target_closed_time_s"]
    closed_s[is_open] = np.inf
    closed_s[~is_open & np.isinf(closed_s)] = arrays["time_s"][0]
    choice = arrays["uav_choice"]
    is_idle = (choice < 0) | ~np.take_along_axis(is_open, np.maximum(choice, 0).astype(np.int64), axis=1)
    choice[is_idle], arrays["uav_present"][is_idle], arrays["uav_service_ends_s"][is_idle] = IDLE, False, np.inf
    arrays["ended"] &= ~is_open.any(axis=1)
