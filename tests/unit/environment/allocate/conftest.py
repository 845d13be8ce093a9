"""The looped world: the rules of the batch once more, as plain Python objects, written apart from the kernels.

`LoopedWorld` is one episode: UAVs and targets as objects, one substep after the other, flown by the looped autopilot
(`../conftest.py`). It rounds what the batch stores as float32 and calculates in doubles. The rules stand in the
docstrings below.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pytest

from rl_cluster.config.allocate import AllocateRewardConfig, AllocateWorldConfig
from rl_cluster.environment.allocate.state import AllocateState

NOTHING = 1e-4


def stored(value: float) -> float:
    """As float32 keeps it."""
    return float(np.float32(value))


@dataclass
class LoopedTarget:
    position: tuple[float, float]
    demand: list[float]
    remaining: list[float]
    ideal: int = 1
    involved: set[int] = field(default_factory=set)

    @property
    def is_open(self) -> bool:
        return any(remaining > NOTHING for remaining in self.remaining)

    @property
    def crowding(self) -> float:
        return min(1.0, max(0.0, len(self.involved) / self.ideal - 1.0))


@dataclass
class LoopedUAV:
    position: tuple[float, float]
    heading: float
    lowest: float
    cruise: float
    turn_rate: float
    resources: list[float]
    range_left: float
    choice: int = -1
    flown: float = 0.0
    is_inside: bool = False
    num_collisions: int = 0
    num_wasted: int = 0
    given: dict[int, float] = field(default_factory=dict)
    """Units delivered by target."""

    def distance(self, target: LoopedTarget) -> float:
        return math.dist(self.position, target.position)

    def may_choose(self, target: LoopedTarget) -> bool:
        """It flies, the target is open, it carries what the target lacks, and the straight way is within its range."""
        helps = any(
            own > NOTHING and lack > NOTHING for own, lack in zip(self.resources, target.remaining, strict=True)
        )
        return self.range_left > 0.0 and target.is_open and helps and self.distance(target) <= self.range_left


class LoopedWorld:
    """One episode, from a row of a state that is at its start."""

    def __init__(
        self,
        make_autopilot: Callable[..., Any],
        state: AllocateState,
        row: int,
        world: AllocateWorldConfig,
        reward: AllocateRewardConfig,
    ) -> None:
        self.world, self.reward = world, reward
        self.uavs = [
            LoopedUAV(
                position=tuple(state.uav_position_m[row, i].tolist()),
                heading=float(state.uav_heading_rad[row, i]),
                lowest=float(state.uav_speed_mps[row, i, 0]),
                cruise=float(state.uav_cruise_mps[row, i]),
                turn_rate=float(state.uav_max_turn_rate_radps[row, i]),
                resources=state.uav_resources[row, i].tolist(),
                range_left=float(state.uav_range_left_m[row, i]),
            )
            for i in np.flatnonzero(state.uav_exists[row])
        ]
        self.targets = [
            LoopedTarget(
                position=tuple(state.target_position_m[row, j].tolist()),
                demand=state.target_demand[row, j].tolist(),
                remaining=state.target_demand[row, j].tolist(),
            )
            for j in np.flatnonzero(state.target_exists[row])
        ]
        goals = [target.position for target in self.targets]
        starts = [uav.position for uav in self.uavs]
        self.autopilot = make_autopilot(goals, starts)
        self.time, self.time_limit = 0.0, float(state.time_limit_s[row])
        self.return_sum = 0.0
        self.is_terminated = self.is_truncated = self.is_deadlocked = False
        for target in self.targets:
            target.ideal = self._ideal(target)

    def _ideal(self, target: LoopedTarget) -> int:
        """max over kinds of ceil(demand / mean initial resource), at least 1."""
        means = [sum(own) / len(self.uavs) for own in zip(*(uav.resources for uav in self.uavs), strict=True)]
        needs = [math.ceil(need / mean - 1e-4) for need, mean in zip(target.demand, means, strict=True) if mean > 0.0]
        return max(1, *needs)

    def candidates(self, uav: LoopedUAV) -> list[int]:
        """The nearest targets that it may choose, by rising distance; its choice is always among them."""
        legal = [j for j, target in enumerate(self.targets) if uav.may_choose(target)]
        nearest = sorted(legal, key=lambda j: uav.distance(self.targets[j]))[: self.world.num_candidates]
        if uav.choice in legal and uav.choice not in nearest:
            nearest[-1] = uav.choice
        return nearest

    def advance(self, choices: list[int]) -> list[float]:
        """One decision interval with these targets (-1 waits). Returns each UAV's reward."""
        self.terms = [dict.fromkeys(AllocateRewardConfig.model_fields, 0.0) for _ in self.uavs]
        for uav, choice in zip(self.uavs, choices, strict=True):
            uav.choice = choice
        before = self._potentials()
        for _ in range(round(self.world.decision_interval_s / self.world.substep_s)):
            self._substep()
            if self._all_closed() or self.time >= self.time_limit:
                break
        self._end()
        after = [0.0] * len(self.uavs) if self.has_ended else self._potentials()
        for terms, old, new in zip(self.terms, before, after, strict=True):
            terms["time"] -= 1.0
            terms["approach"] += new - old
        return self._rewards()

    def _potentials(self) -> list[float]:
        """Minus the distance to the chosen target, in sensing radii; 0 without one."""
        return [
            -uav.distance(self.targets[uav.choice]) / self.world.sensing_radius_m if uav.choice >= 0 else 0.0
            for uav in self.uavs
        ]

    def _all_closed(self) -> bool:
        return not any(target.is_open for target in self.targets)

    @property
    def has_ended(self) -> bool:
        return self.is_terminated or self.is_truncated

    def _end(self) -> None:
        """All closed, else out of time, else nobody has a legal target. UAVs under way at the end count as involved."""
        self.is_terminated = self._all_closed()
        is_late = self.time >= self.time_limit
        is_stuck = not any(uav.may_choose(target) for uav in self.uavs for target in self.targets)
        self.is_deadlocked = not self.is_terminated and not is_late and is_stuck
        self.is_truncated = not self.is_terminated and (is_late or is_stuck)
        if self.has_ended:
            for i, uav in enumerate(self.uavs):
                if uav.choice >= 0:
                    self.targets[uav.choice].involved.add(i)
            for target in self.targets:
                if target.is_open:
                    self._charge_crowding(target)
        if self.is_terminated:
            for terms in self.terms:
                terms["all_done"] += 1.0 / len(self.uavs)

    def _rewards(self) -> list[float]:
        """lambda * own + (1 - lambda) * mean of own, own = weighted sum of the terms."""
        own = [sum(getattr(self.reward, name) * amount for name, amount in terms.items()) for terms in self.terms]
        mean, weight = sum(own) / len(own), self.reward.own_weight
        rewards = [weight * value + (1.0 - weight) * mean for value in own]
        self.return_sum += sum(rewards)
        return rewards

    def _substep(self) -> None:
        """All fly, then targets are served in their order, then who has no range left loses its choice."""
        for uav, terms in zip(self.uavs, self.terms, strict=True):
            if uav.choice >= 0:
                self._fly(uav, terms)
        self.time += self.world.substep_s
        for j, target in enumerate(self.targets):
            if target.is_open:
                self._serve(j, target)
        for uav in self.uavs:
            if uav.range_left <= 0.0:
                uav.choice = -1

    def _fly(self, uav: LoopedUAV, terms: dict[str, float]) -> None:
        """By the autopilot, to its target; the way is charged."""
        way = self.autopilot.fly(uav, self.targets[uav.choice].position, self.world.substep_s)
        terms["path"] -= way / self.world.sensing_radius_m

    def _serve(self, j: int, target: LoopedTarget) -> None:
        """Who is inside the capture radius gives, of each kind, its part of what remains: own * min(1, rest / all)."""
        present = [
            i
            for i, uav in enumerate(self.uavs)
            if uav.choice == j and uav.distance(target) <= self.world.capture_radius_m
        ]
        for kind, rest in enumerate(target.remaining):
            offered = sum(self.uavs[i].resources[kind] for i in present)
            if rest <= NOTHING or offered <= NOTHING:
                continue
            for i in present:
                uav = self.uavs[i]
                amount = uav.resources[kind] * min(1.0, rest / offered)
                uav.resources[kind] = stored(uav.resources[kind] - amount)
                uav.given[j] = uav.given.get(j, 0.0) + amount
                self.terms[i]["share"] += amount / sum(target.demand)
                if amount > NOTHING:
                    target.involved.add(i)
            target.remaining[kind] = stored(max(0.0, rest - min(rest, offered)))
        for i in present:
            self.uavs[i].choice = -1
        if not target.is_open:
            self._close(j, target)

    def _close(self, j: int, target: LoopedTarget) -> None:
        """Contributors are paid by their share; who is still under way has wasted its trip."""
        target.remaining = [0.0] * len(target.remaining)
        total = sum(uav.given.get(j, 0.0) for uav in self.uavs)
        for i, uav in enumerate(self.uavs):
            self.terms[i]["completion"] += uav.given.get(j, 0.0) / total
            if uav.choice == j:
                uav.choice, uav.num_wasted = -1, uav.num_wasted + 1
                self.terms[i]["waste"] -= 1.0
                target.involved.add(i)
        self._charge_crowding(target)

    def _charge_crowding(self, target: LoopedTarget) -> None:
        for i in target.involved:
            self.terms[i]["congestion"] -= target.crowding / len(target.involved)

    def outcomes(self) -> dict[str, float]:
        """The metrics of the ended episode."""
        closed = [not target.is_open for target in self.targets]
        satisfied = sum(closed) / len(closed)
        congestion = sum(target.crowding for target in self.targets) / len(self.targets)
        met = [1.0 - sum(target.remaining) / sum(target.demand) for target in self.targets]
        num_uavs, flown_km = len(self.uavs), sum(uav.flown for uav in self.uavs) / 1000.0
        return {
            "normalized_completion_score": satisfied * (1.0 - congestion),
            "satisfied_rate": satisfied,
            "completion_rate": sum(met) / len(met),
            "congestion": congestion,
            "per_agent_reward": self.return_sum / num_uavs,
            "efficiency_per_km": sum(closed) / max(flown_km, NOTHING),
            "makespan_s": self.time,
            "path_km_per_uav": flown_km / num_uavs,
            "wasted_trips_per_uav": sum(uav.num_wasted for uav in self.uavs) / num_uavs,
            "collisions_per_uav": sum(uav.num_collisions for uav in self.uavs) / num_uavs,
            "success_rate": float(self.is_terminated),
            "timeout_rate": float(self.is_truncated and not self.is_deadlocked),
            "deadlock_rate": float(self.is_deadlocked),
        }


@pytest.fixture(scope="session")
def looped_world(looped_autopilot: Any, looped_zones: Any) -> Callable[..., LoopedWorld]:
    """Makes a looped world from (state, row, world settings, reward settings), at the start of the row's episode."""

    def make(state: AllocateState, row: int, world: AllocateWorldConfig, reward: AllocateRewardConfig) -> LoopedWorld:
        zones, clearance, capture = looped_zones(state, row), world.obstacle_clearance_m, world.capture_radius_m
        make_autopilot = partial(looped_autopilot, zones, clearance=clearance, capture=capture)
        return LoopedWorld(make_autopilot, state, row, world, reward)

    return make
