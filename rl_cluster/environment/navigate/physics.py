"""The constants that the kernels of task `navigate` take, as numbers in one record."""

from typing import NamedTuple

from rl_cluster.config.navigate import NavigateWorldConfig

__all__ = ["Physics", "physics_of"]

_LEAST_BAND_M = 1e-3
"""The least width of the warning band: equal distances leave no band, and kernels divide by its width."""


class Physics(NamedTuple):
    """Settings of the world; see `config/navigate.py` for meanings and units."""

    is_unicycle: bool
    step_s: float
    min_speed_mps: float
    max_speed_mps: float
    max_acceleration_mps2: float
    max_turn_rate_radps: float
    arrival_radius_m: float
    collision_distance_m: float
    band_m: float
    """Width of the warning band: a gap of 0 is a touch, a gap of this much is outside"""
    formation_radius_m: float
    sensing_radius_m: float
    per_sensing_radius: float
    """1 / sensing radius: kernels multiply, since a division costs them five times as much"""
    per_max_speed: float
    """1 / highest speed"""
    braking_per_speed2: float
    """Braking distance v^2 / (2 a_max), over v^2 and the sensing radius"""
    turning_per_speed: float
    """Turn radius v / w_max, over v and the sensing radius"""
    horizon_s: float
    """How far ahead a closest approach is foreseen: two sensing radii at the highest speed"""
    per_horizon: float
    """1 / horizon"""


def physics_of(world: NavigateWorldConfig) -> Physics:
    """The settings in the kernels' form."""
    return Physics(
        is_unicycle=world.dynamics == "unicycle",
        step_s=world.step_s,
        min_speed_mps=world.speed_mps[0],
        max_speed_mps=world.speed_mps[1],
        max_acceleration_mps2=world.max_acceleration_mps2,
        max_turn_rate_radps=world.max_turn_rate_radps,
        arrival_radius_m=world.arrival_radius_m,
        collision_distance_m=world.collision_distance_m,
        band_m=max(world.warning_distance_m - world.collision_distance_m, _LEAST_BAND_M),
        formation_radius_m=world.formation_radius_m,
        sensing_radius_m=world.sensing_radius_m,
        per_sensing_radius=1.0 / world.sensing_radius_m,
        per_max_speed=1.0 / world.speed_mps[1],
        braking_per_speed2=0.5 / (world.max_acceleration_mps2 * world.sensing_radius_m),
        turning_per_speed=1.0 / (world.max_turn_rate_radps * world.sensing_radius_m),
        horizon_s=2.0 * world.sensing_radius_m / world.speed_mps[1],
        per_horizon=0.5 * world.speed_mps[1] / world.sensing_radius_m,
    )
