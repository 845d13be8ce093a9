"""Plans of task `allocate` for the search at decision time: targets, and routes of targets that can be changed.

A *route* is the targets that a UAV flies to, one after the other. The search changes the routes of the best plan that
it knows: moves, drops, adds and swaps of visits, as in local search for vehicle routing (Kindervater, Savelsbergh 1997,
"Vehicle routing: handling edge exchanges", in "Local Search in Combinatorial Optimization").
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rl_cluster.config.allocate_generator import AllocateGeneratorConfig
from rl_cluster.environment.allocate.futures import redraw
from rl_cluster.environment.allocate.worlds import AllocateWorlds
from rl_cluster.environment.shared.keyed_random import uniform, uniform_int
from rl_cluster.environment.shared.planning import ObjectiveTerm, Record
from rl_cluster.types import WAIT, BoolArray, IntArray, Observation

__all__ = ["AllocatePlanning"]

NOWHERE = -1
"""Stands for a target: the UAV waits, or its route is over."""
MAX_VISITS = 12
"""The longest route."""

TERMS = {
    "value": ObjectiveTerm(1.0, "value of closed targets over that of all"),
    "crowding": ObjectiveTerm(0.3, "minus the congestion"),
    "time": ObjectiveTerm(0.1, "minus the makespan over the time limit"),
    "distance": ObjectiveTerm(0.01, "minus the path that a UAV flew over the side of the area"),
    "completion": ObjectiveTerm(0.0, "mean share of a target's demand that was met"),
    "served": ObjectiveTerm(0.0, "share of targets closed"),
    "reward": ObjectiveTerm(0.0, "summed reward over active UAVs, by the run's weights"),
}
"""The terms of the objective."""


class AllocatePlanning:
    """Plans as targets, and their worth."""

    @property
    def objective(self) -> Mapping[str, ObjectiveTerm]:
        """Name -> term of the objective."""
        return TERMS

    def terms(self, worlds: AllocateWorlds, rows: BoolArray) -> dict[str, NDArray[np.float64]]:
        """The terms of `objective`, as in `Planning.terms`, times the episode's preferences."""
        outcomes, state = worlds.outcomes(rows), worlds.state
        crowding, time, distance = state.preference[rows].astype(np.float64).T
        side_km = np.sqrt(state.area_m[rows].prod(axis=1, dtype=np.float64)) / 1000.0
        return {
            "value": outcomes["value_rate"],
            "crowding": -crowding * outcomes["congestion"],
            "time": -time * outcomes["makespan_s"] / state.time_limit_s[rows],
            "distance": -distance * outcomes["path_km_per_uav"] / side_km,
            "completion": outcomes["completion_rate"],
            "served": outcomes["satisfied_rate"],
            "reward": outcomes["per_agent_reward"],
        }

    def choices(self, observation: Observation[NDArray[Any]], actions: NDArray[Any]) -> NDArray[Any]:
        """(B, N) int16 target of each action, `NOWHERE` for waiting."""
        slot = np.maximum(actions.astype(np.int64) - 1, 0)[..., None]
        target = np.take_along_axis(observation.candidates, slot, axis=2)[..., 0]
        return np.where(actions == WAIT, np.int16(NOWHERE), target)

    def actions(self, observation: Observation[NDArray[Any]], choices: NDArray[Any]) -> NDArray[Any]:
        """(B, N) int16 actions that fly to the targets, as in `Planning.actions`."""
        actions = np.zeros(choices.shape, dtype=np.int16)
        _fly_to(observation.candidates, observation.action_mask, choices[..., None], actions)
        return actions

    def waiting(self, observation: Observation[NDArray[Any]]) -> NDArray[Any]:
        """(B, N) int16 `NOWHERE`."""
        return np.full(observation.decides.shape, NOWHERE, dtype=np.int16)

    def redraw_future(
        self, worlds: AllocateWorlds, generator: AllocateGeneratorConfig, keys: NDArray[np.int64]
    ) -> None:
        """Redraws targets that have not appeared and failures (`futures.py`), as in `Planning.redraw_future`."""
        shares = worlds.source.hidden_shares(worlds.world_numbers, worlds.state.episode)
        if shares is None:
            shares = np.tile([generator.appearing_share, generator.failing_share], (keys.size, 1))
        redraw(worlds.state, shares, keys)

    def served(self, worlds: AllocateWorlds) -> BoolArray:
        """(B, N, M) True = the UAV has delivered to the target."""
        return np.any(worlds.state.delivered > 0.0, axis=3)

    def variations(
        self, worlds: AllocateWorlds, record: Record, parents: NDArray[np.int64], keys: NDArray[np.int64]
    ) -> "Routed":
        """A pilot that flies changed routes, as in `Planning.variations`."""
        visits = _Visits.empty(parents.size, record.served.shape[2])
        _read_routes(record.choices, record.served, self.served(worlds), parents, visits)
        _change_all(worlds.state, parents, keys, visits)
        return Routed(visits)


class _Visits(NamedTuple):
    """The routes of K plans."""

    target: IntArray
    """(K, N, V) int16 in the order of flying; `NOWHERE` from the end of the route on"""
    length: NDArray[np.int64]
    """(K, N) visits of the route"""

    @classmethod
    def empty(cls, num_plans: int, num_uavs: int) -> "_Visits":
        shape = (num_plans, num_uavs, MAX_VISITS)
        return cls(np.full(shape, NOWHERE, dtype=np.int16), np.zeros(shape[:2], dtype=np.int64))


