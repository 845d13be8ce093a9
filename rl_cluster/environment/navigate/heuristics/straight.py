"""Flies straight to the goal, pushed aside by near bodies: the simplest pilot that avoids anything."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl_cluster.environment.navigate.columns import EncounterColumn
from rl_cluster.environment.navigate.heuristics.tracking import goal_velocity_mps, to_controls
from rl_cluster.environment.navigate.worlds import NavigateWorlds
from rl_cluster.types import FloatArray, Observation

__all__ = ["Straight"]

INFLUENCE_BANDS = 2.0
"""Bodies push within this many widths of the warning band."""
_BEARING = slice(EncounterColumn.BEARING_COS, EncounterColumn.BEARING_SIN + 1)


class Straight:
    """The straight line with avoidance by artificial potential fields (Khatib 1986, Int. J. Robotics Research 5(1)).

    The wanted velocity is the straight way to the goal less, for each encounter within the influence distance g0,
    v_max (1 - gap / g0) along the bearing to the body, cut to v_max. It prefers no side: two UAVs that meet head on
    stop before each other, and a zone right in the way holds it up.
    """

    name = "straight"
    is_deterministic = True

    def act(self, worlds: NavigateWorlds, observation: Observation[NDArray[Any]]) -> FloatArray:
        """Controls (B, N, 2)."""
        physics = worlds.physics
        gap_m = observation.pair[..., EncounterColumn.GAP].astype(np.float64) * physics.sensing_radius_m
        push = np.clip(1.0 - gap_m / (INFLUENCE_BANDS * physics.band_m + 1e-9), 0.0, 1.0) * (
            observation.candidates >= 0
        )
        away = -(push[..., None] * observation.pair[..., _BEARING]).sum(axis=2) * physics.max_speed_mps
        cos, sin = worlds.state.uav_axis[..., 0], worlds.state.uav_axis[..., 1]
        away_world = np.stack(
            [away[..., 0] * cos - away[..., 1] * sin, away[..., 0] * sin + away[..., 1] * cos], axis=-1
        )
        wanted = goal_velocity_mps(worlds) + away_world
        speed = np.linalg.norm(wanted, axis=-1, keepdims=True)
        return to_controls(wanted * np.minimum(1.0, physics.max_speed_mps / np.maximum(speed, 1e-9)), worlds)
