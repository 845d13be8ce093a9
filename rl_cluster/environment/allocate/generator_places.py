"""Places the entities of a generated episode of task `allocate`: kernels of the generator.

UAVs that start apart, pads, rows, targets, zones and the depot take distinct cells of a jittered grid, so placement
never loops on rejection. A zone with its clearance, and a row, stay inside their cells.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from rl_cluster.environment.allocate.generator_ranges import CELL, EPISODE, PAD, PLACE, UAV_STARTS, ZONE, between
from rl_cluster.environment.shared.keyed_random import uniform, uniform_int
from rl_cluster.environment.shared.zones import NUM_ZONE_DRAWS, Circle, draw_zone

__all__ = ["Start", "draw_start", "pad_of", "place"]

_SCATTERED, _PADS, _ROW, _MIXED = (UAV_STARTS.index(name) for name in ("scattered", "pads", "row", "mixed"))
_START, _NUM_PADS, _ROW_ANGLE = EPISODE, EPISODE + 1, EPISODE + 2
_ROW_SHARE = 0.9
"""The longest row, as a share of its cell's side: its ends stay off the cell's edges, which zones may touch."""


class Start(NamedTuple):
    """How the UAVs of an episode start."""

    kind: int
    """A position in `UAV_STARTS`, but not that of mixed"""
    num_pads: int
    """Cells that hold UAVs: one for each UAV, or for each pad, or one for a row"""


class _Grid(NamedTuple):
    """Square cells, in rows."""

    per_side: int
    cell_m: float


@njit(cache=True)
def draw_start(episode_key, num_uavs, ranges):  # type: ignore[no-untyped-def]  # numba infers the types
    """The `Start` of an episode."""
    kind = ranges.uav_start
    if kind == _MIXED:
        kind = uniform_int(episode_key, _START, 0, _MIXED - 1)
    if kind == _SCATTERED:
        return Start(kind, num_uavs)
    if kind == _PADS:
        return Start(kind, min(num_uavs, uniform_int(episode_key, _NUM_PADS, ranges.num_pads[0], ranges.num_pads[1])))
    return Start(kind, 1)


@njit(cache=True)
def pad_of(episode_key, i, start):  # type: ignore[no-untyped-def]  # numba infers the types
    """Which of the start's cells holds UAV i. Each has at least one UAV; the others are drawn."""
    return i if i < start.num_pads else uniform_int(episode_key, PAD + i, 0, start.num_pads - 1)


@njit(cache=True)
def place(state, b, episode_key, counts, start, side_m, ranges):  # type: ignore[no-untyped-def]  # numba infers the types
    """Writes the positions of all entities."""
    num_uavs, num_targets, num_obstacles = counts
    first_zone = start.num_pads + num_targets
    count = first_zone + num_obstacles + ranges.has_common_depot
    per_side = math.ceil(math.sqrt(count))
    grid = _Grid(per_side, side_m / per_side)
    cells = _shuffled_cells(episode_key, per_side * per_side, count)
    _place_uavs(state, b, episode_key, cells, grid, start, num_uavs, ranges.row_gap_m)
    if ranges.has_own_depots:
        for i in range(num_uavs):
            state.uav_depot[b, i] = 1 + i
            state.depot_position_m[b, i] = state.uav_position_m[b, i]
    for j in range(num_targets):
        entity = start.num_pads + j
        x, y = _point_in_cell(episode_key, entity, cells[entity], grid, 0.0, 0.0)
        state.target_exists[b, j] = True
        state.target_position_m[b, j, 0], state.target_position_m[b, j, 1] = x, y
    for o in range(num_obstacles):
        _place_zone(state, b, episode_key, o, first_zone + o, cells[first_zone + o], grid, ranges)
    if ranges.has_common_depot:
        x, y = _point_in_cell(episode_key, count - 1, cells[count - 1], grid, 0.0, 0.0)
        state.depot_position_m[b, 0, 0], state.depot_position_m[b, 0, 1] = x, y
        state.uav_depot[b, :num_uavs] = 1


@njit(cache=True)
def _shuffled_cells(episode_key, num_cells, count):  # type: ignore[no-untyped-def]  # numba infers the types
    """The first `count` of a Fisher-Yates shuffle of the cells."""
    cells = np.arange(num_cells)
    for position in range(count):
        other = uniform_int(episode_key, CELL + position, position, num_cells - 1)
        cells[position], cells[other] = cells[other], cells[position]
    return cells[:count]


@njit(cache=True)
def _point_in_cell(episode_key, entity, cell, grid, margin_x_m, margin_y_m):  # type: ignore[no-untyped-def]  # numba infers the types
    """A point of the entity's cell, uniform over what the margins at its sides leave."""
    span_x_m, span_y_m = grid.cell_m - 2.0 * margin_x_m, grid.cell_m - 2.0 * margin_y_m
    first = PLACE + 3 * entity
    x = (cell % grid.per_side) * grid.cell_m + margin_x_m + span_x_m * uniform(episode_key, first)
    y = (cell // grid.per_side) * grid.cell_m + margin_y_m + span_y_m * uniform(episode_key, first + 1)
    return x, y


@njit(cache=True)
def _place_uavs(state, b, episode_key, cells, grid, start, num_uavs, row_gap_m):  # type: ignore[no-untyped-def]  # numba infers the types
    """UAVs of a pad share one point; a row lies across its cell at a drawn angle, in equal gaps."""
    gap_m, cosine, sine = 0.0, 1.0, 0.0
    if start.kind == _ROW and num_uavs > 1:
        gap_m = min(row_gap_m, _ROW_SHARE * grid.cell_m / (num_uavs - 1))
        angle_rad = math.pi * uniform(episode_key, _ROW_ANGLE)
        cosine, sine = math.cos(angle_rad), math.sin(angle_rad)
    half_m = 0.5 * gap_m * (num_uavs - 1)
    for i in range(num_uavs):
        pad = pad_of(episode_key, i, start)
        x, y = _point_in_cell(episode_key, pad, cells[pad], grid, half_m * abs(cosine), half_m * abs(sine))
        along_m = gap_m * i - half_m
        state.uav_exists[b, i] = True
        state.uav_position_m[b, i, 0] = x + along_m * cosine
        state.uav_position_m[b, i, 1] = y + along_m * sine


@njit(cache=True)
def _place_zone(state, b, episode_key, o, entity, cell, grid, ranges):  # type: ignore[no-untyped-def]  # numba infers the types
    """A zone that keeps its clearance inside its cell."""
    radius_m = np.float64(np.float32(between(episode_key, PLACE + 3 * entity + 2, ranges.obstacle_radius_m)))
    margin_m = radius_m + ranges.clearance_m
    x, y = _point_in_cell(episode_key, entity, cell, grid, margin_m, margin_m)
    draw_zone(state, b, o, Circle(x, y, radius_m), ranges.polygon_share, episode_key, ZONE + NUM_ZONE_DRAWS * o)