class Routed:
    """A pilot: each UAV flies to the first target of its route that it may choose and has not served; else it waits."""

    def __init__(self, visits: _Visits) -> None:
        self._visits = visits

    def act(self, worlds: AllocateWorlds, plans: NDArray[np.int64], step: int) -> IntArray:  # noqa: ARG002 - routes know their own order
        """Actions (B, N), as in `Pilot.act`."""
        observation = worlds.observation
        actions = np.zeros(observation.decides.shape, dtype=np.int16)
        _fly_to(observation.candidates, observation.action_mask, self._visits.target[plans], actions)
        return actions


@njit(cache=True)
def _fly_to(candidates, action_mask, targets, actions):  # type: ignore[no-untyped-def]  # numba infers the types
    """Writes for each UAV the action that flies to the first of targets (B, N, V) that is legal.

    Without any it waits, or takes its only legal action.
    """
    for b in range(actions.shape[0]):
        for i in range(actions.shape[1]):
            action = 0 if action_mask[b, i, 0] else np.argmax(action_mask[b, i])
            for j in targets[b, i]:
                slot = _slot_of(candidates[b, i], action_mask[b, i], j)
                if slot >= 0:
                    action = slot + 1
                    break
            actions[b, i] = action


@njit(cache=True)
def _slot_of(candidates, mask, j):  # type: ignore[no-untyped-def]  # numba infers the types
    """The slot of target j among a UAV's candidates; -1 = it may not choose it."""
    for c in range(candidates.shape[0]):
        if j >= 0 and candidates[c] == j and mask[c + 1]:
            return c
    return -1


@njit(cache=True)
def _read_routes(choices, served, served_before, parents, visits):  # type: ignore[no-untyped-def]  # numba infers the types
    """Writes the routes that the parents flew: targets in the order in which they were served, then the last choice."""
    for p in range(parents.shape[0]):
        b = parents[p]
        for i in range(served.shape[2]):
            before, last = served_before[b, i], NOWHERE
            for t in range(choices.shape[0]):
                last = choices[t, b, i] if choices[t, b, i] >= 0 else last
                for j in np.flatnonzero(served[t, b, i] & ~before):
                    _insert(visits, p, i, visits.length[p, i], j)
                before = served[t, b, i]
            if last >= 0 and not before[last]:
                _insert(visits, p, i, visits.length[p, i], last)


@njit(cache=True)
def _insert(visits, p, i, place, j):  # type: ignore[no-untyped-def]  # numba infers the types
    """Adds target j to the route of UAV i; nothing happens if it is there already, or the route is full."""
    count = visits.length[p, i]
    if count >= visits.target.shape[2]:
        return
    for visit in range(count):
        if visits.target[p, i, visit] == j:
            return
    for visit in range(count, place, -1):
        visits.target[p, i, visit] = visits.target[p, i, visit - 1]
    visits.target[p, i, place] = j
    visits.length[p, i] = count + 1


@njit(cache=True)
def _remove(visits, p, i, place):  # type: ignore[no-untyped-def]  # numba infers the types
    """Takes a visit off the route of UAV i; returns its target."""
    j = visits.target[p, i, place]
    count = visits.length[p, i]
    for visit in range(place, count - 1):
        visits.target[p, i, visit] = visits.target[p, i, visit + 1]
    visits.target[p, i, count - 1] = NOWHERE
    visits.length[p, i] = count - 1
    return j


_PER_CHANGE = 16
"""Draws reserved for a change."""
_MAX_CHANGES = 4


@njit(cache=True)
def _change_all(state, parents, keys, visits):  # type: ignore[no-untyped-def]  # numba infers the types
    for p in range(parents.shape[0]):
        if keys[p] < 0:
            continue
        b = parents[p]
        draws = np.uint64(keys[p])
        uavs = np.flatnonzero(state.uav_exists[b] & (state.uav_range_left_m[b] > 0.0))
        appeared = state.target_exists[b] & (state.target_appears_s[b] <= state.time_s[b])
        targets = np.flatnonzero(appeared & np.isinf(state.target_closed_time_s[b]))
        if uavs.size == 0 or targets.size == 0:
            continue
        num_changes = 1
        while num_changes < _MAX_CHANGES and uniform(draws, num_changes) < 0.5:
            num_changes += 1
        for change in range(num_changes):
            _change(uavs, targets, draws, (change + 1) * _PER_CHANGE, visits, p)


@njit(cache=True)
def _change(uavs, targets, draws, first, visits, p):  # type: ignore[no-untyped-def]  # numba infers the types
    """Moves, drops, adds, replaces or swaps visits of UAVs that are drawn."""
    i = uavs[uniform_int(draws, first, 0, uavs.size - 1)]
    other = uavs[uniform_int(draws, first + 1, 0, uavs.size - 1)]
    j = targets[uniform_int(draws, first + 2, 0, targets.size - 1)]
    kind, count = uniform(draws, first + 3), visits.length[p, i]
    place = uniform_int(draws, first + 4, 0, max(count - 1, 0))
    if count == 0 or kind < 0.3:
        _insert(visits, p, i, uniform_int(draws, first + 5, 0, count), j)
        return
    taken = _remove(visits, p, i, place)
    if kind < 0.45:
        return
    if kind < 0.6:
        _insert(visits, p, i, place, j)
        return
    num_others = visits.length[p, other]
    if kind < 0.8 or num_others == 0:
        _insert(visits, p, other, uniform_int(draws, first + 6, 0, num_others), taken)
        return
    other_place = uniform_int(draws, first + 7, 0, num_others - 1)
    given = _remove(visits, p, other, other_place)
    _insert(visits, p, other, other_place, taken)
    _insert(visits, p, i, min(place, visits.length[p, i]), given)
