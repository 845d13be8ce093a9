"""The optimum of small worlds, or the nearest to it that could be found, and a bound on it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_cluster.config.allocate_generator import parts_of
from rl_cluster.config.schema import AllocateConfig
from rl_cluster.environment.allocate.heuristics.cbba import CBBA
from rl_cluster.environment.allocate.heuristics.commitment_aware import CommitmentAware
from rl_cluster.environment.allocate.heuristics.complete_first import CompleteFirst, CompleteOnly
from rl_cluster.environment.allocate.heuristics.hungarian import Hungarian
from rl_cluster.environment.allocate.heuristics.planning import IDLE, legal_distances, to_actions
from rl_cluster.environment.allocate.heuristics.route_model import EFFORT, Instance, solve
from rl_cluster.environment.allocate.scenarios import ScenarioFiles, scenario_of
from rl_cluster.environment.allocate.state import AllocateState
from rl_cluster.environment.allocate.worlds import AllocateWorlds
from rl_cluster.environment.shared.interface import PolicyOf, SourceOf
from rl_cluster.errors import ConfigError
from rl_cluster.types import IntArray, Observation

__all__ = ["Bound", "Optimum"]

MAX_ENTITIES = 8
"""The most UAVs and targets of a world; the solver's time doubles with each."""

PLANNERS: tuple[PolicyOf[AllocateWorlds], ...] = (
    CompleteFirst(),
    CompleteOnly(),
    CBBA(),
    CommitmentAware(),
    Hungarian(),
)
"""Heuristics that play beside the solver's plans."""

Routes = list[list[int]]


class Episode(NamedTuple):
    """The key of an episode; sources are distinguished by identity."""

    source: SourceOf[AllocateState]
    world: int
    number: int


class Bound(NamedTuple):
    """What the solver proved about an episode."""

    satisfied: int
    """No plan closes more targets"""
    num_targets: int
    is_proven: bool
    """True = the best plan closes as many when it is played, so it is an optimum"""


class Optimum:
    """Plans a whole episode at its start by CP-SAT (`route_model.py`), and flies the plan.

    The routes of both models, and the planning heuristics, are played in a copy of the world. The one that closes most
    targets there, with the shortest path among equals, is flown. So it is never worse than any of them, also where the
    solver finds no plan within its time. Unlike all other policies, it knows which targets will appear and which UAVs
    will fail.

    Args:
        effort: Deterministic time that a solve may take (`route_model.py`).
    """

    name = "optimum"
    is_deterministic = True

    def __init__(self, effort: float = EFFORT) -> None:
        self._effort = effort
        self.bounds: dict[Episode, Bound] = {}
        """What was proved about each episode that has begun"""
        self._players: dict[Episode, PolicyOf[AllocateWorlds]] = {}

    def check(self, source: SourceOf[AllocateState], config: AllocateConfig) -> None:
        """Raises ConfigError if episodes may have too many UAVs or targets, or coalitions are synchronous."""
        num_uavs, num_targets = source.sizes[:2]
        if max(num_uavs, num_targets) > MAX_ENTITIES:
            what = f"optimum plans for at most {MAX_ENTITIES} UAVs and targets, not {num_uavs} and {num_targets}"
            raise ConfigError("--policy", what, "omit optimum, or play smaller episodes")
        parts = parts_of(config.generator, config.world)
        drawn = any(part.world.coalition == "sync" for part in parts)
        if source.has_sync if isinstance(source, ScenarioFiles) else drawn:
            raise ConfigError("--policy", "optimum has no model of coalition sync", "omit optimum")

    def remark(self, source: SourceOf[AllocateState]) -> str:
        """What was proved about the episodes of a source that have begun."""
        bounds = [bound for episode, bound in self.bounds.items() if episode.source is source]
        num_proven = sum(bound.is_proven for bound in bounds)
        most = sum(bound.satisfied for bound in bounds)
        return (
            f"optimum: proven best in {num_proven} of {len(bounds)} episodes; no policy satisfies more than {most} of "
            f"their {sum(bound.num_targets for bound in bounds)} targets"
        )

    def act(self, worlds: AllocateWorlds, observation: Observation[NDArray[np.generic]]) -> IntArray:
        """Actions (B, N), as in `Policy.act`. Only for episodes of a source that `check` accepts."""
        state = worlds.state
        players = [self._player(worlds, row) for row in range(state.num_worlds)]
        heuristics = {player for player in players if not isinstance(player, Routed)}
        actions_of = {player: player.act(worlds, observation) for player in heuristics}
        targets = np.full(state.uav_choice.shape, IDLE, dtype=np.int16)
        distances = legal_distances(state, observation)
        for row, player in enumerate(players):
            if isinstance(player, Routed):
                targets[row] = next_targets(state, row, distances[row], player.routes)
        actions = to_actions(targets, observation)
        for row, player in enumerate(players):
            if not isinstance(player, Routed):
                actions[row] = actions_of[player][row]
        return actions

    def _player(self, worlds: AllocateWorlds, row: int) -> PolicyOf[AllocateWorlds]:
        key = Episode(worlds.source, int(worlds.world_numbers[row]), int(worlds.state.episode[row]))
        if key not in self._players:
            self._players[key], self.bounds[key] = _plan(worlds, row, self._effort)
        return self._players[key]


