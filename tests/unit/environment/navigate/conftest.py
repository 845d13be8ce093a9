"""The looped world of task `navigate`: the rules of the batch once more, as plain objects, apart from the kernels.

`LoopedWorld` is one episode; zones are the looped ones of `../conftest.py`. It rounds what the batch stores as float32
and calculates in doubles. The rules stand in the docstrings below.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rl_cluster.config.load import load_config
from rl_cluster.config.navigate import NavigateRewardConfig, NavigateWorldConfig
from rl_cluster.config.schema import Config
from rl_cluster.environment.navigate.generator import NavigateGenerator
from rl_cluster.environment.navigate.scenarios import NavigateScenarios
from rl_cluster.environment.navigate.state import NavigateState
from rl_cluster.environment.navigate.worlds import NavigateWorlds
from rl_cluster.environment.scenario.scenario_file import Scenario, parse_scenario

Start = tuple[float, float, float, float, float]

SEED = 13
CROWDED = {
    "generator.num_uavs": [1, 5],
    "generator.num_obstacles": [0, 3],
    "generator.spacing_m": 60.0,
    "generator.obstacle_radius_m": [3.0, 4.0],
    "generator.polygon_share": 0.5,
    "generator.goal_matching": "random",
    "world.step_s": 0.5,
    "world.speed_mps": [0.0, 20.0],
    "world.max_acceleration_mps2": 8.0,
    "world.max_turn_rate_radps": 1.5,
    "world.arrival_radius_m": 6.0,
    "world.collision_distance_m": 6.0,
    "world.warning_distance_m": 10.0,
    "world.formation_radius_m": 0.0,
    "world.sensing_radius_m": 50.0,
    "world.time_limit_sides": 4.0,
    "world.num_encounters": 4,
}
"""Small and full: whoever flies straight meets something, and some arrive."""
NO_REWARD = dict.fromkeys(NavigateRewardConfig.model_fields, 0.0) | {"own_weight": 1.0}


def stored(value: float) -> float:
    """As float32 keeps it."""
    return float(np.float32(value))


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
        self, zones: list[Any], state: NavigateState, row: int, world: NavigateWorldConfig, reward: NavigateRewardConfig
    ) -> None:
        self.zones, self.world, self.reward = zones, world, reward
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
        self.terms = [dict.fromkeys(NO_REWARD, 0.0) for _ in self.uavs]
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


def make_config(**changes: object) -> Config:
    """The crowded settings, changed: `world__step_s=1.0` sets world.step_s."""
    settings = CROWDED | {name.replace("__", "."): value for name, value in changes.items()}
    return load_config("navigate_demo", [f"{name}={value}" for name, value in settings.items()])


def make_generated(num_worlds: int, first_world: int = 0, seed: int = SEED, **changes: object) -> NavigateWorlds:
    """Worlds of the crowded settings."""
    config = make_config(**changes)
    source = NavigateGenerator(config.generator, config.world, seed, is_training=False)
    worlds = NavigateWorlds(source, config.world, config.reward, num_worlds, first_world)
    worlds.reset()
    return worlds


def make_scenario(
    uavs: Sequence[Start], zones: Sequence[dict[str, object]] = (), time_limit_s: float = 100.0
) -> Scenario:
    """UAVs (x, y, heading, goal x, goal y) in an area of 1 km."""
    common = {"resources": [1.0], "range_m": 1e5, "speed_mps": [1.0, 2.0], "cruise_mps": 1.0}
    data = {
        "name": "given",
        "area": {"width_m": 1000.0, "height_m": 1000.0},
        "time_limit_s": time_limit_s,
        "uavs": [
            {"id": f"u{i}", "position_m": [x, y], "heading_rad": heading, "goal_m": [goal_x, goal_y], **common}
            for i, (x, y, heading, goal_x, goal_y) in enumerate(uavs)
        ],
        "targets": [],
        "obstacles": list(zones),
    }
    return parse_scenario(data, "given")


def make_played(
    scenarios: Sequence[Scenario], weights: dict[str, float] | None = None, **changes: object
) -> NavigateWorlds:
    """A world for each scenario, at its start; without reward but for the weights."""
    world = make_config(**changes).world
    reward = NavigateRewardConfig.model_validate(NO_REWARD | (weights or {}))
    worlds = NavigateWorlds(NavigateScenarios(scenarios, world, SEED), world, reward, len(scenarios))
    worlds.reset()
    return worlds


def make_given(
    uavs: Sequence[Start],
    zones: Sequence[dict[str, object]] = (),
    weights: dict[str, float] | None = None,
    time_limit_s: float = 100.0,
    **changes: object,
) -> NavigateWorlds:
    """One world as of `make_scenario`."""
    return make_played([make_scenario(uavs, zones, time_limit_s)], weights, **changes)


@pytest.fixture(scope="session")
def crowded() -> Callable[..., Config]:
    """Makes the settings of a small and full world, with changes."""
    return make_config


@pytest.fixture(scope="session")
def generated() -> Callable[..., NavigateWorlds]:
    """Makes B generated worlds, at their start."""
    return make_generated


@pytest.fixture(scope="session")
def scenario() -> Callable[..., Scenario]:
    """Makes a scenario with UAVs (x, y, heading, goal x, goal y)."""
    return make_scenario


@pytest.fixture(scope="session")
def played() -> Callable[..., NavigateWorlds]:
    """Makes a world for each of some scenarios, at its start."""
    return make_played


@pytest.fixture(scope="session")
def given() -> Callable[..., NavigateWorlds]:
    """Makes one world with UAVs as they are given, at its start."""
    return make_given


@pytest.fixture(scope="session")
def looped(looped_zones: Callable[..., list[Any]]) -> Callable[[NavigateWorlds, int], LoopedWorld]:
    """Makes the looped world of a row of worlds that are at their start."""

    def make(worlds: NavigateWorlds, row: int) -> LoopedWorld:
        reward = NavigateRewardConfig(**worlds._weights._asdict())
        return LoopedWorld(looped_zones(worlds.state, row), worlds.state, row, worlds.world, reward)

    return make
