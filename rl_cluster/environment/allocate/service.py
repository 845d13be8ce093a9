"""What UAVs do at their target until they deliver: they serve, and under coalition sync they wait.

A UAV is present at its target from the end of the substep that takes it inside the capture radius; it moves no more.

- sum: its service begins at once and takes the target's service time; then it delivers.
- sync: it waits. As soon as those present cover all that remains of every kind, all of them are in service together,
  locked, and deliver together after the service time. A UAV that comes later is not part of it, and waits. If one of
  them drops out (it fails, or its range is gone), the service breaks off, and all others wait again.

A UAV whose choice changes leaves the target and loses its service so far. All functions act on one world of the state.
"""

import numpy as np
from numba import njit

from rl_cluster.environment.allocate.legality import distance_m
from rl_cluster.environment.allocate.state import EPSILON, AllocateState

__all__ = ["choose", "drop_out", "fail", "gather", "has_anyone_arrived", "is_in_service", "is_locked"]


@njit(cache=True, _nrt=False, inline="always")
def is_in_service(state: AllocateState, b: int, i: int) -> bool:
    """True = UAV i serves its target."""
    return state.uav_service_ends_s[b, i] < np.inf


@njit(cache=True, _nrt=False, inline="always")
def is_locked(state: AllocateState, b: int, i: int) -> bool:
    """True = UAV i serves its target together with others, and must go on."""
    return state.is_sync[b] and is_in_service(state, b, i)


@njit(cache=True, _nrt=False, inline="always")
def choose(state: AllocateState, b: int, i: int, j: int) -> None:
    """Sets the choice of UAV i, -1 = none. If the choice changes, the UAV leaves its target."""
    if state.uav_choice[b, i] != j:
        state.uav_choice[b, i] = j
        state.uav_present[b, i] = False
        state.uav_service_ends_s[b, i] = np.inf


@njit(cache=True, _nrt=False)
def drop_out(state: AllocateState, b: int, i: int) -> None:
    """Clears the choice of UAV i; if it was locked, those that serve with it wait again."""
    if is_locked(state, b, i):
        for other in range(state.uav_exists.shape[1]):
            if state.uav_choice[b, other] == state.uav_choice[b, i]:
                state.uav_service_ends_s[b, other] = np.inf
    choose(state, b, i, -1)


@njit(cache=True, _nrt=False, inline="always")
def fail(state: AllocateState, b: int) -> None:
    """Grounds every UAV whose time has come: without range, resources and choice."""
    for i in range(state.uav_exists.shape[1]):
        if state.uav_fails_s[b, i] <= state.time_s[b] and state.uav_exists[b, i]:
            drop_out(state, b, i)
            state.uav_range_left_m[b, i] = 0.0
            for r in range(state.uav_resources.shape[2]):
                state.uav_resources[b, i, r] = 0.0


@njit(cache=True, _nrt=False, inline="always")
def _has_arrived(state, b, i, j, capture_radius_m):  # type: ignore[no-untyped-def]  # numba infers the types
    return state.uav_choice[b, i] == j and distance_m(state, b, i, j) <= capture_radius_m


@njit(cache=True, _nrt=False, inline="always")
def has_anyone_arrived(state: AllocateState, b: int, capture_radius_m: float) -> bool:
    """True = some UAV is inside the capture radius of its choice. In most substeps none is."""
    for i in range(state.uav_exists.shape[1]):
        choice = state.uav_choice[b, i]
        if choice >= 0 and distance_m(state, b, i, choice) <= capture_radius_m:
            return True
    return False


@njit(cache=True, _nrt=False, inline="always")
def _serve_alone(state, b, j, capture_radius_m, time_s):  # type: ignore[no-untyped-def]  # numba infers the types
    num_ready = 0
    for i in range(state.uav_exists.shape[1]):
        is_ready = _has_arrived(state, b, i, j, capture_radius_m)
        if is_ready and not state.uav_present[b, i]:
            state.uav_present[b, i] = True
            state.uav_service_ends_s[b, i] = time_s + state.target_service_s[b, j]
        state.arrived[b, i] = is_ready and state.uav_service_ends_s[b, i] <= time_s
        num_ready += state.arrived[b, i]
    return num_ready


@njit(cache=True, _nrt=False, inline="always")
def _do_cover(state, b, j):  # type: ignore[no-untyped-def]  # numba infers the types
    """True = those that have arrived carry all that remains of every kind."""
    for r in range(state.target_remaining.shape[2]):
        total = 0.0
        for i in range(state.uav_exists.shape[1]):
            if state.arrived[b, i]:
                total += state.uav_resources[b, i, r]
        if total < state.target_remaining[b, j, r] - EPSILON:
            return False
    return True


@njit(cache=True, _nrt=False, inline="always")
def _serve_together(state, b, j, capture_radius_m, time_s):  # type: ignore[no-untyped-def]  # numba infers the types
    is_served, num_ready = False, 0
    for i in range(state.uav_exists.shape[1]):
        state.arrived[b, i] = _has_arrived(state, b, i, j, capture_radius_m)
        if state.arrived[b, i]:
            state.uav_present[b, i] = True
            is_served |= is_in_service(state, b, i)
    begins = not is_served and _do_cover(state, b, j)
    for i in range(state.uav_exists.shape[1]):
        if begins and state.arrived[b, i]:
            state.uav_service_ends_s[b, i] = time_s + state.target_service_s[b, j]
        state.arrived[b, i] = state.arrived[b, i] and state.uav_service_ends_s[b, i] <= time_s
        num_ready += state.arrived[b, i]
    return num_ready


@njit(cache=True, _nrt=False, inline="always")
def gather(state: AllocateState, b: int, j: int, capture_radius_m: float, time_s: float) -> int:
    """Marks in `state.arrived` the UAVs that deliver to open target j at this time; returns how many there are.

    UAVs that have arrived in this substep become present.
    """
    if state.is_sync[b]:
        return _serve_together(state, b, j, capture_radius_m, time_s)
    return _serve_alone(state, b, j, capture_radius_m, time_s)