def next_targets(state: AllocateState, row: int, distances: NDArray[np.float64], routes: Routes) -> IntArray:
    """The first target of each UAV's route that it has not served yet, that is open, and that it may choose."""
    targets = np.full(distances.shape[0], IDLE, dtype=np.int16)
    for i, route in enumerate(routes):
        for j in route:
            is_served = state.delivered[row, i, j].any()
            if not is_served and np.isfinite(distances[i, j]):
                targets[i] = j
                break
            if not is_served and state.target_appears_s[row, j] > state.time_s[row]:
                break
    return targets


class Routed:
    """A policy for one world that flies given routes."""

    name = "routed"
    is_deterministic = True

    def __init__(self, routes: Routes) -> None:
        self.routes = routes

    def act(self, worlds: AllocateWorlds, observation: Observation[NDArray[np.generic]]) -> IntArray:
        """Actions (1, N)."""
        distances = legal_distances(worlds.state, observation)
        return to_actions(next_targets(worlds.state, 0, distances[0], self.routes)[None], observation)


def _plan(worlds: AllocateWorlds, row: int, effort: float) -> tuple[PolicyOf[AllocateWorlds], Bound]:
    """The policy that plays best, and the bound."""
    reach_m = float(worlds.state.capture_radius_m[row])
    strict = solve(instance_of(worlds.state, row), is_strict=True, effort=effort)
    relaxed = solve(instance_of(worlds.state, row, reach_m), is_strict=False, effort=effort)
    players = [Routed(strict.routes), Routed(relaxed.routes), *PLANNERS]
    scores = [_played(worlds, row, player) for player in players]
    best = max(range(len(players)), key=lambda index: scores[index])
    num_targets = int(worlds.state.target_exists[row].sum())
    return players[best], Bound(relaxed.bound, num_targets, scores[best][0] == relaxed.bound)


def _played(worlds: AllocateWorlds, row: int, policy: PolicyOf[AllocateWorlds]) -> tuple[int, float]:
    """Closed targets, and minus the path in metres, when the policy plays the world's episode from its start."""
    source = ScenarioFiles([scenario_of(worlds.state, row)], worlds.world, seed=0)
    copy = AllocateWorlds(source, worlds.world, worlds.reward, num_worlds=1)
    observation = copy.reset()
    while not copy.state.ended[0]:
        copy.advance(policy.act(copy, observation))
        observation = copy.observe()
    num_closed = int((copy.state.target_exists & np.isfinite(copy.state.target_closed_time_s)).sum())
    return num_closed, -float(copy.state.uav_flown_m.sum())


def instance_of(state: AllocateState, row: int, reach_m: float = 0.0) -> Instance:
    """The routing problem of a world at the start of its episode; a target is reached from `reach_m` away."""
    uavs, targets = state.uav_exists[row], state.target_exists[row]
    start = state.uav_position_m[row, uavs].astype(np.float64)
    place = state.target_position_m[row, targets].astype(np.float64)
    depot = state.uav_depot[row, uavs] - 1
    home = np.linalg.norm(state.depot_position_m[row, depot][:, None] - place, axis=-1) * (depot >= 0)[:, None]
    return Instance(
        supply=state.uav_resources[row, uavs].astype(np.float64),
        demand=state.target_demand[row, targets].astype(np.float64),
        start_m=np.maximum(np.linalg.norm(start[:, None] - place, axis=-1) - reach_m, 0.0),
        between_m=np.maximum(np.linalg.norm(place[:, None] - place, axis=-1) - 2.0 * reach_m, 0.0),
        home_m=np.maximum(home - 2.0 * reach_m, 0.0),
        range_m=state.uav_range_left_m[row, uavs].astype(np.float64),
        cruise_mps=state.uav_cruise_mps[row, uavs].astype(np.float64),
        ready_s=state.target_appears_s[row, targets].astype(np.float64),
        service_s=state.target_service_s[row, targets].astype(np.float64),
        until_s=np.minimum(state.uav_fails_s[row, uavs], state.time_limit_s[row]).astype(np.float64),
        is_capability=bool(state.is_capability[row]),
    )
