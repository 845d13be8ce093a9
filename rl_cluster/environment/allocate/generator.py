"""Draws episodes: team sizes, resources, speeds, obstacles and a supply/demand ratio, at constant density.

The square area's side is spacing * sqrt((N + M) / 2). UAVs, targets, obstacles and the depot take distinct cells of a
jittered grid, so placement never loops on rejection, and a zone with its clearance stays inside its cell. Range and
time limit scale with the side, so that the local problem is the same at every size. Appearances and failures during the
episode are drawn last, with separate counters, so that an option that is off changes no other draw.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rl_cluster.config.allocate import AllocateGeneratorConfig, AllocateWorldConfig
from rl_cluster.config.curriculum import AllocateStage
from rl_cluster.environment.allocate.generator_ranges import ranges_of
from rl_cluster.environment.allocate.preferences import draw_preferences, preference_ranges
from rl_cluster.environment.allocate.state import EPSILON, AllocateState
from rl_cluster.environment.shared.interface import Sizes
from rl_cluster.environment.shared.keyed_random import EVALUATION, TRAINING, key, uniform, uniform_int
from rl_cluster.environment.shared.stages import StageRanges
from rl_cluster.environment.shared.zones import MAX_DRAWN_CORNERS, NUM_ZONE_DRAWS, Circle, draw_zone
from rl_cluster.types import StageMix

__all__ = ["AllocateGenerator"]


class AllocateGenerator:
    """An `EpisodeSource`: episode (seed, world, episode) is always the same, and training never meets evaluation's.

    Args:
        is_training: Which of the two disjoint streams the episodes come from.
        stages: Stages of a curriculum. Without them, or until a mixture is set, the config's ranges or the first stage
            hold.
    """

    def __init__(
        self,
        config: AllocateGeneratorConfig,
        world: AllocateWorldConfig,
        seed: int,
        is_training: bool,
        stages: Sequence[AllocateStage] = (),
    ) -> None:
        self._config, self._drawn = config, ranges_of(config, world)
        self._preferences = preference_ranges(config) if is_training else None
        self._seed, self._stream = seed, TRAINING if is_training else EVALUATION
        ranges = [(stage.num_uavs, stage.num_targets, stage.num_obstacles) for stage in stages or (config,)]
        self._ranges = StageRanges(ranges, seed)

    @property
    def sizes(self) -> Sizes:
        """The high ends of the config's ranges."""
        config = self._config
        num_vertices = MAX_DRAWN_CORNERS if config.polygon_share > 0.0 else 0
        num_depots = config.num_uavs[1] if config.has_depot and config.depot_per_uav else 1
        return Sizes(
            *(config.num_uavs[1], config.num_targets[1], config.num_obstacles[1]),
            *(config.num_resources, num_vertices, num_depots),
        )

    @property
    def seed(self) -> int:
        """The seed that keys the episodes."""
        return self._seed

    def set_mix(self, mix: StageMix) -> None:
        """Draws the next episodes from another mixture of stages. Raises ValueError if there is no such stage."""
        self._ranges.set_mix(mix)

    def fill(self, state: AllocateState, rows: NDArray[np.int64], first_world: int) -> None:
        """Writes episode `state.episode[row]` of world first_world + row into each of the rows, which hold zeros."""
        counts_R32 = self._ranges.of_worlds(first_world + rows)
        _generate(state, rows, counts_R32, self._drawn, self._seed, self._stream, first_world)
        if self._preferences is not None:
            draw_preferences(state, rows, first_world + rows, self._seed, self._preferences)


_CELL, _PLACE, _UAV, _ZONE, _TARGET = 1 << 16, 1 << 20, 1 << 24, 1 << 26, 1 << 28
"""First counters of the draws for cells, places, UAVs, zones and targets: far apart, so that no draw is used twice."""


class _Counts(NamedTuple):
    """The numbers of entities in one episode."""

    num_uavs: int
    num_targets: int
    num_obstacles: int


