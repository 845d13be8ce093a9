"""What UAVs can know about each other's plans in one world: which UAVs fly to which target, and what is left to do.

Without intent, UAVs that choose together cannot distinguish themselves from rivals. A UAV is *under way* to a target if
the target is its choice, even when it is present there. The resources of these UAVs are *committed*; the rest of the
demand is *uncovered*. A UAV is *free* if it can fly and has no choice. Targets that have not appeared do not count.
"""

import math
from enum import auto
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rl_cluster.environment.allocate.legality import could_serve, distance_m, has_appeared, is_coverable, is_open
from rl_cluster.environment.allocate.service import is_in_service
from rl_cluster.environment.allocate.state import EPSILON, AllocateState
from rl_cluster.environment.shared.columns import Place
from rl_cluster.environment.shared.interface import Sizes
from rl_cluster.types import BoolArray

__all__ = ["Figure", "Intent", "read_intent"]


class Figure(Place):
    """Places in `Intent.figures`."""

    FLYING_UAVS = auto()
    """UAVs that fly"""
    UAVS = auto()
    OPEN_TARGETS = auto()
    TARGETS = auto()
    """targets, open or closed"""
    MEAN_CRUISE_MPS = auto()
    """mean cruise speed of the UAVs"""
    MEAN_VALUE = auto()
    """mean value of the targets, open or closed"""


class Intent(NamedTuple):
    """Plans in one world, float64, and the figures of the world that all rows share."""

    unit: NDArray[np.float64]
    """(R,) mean initial resource of the world's UAVs, or the largest demand of a kind that none of them carries: the
    unit of all amounts that the policy sees"""
    axis: NDArray[np.float64]
    """(N, 2) cosine and sine of the UAV's heading"""
    distance_m: NDArray[np.float64]
    """(N, M) straight distances"""
    legal: BoolArray
    """(N, M) True = the UAV may choose the target"""
    committed: NDArray[np.float64]
    """(M, R) resources under way to the target, useful or not"""
    uncovered: NDArray[np.float64]
    """(M, R) max(0, remaining - committed)"""
    free_supply: NDArray[np.float64]
    """(M, R) resources of free UAVs that may choose the target"""
    nearer_free: NDArray[np.float64]
    """(R,) scratch of `features.py`: resources of the free UAVs that are nearer to a target than the UAV in hand"""
    num_under_way: NDArray[np.float64]
    """(M,) UAVs under way to the target"""
    earliest_s: NDArray[np.float64]
    """(M,) seconds until the first of them arrives (straight, at cruise speed); inf without any"""
    ideal: NDArray[np.float64]
    """(M,) the fewest UAVs near the target that could cover it (`crowding.py`)"""
    present: NDArray[np.float64]
    """(M, R) resources present at the target"""
    is_in_service: BoolArray
    """(M,) True = somebody serves the target now"""
    supply: NDArray[np.float64]
    """(R,) what flying UAVs still carry"""
    lack: NDArray[np.float64]
    """(R,) what remains of all targets"""
    figures: NDArray[np.float64]
    """counts and means of the world, by `Figure`"""

    @classmethod
    def empty(cls, sizes: Sizes) -> "Intent":
        """Room for the plans of one world; `read_intent` fills it."""
        n, m, _, r, *_ = sizes
        return cls(
            unit=np.zeros(r),
            axis=np.zeros((n, 2)),
            distance_m=np.zeros((n, m)),
            legal=np.zeros((n, m), dtype=np.bool_),
            committed=np.zeros((m, r)),
            uncovered=np.zeros((m, r)),
            free_supply=np.zeros((m, r)),
            nearer_free=np.zeros(r),
            num_under_way=np.zeros(m),
            earliest_s=np.zeros(m),
            ideal=np.zeros(m),
            present=np.zeros((m, r)),
            is_in_service=np.zeros(m, dtype=np.bool_),
            supply=np.zeros(r),
            lack=np.zeros(r),
            figures=np.zeros(len(Figure)),
        )


@njit(cache=True, _nrt=False)
def _largest_demand(state, b, r):  # type: ignore[no-untyped-def]  # numba infers the types
    largest = EPSILON
    for j in range(state.target_demand.shape[1]):
        if has_appeared(state, b, j):
            largest = max(largest, state.target_demand[b, j, r])
    return largest


@njit(cache=True, _nrt=False, inline="always")
def _read_units(state, b, unit):  # type: ignore[no-untyped-def]  # numba infers the types
    for r in range(unit.shape[0]):
        total, count = 0.0, 0
        for i in range(state.uav_exists.shape[1]):
            if state.uav_exists[b, i]:
                total += state.uav_initial_resources[b, i, r]
                count += 1
        mean = max(total / max(count, 1), EPSILON)
        # a kind that no UAV carries has no mean UAV as its unit
        unit[r] = mean if mean > EPSILON else _largest_demand(state, b, r)


