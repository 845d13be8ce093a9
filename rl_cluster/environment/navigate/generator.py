"""Draws episodes of task `navigate`: starts, goals and zones, at constant density.

The square area's side is spacing * sqrt(N). Starts, goals and zones take distinct cells of a jittered grid of
ceil(sqrt(2 N + O)) cells a side, so placement never loops on rejection; half of the warning distance is kept to the
edges of a cell, so nothing touches at the start, and no goal is blocked. With a formation, starts take cells at one
edge of the area and goals cells at the other, so that the team travels together.
"""

import math
from collections.abc import Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from rl_cluster.config.curriculum import NavigateStage
from rl_cluster.config.navigate import NavigateGeneratorConfig, NavigateWorldConfig
from rl_cluster.environment.navigate.generator_ranges import ranges_of
from rl_cluster.environment.navigate.state import NavigateState
from rl_cluster.environment.shared.interface import Sizes
from rl_cluster.environment.shared.keyed_random import EVALUATION, TRAINING, key, uniform, uniform_int
from rl_cluster.environment.shared.stages import StageRanges
from rl_cluster.environment.shared.zones import MAX_DRAWN_CORNERS, NUM_ZONE_DRAWS, Circle, draw_zone
from rl_cluster.types import StageMix

__all__ = ["NavigateGenerator", "match_goals"]

_CELL, _PLACE, _HEADING, _ZONE = 1 << 16, 1 << 20, 1 << 24, 1 << 28
"""First counters of the draws for cells, places, headings and zones: far apart, so that no draw is used twice."""


class NavigateGenerator:
    """Episode (seed, world, episode) is always the same, and training never meets evaluation's.

    Args:
        is_training: Which of the two disjoint streams the episodes come from.
        stages: Stages of a curriculum. Without them, or until a mixture is set, the config's ranges or the first stage
            hold.
    """

    def __init__(
        self,
        config: NavigateGeneratorConfig,
        world: NavigateWorldConfig,
        seed: int,
        is_training: bool,
        stages: Sequence[NavigateStage] = (),
    ) -> None:
        self._config, self._drawn = config, ranges_of(config, world)
        self._seed, self._stream = seed, TRAINING if is_training else EVALUATION
        self._ranges = StageRanges([(stage.num_uavs, stage.num_obstacles) for stage in stages or (config,)], seed)
        most = config.num_uavs[1] * 2 + config.num_obstacles[1]
        self._cells = np.zeros(math.ceil(math.sqrt(most)) ** 2, dtype=np.int64)

    @property
    def sizes(self) -> Sizes:
        """The high ends of the config's ranges."""
        config = self._config
        num_vertices = MAX_DRAWN_CORNERS if config.polygon_share > 0.0 and config.num_obstacles[1] > 0 else 0
        return Sizes(config.num_uavs[1], 0, config.num_obstacles[1], 0, num_vertices)

    @property
    def seed(self) -> int:
        """The seed that keys the episodes."""
        return self._seed

    @property
    def has_hidden_events(self) -> bool:
        """False: all of an episode is known at its start."""
        return False

    def hidden_shares(self, worlds: NDArray[np.int64], episodes: NDArray[np.int64]) -> None:
        """None: nothing is hidden."""

    def set_mix(self, mix: StageMix) -> None:
        """Draws the next episodes from another mixture of stages. Raises ValueError if there is no such stage."""
        self._ranges.set_mix(mix)

    def fill(self, state: NavigateState, rows: NDArray[np.int64], first_world: int) -> None:
        """Writes episode `state.episode[row]` of world first_world + row into each of the rows, which hold zeros."""
        counts_R22 = self._ranges.of_worlds(first_world + rows)
        _generate(state, rows, counts_R22, self._drawn, self._cells, self._seed, self._stream, first_world)
        if self._config.goal_matching == "hungarian":
            for row in rows:
                match_goals(state, row)


def match_goals(state: NavigateState, row: int) -> None:
    """Reassigns the goals of a world's UAVs with the least total straight distance (Kuhn 1955)."""
    exists = state.uav_exists[row]
    starts_m, goals_m = (points[row, exists].astype(np.float64) for points in (state.uav_position_m, state.uav_goal_m))
    _, matched = linear_sum_assignment(np.linalg.norm(starts_m[:, None] - goals_m, axis=-1))
    state.uav_goal_m[row, exists] = goals_m[matched]