@njit(cache=True)
def _draw_counts(episode_key, counts_32):  # type: ignore[no-untyped-def]  # numba infers the types
    return _Counts(
        uniform_int(episode_key, 0, counts_32[0, 0], counts_32[0, 1]),
        uniform_int(episode_key, 1, counts_32[1, 0], counts_32[1, 1]),
        uniform_int(episode_key, 2, counts_32[2, 0], counts_32[2, 1]),
    )


@njit(cache=True)
def _generate(state, rows, counts_R32, ranges, seed, stream, first_world):  # type: ignore[no-untyped-def]  # numba infers the types
    for position, b in enumerate(rows):
        episode_key = key(seed, stream, first_world + b, state.episode[b])
        counts = _draw_counts(episode_key, counts_R32[position])
        side_m = ranges.spacing_m * math.sqrt((counts.num_uavs + counts.num_targets) / 2.0)
        state.area_m[b] = side_m
        _place(state, b, episode_key, counts, side_m, ranges)
        _equip(state, b, episode_key, counts.num_uavs, side_m, ranges)
        _demand(state, b, episode_key, counts.num_targets, ranges)
        state.uav_max_turn_rate_radps[b, : counts.num_uavs] = ranges.max_turn_rate_radps
        mean_cruise_mps = state.uav_cruise_mps[b, : counts.num_uavs].mean()
        state.time_limit_s[b] = ranges.time_limit_sides * side_m / mean_cruise_mps
        _draw_service(state, b, episode_key, counts.num_targets, ranges)
        _draw_failures(state, b, episode_key, counts.num_uavs, ranges.failing_share)


@njit(cache=True)
def _between(episode_key, counter, low_high):  # type: ignore[no-untyped-def]  # numba infers the types
    return low_high[0] + (low_high[1] - low_high[0]) * uniform(episode_key, counter)


@njit(cache=True)
def _shuffled_cells(episode_key, num_cells, count):  # type: ignore[no-untyped-def]  # numba infers the types
    """The first `count` of a Fisher-Yates shuffle of the cells."""
    cells = np.arange(num_cells)
    for position in range(count):
        other = uniform_int(episode_key, _CELL + position, position, num_cells - 1)
        cells[position], cells[other] = cells[other], cells[position]
    return cells[:count]


