"""The looped world of task `navigate`: the rules of the batch once more, as plain objects, apart from the kernels.

`LoopedWorld` is one episode. It rounds what the batch stores as float32 and calculates in doubles. The docstrings state
the rules.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl_cluster.config.navigate import NavigateRewardConfig, NavigateWorldConfig
from rl_cluster.environment.navigate.state import NavigateState
from tests.reference.zones import stored, zones_of

__all__ = ["LoopedWorld"]


@dataclass
class LoopedUAV:
    position: tuple[float, float]
    heading: float
    speed: float
    velocity: tuple[float, float]
    goal: tuple[float, float]
    straight: float = 0.0
    arrival: float | None = None
    flown: float = 0.0
    effort: float = 0.0
    num_collisions: int = 0
    is_touching: bool = False

    @property
    def distance(self) -> float:
        return math.dist(self.position, self.goal)


class LoopedWorld:
    """One episode, from a row of a state that is at its start."""

    def __init__(
        self, state: NavigateState, row: int, world: NavigateWorldConfig, reward: NavigateRewardConfig
    ) -> None:
        self.zones, self.world, self.reward = zones_of(state, row), world, reward
        self.uavs = [
            LoopedUAV(
                position=tuple(state.uav_position_m[row, i].tolist()),
                heading=float(state.uav_heading_rad[row, i]),
                speed=float(state.uav_speed_mps[row, i]),
                velocity=tuple(state.uav_velocity_mps[row, i].tolist()),
                goal=tuple(state.uav_goal_m[row, i].tolist()),
            )
            for i in np.flatnonzero(state.uav_exists[row])
        ]
        for uav in self.uavs:
            uav.straight = uav.distance
        self.time, self.time_limit = 0.0, float(state.time_limit_s[row])
        self.in_formation: list[float] = []
        self.return_sum = 0.0

    @property
    def all_arrived(self) -> bool:
        return all(uav.arrival is not None for uav in self.uavs)

    @property
    def is_late(self) -> bool:
        return not self.all_arrived and self.time >= self.time_limit

    def advance(self, controls: NDArray[Any]) -> list[float]:
        """One step: all UAVs under way move at once, then arrivals, contacts and the formation are looked at."""
        under_way = [uav.arrival is None for uav in self.uavs]
        self.terms = [dict.fromkeys(NavigateRewardConfig.model_fields, 0.0) for _ in self.uavs]
        for i, uav in enumerate(self.uavs):
            if under_way[i]:
                self._move(uav, self.terms[i], *controls[i].tolist())
        for uav, terms in zip(self.uavs, self.terms, strict=True):
            self._touch(uav, terms)
        self._keep_formation()
        for uav in self.uavs:
            if uav.arrival is not None:
                uav.speed, uav.velocity = 0.0, (0.0, 0.0)
        self.time = stored(self.time + self.world.step_s)
        weights = self.reward.model_dump()
        own = [
            sum(weights[name] * amount for name, amount in terms.items()) * moves
            for terms, moves in zip(self.terms, under_way, strict=True)
        ]
        share, mean = self.reward.own_weight, sum(own) / len(own)
        rewards = [share * each + (1.0 - share) * mean for each in own]
        self.return_sum += sum(rewards)
        return rewards

    def _move(self, uav: LoopedUAV, terms: dict[str, float], first: float, second: float) -> None:
        world, before = self.world, uav.distance
        gain = world.max_acceleration_mps2 * world.step_s
        if world.dynamics == "unicycle":
            low, high = world.speed_mps
            speed = min(high, max(low, uav.speed + gain * first))
            heading = uav.heading + world.max_turn_rate_radps * world.step_s * second
            uav.heading = stored(math.atan2(math.sin(heading), math.cos(heading)))
            east, north = speed * math.cos(heading), speed * math.sin(heading)
        else:
            east, north = uav.velocity[0] + gain * first, uav.velocity[1] + gain * second
            cut = min(1.0, world.speed_mps[1] / max(math.hypot(east, north), 1e-9))
            east, north = cut * east, cut * north
            speed = math.hypot(east, north)
        uav.speed, uav.velocity = stored(speed), (stored(east), stored(north))
        uav.position = (
            stored(uav.position[0] + east * world.step_s),
            stored(uav.position[1] + north * world.step_s),
        )
        effort = (first**2 + second**2) / 2.0 * world.step_s
        uav.flown, uav.effort = stored(uav.flown + speed * world.step_s), stored(uav.effort + effort)
        terms["progress"] = (before - uav.distance) / world.sensing_radius_m
        terms["effort"], terms["time"] = -effort, -world.step_s
        if uav.distance <= world.arrival_radius_m:
            uav.arrival = stored(self.time + world.step_s)
            terms["arrival"] = 1.0

    def gaps(self, uav: LoopedUAV) -> list[float]:
        """To all other bodies; below 0 they touch."""
        world = self.world
        others = [math.dist(uav.position, other.position) for other in self.uavs if other is not uav]
        return [distance - world.collision_distance_m for distance in others] + [
            zone.gap(uav.position) - world.collision_distance_m / 2.0 for zone in self.zones
        ]

    def _touch(self, uav: LoopedUAV, terms: dict[str, float]) -> None:
        """A collision counts when a UAV that touched nothing touches something."""
        gap = min(self.gaps(uav), default=math.inf)
        band = self.world.warning_distance_m - self.world.collision_distance_m
        terms["warning"] = -self.world.step_s * min(1.0, max(0.0, 1.0 - gap / band))
        if gap < 0.0 and not uav.is_touching:
            uav.num_collisions += 1
            terms["collision"] = -1.0
        uav.is_touching = gap < 0.0

    def _keep_formation(self) -> None:
        radius = self.world.formation_radius_m
        if radius == 0.0:
            return
        kept = []
        for uav, terms in zip(self.uavs[1:], self.terms[1:], strict=True):
            excess = math.dist(uav.position, self.uavs[0].position) - radius
            kept.append(excess <= 0.0)
            if excess > 0.0 and uav.arrival is None:
                terms["formation"] = -self.world.step_s * min(1.0, excess / self.world.sensing_radius_m)
        self.in_formation.append(sum(kept) / len(kept) if kept else 1.0)