@njit(cache=True, _nrt=False)
def _generate(state, rows, counts_R22, ranges, cells, seed, stream, first_world):  # type: ignore[no-untyped-def]  # numba infers the types
    for position in range(rows.shape[0]):
        b = rows[position]
        episode_key = key(seed, stream, first_world + b, state.episode[b])
        num_uavs = uniform_int(episode_key, 0, counts_R22[position, 0, 0], counts_R22[position, 0, 1])
        num_zones = uniform_int(episode_key, 1, counts_R22[position, 1, 0], counts_R22[position, 1, 1])
        side_m = ranges.spacing_m * math.sqrt(num_uavs)
        state.area_m[b, 0] = side_m
        state.area_m[b, 1] = side_m
        state.time_limit_s[b] = ranges.time_limit_sides * side_m / ranges.speed_mps[1]
        per_side = math.ceil(math.sqrt(2 * num_uavs + num_zones))
        _shuffle(episode_key, cells, per_side * per_side)
        if ranges.has_formation:
            _sort_ends(cells, num_uavs, per_side * per_side)
        cell_m = side_m / per_side
        for i in range(num_uavs):
            x, y = _spot(episode_key, cells[i], per_side, cell_m, ranges.margin_m, _PLACE + 4 * i)
            state.uav_exists[b, i] = True
            state.uav_position_m[b, i, 0], state.uav_position_m[b, i, 1] = x, y
            x, y = _spot(episode_key, cells[num_uavs + i], per_side, cell_m, ranges.margin_m, _PLACE + 4 * i + 2)
            state.uav_goal_m[b, i, 0], state.uav_goal_m[b, i, 1] = x, y
            if ranges.is_unicycle:
                state.uav_heading_rad[b, i] = math.pi * (2.0 * uniform(episode_key, _HEADING + i) - 1.0)
                state.uav_speed_mps[b, i] = ranges.speed_mps[0]
        for o in range(num_zones):
            counter, (least_m, most_m) = _ZONE + (3 + NUM_ZONE_DRAWS) * o, ranges.obstacle_radius_m
            radius = least_m + (most_m - least_m) * uniform(episode_key, counter)
            margin_m = ranges.margin_m + 2.0 * radius
            x, y = _spot(episode_key, cells[2 * num_uavs + o], per_side, cell_m, margin_m, counter + 1)
            draw_zone(state, b, o, Circle(x, y, radius), ranges.polygon_share, episode_key, counter + 3)


@njit(cache=True, _nrt=False)
def _shuffle(episode_key, cells, num_cells):  # type: ignore[no-untyped-def]  # numba infers the types
    """Fisher-Yates over the first `num_cells` entries."""
    for cell in range(num_cells):
        cells[cell] = cell
    for position in range(num_cells):
        other = uniform_int(episode_key, _CELL + position, position, num_cells - 1)
        first, second = cells[position], cells[other]
        cells[position], cells[other] = second, first


@njit(cache=True, _nrt=False)
def _sort_ends(cells, num_uavs, num_cells):  # type: ignore[no-untyped-def]  # numba infers the types
    """Puts the lowest `num_uavs` cells first and the highest ones next; all others follow in their drawn order."""
    for position in range(num_uavs):
        for other in range(num_cells):
            if cells[other] == position:
                first, second = cells[position], cells[other]
                cells[position], cells[other] = second, first
                break
    for position in range(num_uavs):
        for other in range(num_uavs, num_cells):
            if cells[other] == num_cells - 1 - position:
                first, second = cells[num_uavs + position], cells[other]
                cells[num_uavs + position], cells[other] = second, first
                break


@njit(cache=True, _nrt=False)
def _spot(episode_key, cell, per_side, cell_m, margin_m, counter):  # type: ignore[no-untyped-def]  # numba infers the types
    """A uniform place in a cell, half of the margin off its edges."""
    span_m = cell_m - margin_m
    x = (cell % per_side) * cell_m + 0.5 * margin_m + span_m * uniform(episode_key, counter)
    y = (cell // per_side) * cell_m + 0.5 * margin_m + span_m * uniform(episode_key, counter + 1)
    return x, y