@njit(cache=True)
def _place(state, b, episode_key, counts, side_m, ranges):  # type: ignore[no-untyped-def]  # numba infers the types
    """Positions of all entities, each in its own cell; obstacles keep their clearance inside their cell."""
    num_uavs, num_targets, num_obstacles = counts
    depot = num_uavs + num_targets + num_obstacles
    count = depot + ranges.has_common_depot
    per_side = math.ceil(math.sqrt(count))
    cell_m = side_m / per_side
    cells = _shuffled_cells(episode_key, per_side * per_side, count)
    for entity in range(count):
        zone_radius_m, margin_m, obstacle = 0.0, 0.0, entity - num_uavs - num_targets
        if 0 <= obstacle < num_obstacles:
            zone_radius_m = np.float64(
                np.float32(_between(episode_key, _PLACE + 3 * entity + 2, ranges.obstacle_radius_m))
            )
            margin_m = zone_radius_m + ranges.clearance_m
        span_m = cell_m - 2.0 * margin_m
        x = (cells[entity] % per_side) * cell_m + margin_m + span_m * uniform(episode_key, _PLACE + 3 * entity)
        y = (cells[entity] // per_side) * cell_m + margin_m + span_m * uniform(episode_key, _PLACE + 3 * entity + 1)
        if entity == depot:
            state.depot_position_m[b, 0, 0], state.depot_position_m[b, 0, 1] = x, y
            state.uav_depot[b, :num_uavs] = 1
        elif obstacle >= 0:
            circle, counter = Circle(x, y, zone_radius_m), _ZONE + NUM_ZONE_DRAWS * obstacle
            draw_zone(state, b, obstacle, circle, ranges.polygon_share, episode_key, counter)
        elif entity < num_uavs:
            state.uav_exists[b, entity] = True
            state.uav_position_m[b, entity, 0], state.uav_position_m[b, entity, 1] = x, y
            if ranges.has_own_depots:
                state.uav_depot[b, entity] = 1 + entity
                state.depot_position_m[b, entity] = state.uav_position_m[b, entity]
        else:
            target = entity - num_uavs
            state.target_exists[b, target] = True
            state.target_position_m[b, target, 0], state.target_position_m[b, target, 1] = x, y


@njit(cache=True)
def _equip(state, b, episode_key, num_uavs, side_m, ranges):  # type: ignore[no-untyped-def]  # numba infers the types
    """Heading, speeds, range and resources of the UAVs."""
    num_kinds = state.uav_resources.shape[2]
    for i in range(num_uavs):
        first = _UAV + 32 * i
        state.uav_heading_rad[b, i] = math.pi * (2.0 * uniform(episode_key, first) - 1.0)
        cruise = _between(episode_key, first + 1, ranges.cruise_mps)
        state.uav_cruise_mps[b, i] = cruise
        state.uav_speed_mps[b, i, 0] = cruise * ranges.speed_share[0]
        state.uav_speed_mps[b, i, 1] = cruise * ranges.speed_share[1]
        state.uav_range_left_m[b, i] = side_m * _between(episode_key, first + 2, ranges.range_sides)
        is_specialist = num_kinds > 1 and uniform(episode_key, first + 3) < ranges.specialist_share
        missing = uniform_int(episode_key, first + 4, 0, num_kinds - 1) if is_specialist else -1
        for r in range(num_kinds):
            if r != missing:
                state.uav_resources[b, i, r] = _between(episode_key, first + 5 + r, ranges.uav_resource)


@njit(cache=True)
def _demand(state, b, episode_key, num_targets, ranges):  # type: ignore[no-untyped-def]  # numba infers the types
    """Demands: 1 +- spread per target and kind, scaled so that supply over demand is the ratio drawn for the kind."""
    num_kinds = state.target_demand.shape[2]
    for r in range(num_kinds):
        ratio = _between(episode_key, 3 + r, ranges.supply_demand_ratio)
        supply, total = 0.0, 0.0
        for i in range(state.uav_resources.shape[1]):
            supply += state.uav_resources[b, i, r]
        for j in range(num_targets):
            shape = 1.0 + ranges.demand_spread * (2.0 * uniform(episode_key, _TARGET + 16 * j + r) - 1.0)
            state.target_demand[b, j, r] = shape
            total += shape
        for j in range(num_targets):
            demand = state.target_demand[b, j, r] * supply / (ratio * total)
            state.target_demand[b, j, r] = demand if demand > EPSILON else 0.0


@njit(cache=True)
def _draw_service(state, b, episode_key, num_targets, ranges):  # type: ignore[no-untyped-def]  # numba infers the types
    """Values and service times of the targets; some of them appear during the first half of the time limit."""
    for j in range(num_targets):
        first = _TARGET + 16 * j + 8
        state.target_value[b, j] = _between(episode_key, first, ranges.target_value)
        state.target_service_s[b, j] = _between(episode_key, first + 1, ranges.service_time_s)
        if uniform(episode_key, first + 2) < ranges.appearing_share:
            state.target_appears_s[b, j] = 0.5 * state.time_limit_s[b] * uniform(episode_key, first + 3)


@njit(cache=True)
def _draw_failures(state, b, episode_key, num_uavs, failing_share):  # type: ignore[no-untyped-def]  # numba infers the types
    """Some of the UAVs fail during the time limit."""
    for i in range(num_uavs):
        first = _UAV + 32 * i + 16
        fails = uniform(episode_key, first) < failing_share
        state.uav_fails_s[b, i] = state.time_limit_s[b] * uniform(episode_key, first + 1) if fails else np.inf