@njit(cache=True, _nrt=False, inline="always")
def _read_uavs(state, b, intent):  # type: ignore[no-untyped-def]  # numba infers the types
    flying, uavs, cruise_mps = 0.0, 0.0, 0.0
    intent.supply[:] = 0.0
    for i in range(state.uav_exists.shape[1]):
        if state.uav_exists[b, i]:
            uavs += 1.0
            heading_rad = np.float64(state.uav_heading_rad[b, i])
            intent.axis[i, 0], intent.axis[i, 1] = math.cos(heading_rad), math.sin(heading_rad)
            cruise_mps += state.uav_cruise_mps[b, i]
            if state.uav_range_left_m[b, i] > 0.0:
                flying += 1.0
                for r in range(intent.supply.shape[0]):
                    intent.supply[r] += state.uav_resources[b, i, r]
    intent.figures[Figure.FLYING_UAVS] = flying
    intent.figures[Figure.UAVS] = uavs
    intent.figures[Figure.MEAN_CRUISE_MPS] = cruise_mps / max(uavs, 1.0)


@njit(cache=True, _nrt=False, inline="always")
def _read_targets(state, b, intent):  # type: ignore[no-untyped-def]  # numba infers the types
    num_open, targets, value = 0.0, 0.0, 0.0
    intent.lack[:] = 0.0
    for j in range(state.target_exists.shape[1]):
        if has_appeared(state, b, j):
            targets += 1.0
            num_open += is_open(state, b, j)
            value += state.target_value[b, j]
            for r in range(intent.lack.shape[0]):
                intent.lack[r] += state.target_remaining[b, j, r]
    intent.figures[Figure.OPEN_TARGETS] = num_open
    intent.figures[Figure.TARGETS] = targets
    intent.figures[Figure.MEAN_VALUE] = value / max(targets, 1.0)


@njit(cache=True, _nrt=False, inline="always")
def _read_legal(state, b, intent):  # type: ignore[no-untyped-def]  # numba infers the types
    """Does the work of `is_legal` for all pairs at once."""
    intent.legal[:] = False
    for j in range(state.target_exists.shape[1]):
        is_choice = is_open(state, b, j) and (not state.is_sync[b] or is_coverable(state, b, j))
        for i in range(state.uav_exists.shape[1]):
            if state.uav_exists[b, i]:
                distance = distance_m(state, b, i, j)
                intent.distance_m[i, j] = distance
                intent.legal[i, j] = is_choice and could_serve(state, b, i, j, distance)


@njit(cache=True, _nrt=False, inline="always")
def _add_plan(state, b, i, j, intent):  # type: ignore[no-untyped-def]  # numba infers the types
    """Adds UAV i to target j's figures: as under way to it, or as free to choose it."""
    choice = state.uav_choice[b, i]
    if choice == j:
        is_present = state.uav_present[b, i]
        intent.num_under_way[j] += 1.0
        arrival_s = 0.0 if is_present else intent.distance_m[i, j] / state.uav_cruise_mps[b, i]
        intent.earliest_s[j] = min(intent.earliest_s[j], arrival_s)
        intent.is_in_service[j] |= is_in_service(state, b, i)
        for r in range(intent.unit.shape[0]):
            intent.committed[j, r] += state.uav_resources[b, i, r]
            intent.present[j, r] += state.uav_resources[b, i, r] if is_present else 0.0
    elif choice < 0 and intent.legal[i, j]:
        for r in range(intent.unit.shape[0]):
            intent.free_supply[j, r] += state.uav_resources[b, i, r]


@njit(cache=True, _nrt=False, inline="always")
def read_intent(state: AllocateState, b: int, intent: Intent) -> None:
    """Fills `intent` with the plans in world b."""
    _read_units(state, b, intent.unit)
    _read_uavs(state, b, intent)
    _read_targets(state, b, intent)
    _read_legal(state, b, intent)
    intent.committed[:] = 0.0
    intent.present[:] = 0.0
    intent.free_supply[:] = 0.0
    intent.num_under_way[:] = 0.0
    intent.is_in_service[:] = False
    intent.earliest_s[:] = np.inf
    for i in range(state.uav_exists.shape[1]):
        if state.uav_exists[b, i]:
            for j in range(state.target_exists.shape[1]):
                _add_plan(state, b, i, j, intent)
    for j in range(state.target_exists.shape[1]):
        intent.ideal[j] = state.target_ideal[b, j]
        for r in range(intent.unit.shape[0]):
            intent.uncovered[j, r] = max(state.target_remaining[b, j, r] - intent.committed[j, r], 0.0)
