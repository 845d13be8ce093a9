"""The looped world of task `allocate`: the rules of the batch once more, as plain objects, apart from the kernels.

`LoopedWorld` is one episode: UAVs and targets as objects (`allocate_entities.py`), one substep after the other, flown
by the looped autopilot. It rounds what the batch stores as float32 and calculates in doubles. The docstrings state the
rules.
"""

import math

import numpy as np

from rl_cluster.config.allocate import AllocateRewardConfig, AllocateWorldConfig
from rl_cluster.environment.allocate.state import AllocateState
from tests.reference.allocate_entities import NOTHING, LoopedTarget, LoopedUAV
from tests.reference.autopilot import LoopedAutopilot
from tests.reference.fewest import fewest_nearby
from tests.reference.zones import stored, zones_of

__all__ = ["LoopedWorld"]


class LoopedWorld:
    """One episode, from a row of a state that is at its start. The state has the rules that episodes may differ in."""

    def __init__(
        self, state: AllocateState, row: int, world: AllocateWorldConfig, reward: AllocateRewardConfig
    ) -> None:
        self.world, self.reward = world, reward
        crowding, hours, distance = map(float, state.preference[row])
        self.preference = {"congestion": crowding, "waste": crowding, "time": hours, "path": distance}
        self.uavs = [
            LoopedUAV(
                position=tuple(state.uav_position_m[row, i].tolist()),
                heading=float(state.uav_heading_rad[row, i]),
                lowest=float(state.uav_speed_mps[row, i, 0]),
                cruise=float(state.uav_cruise_mps[row, i]),
                turn_rate=float(state.uav_max_turn_rate_radps[row, i]),
                resources=state.uav_resources[row, i].tolist(),
                range_left=float(state.uav_range_left_m[row, i]),
                fails=float(state.uav_fails_s[row, i]),
                depot=self._depot(state, row, int(i)),
            )
            for i in np.flatnonzero(state.uav_exists[row])
        ]
        self.targets = [
            LoopedTarget(
                position=tuple(state.target_position_m[row, j].tolist()),
                demand=state.target_demand[row, j].tolist(),
                remaining=state.target_demand[row, j].tolist(),
                value=float(state.target_value[row, j]),
                service=float(state.target_service_s[row, j]),
                appears=float(state.target_appears_s[row, j]),
            )
            for j in np.flatnonzero(state.target_exists[row])
        ]
        self.is_sync, self.is_capability = bool(state.is_sync[row]), bool(state.is_capability[row])
        self.capture, self.substep = float(state.capture_radius_m[row]), float(state.substep_s[row])
        self.num_substeps = round(float(state.decision_interval_s[row]) / self.substep)
        goals = [target.position for target in self.targets]
        goals += sorted({uav.depot for uav in self.uavs if uav.depot})
        starts = [uav.position for uav in self.uavs]
        clearance = float(state.clearance_m[row])
        self.autopilot = LoopedAutopilot(zones_of(state, row), goals, starts, clearance, self.capture)
        self.time, self.time_limit = 0.0, float(state.time_limit_s[row])
        self.return_sum = 0.0
        self.num_idle = 0
        self.is_terminated = self.is_truncated = self.is_deadlocked = False
        for target in self.targets:
            target.ideal = self._ideal(target)

    @staticmethod
    def _depot(state: AllocateState, row: int, i: int) -> tuple[float, float] | None:
        number = int(state.uav_depot[row, i])
        return tuple(state.depot_position_m[row, number - 1].tolist()) if number else None

    def _ideal(self, target: LoopedTarget) -> int:
        """The fewest UAVs near it that carry its demand of every kind at the start; all, if they do not."""
        starts_m = [uav.position for uav in self.uavs]
        return fewest_nearby([uav.resources for uav in self.uavs], starts_m, target.demand, target.position)

    def is_open(self, target: LoopedTarget) -> bool:
        """It has appeared, and lacks something."""
        return target.is_unmet and target.appears <= self.time

    def could_serve(self, i: int, j: int) -> bool:
        """It flies, carries what the target lacks, and has the range for the straight way there and on to the depot.

        As a capability, it helps a target once. Where it is present, it needs no range.
        """
        uav, target = self.uavs[i], self.targets[j]
        pairs = zip(uav.resources, target.remaining, strict=True)
        helps = any(own > NOTHING and lack > NOTHING for own, lack in pairs)
        if self.is_capability and i in target.involved:
            helps = False
        way = uav.distance(target) + (math.dist(target.position, uav.depot) if uav.depot else 0.0)
        if uav.is_present and uav.choice == j:
            way = 0.0
        return uav.flies and helps and way <= uav.range_left

    def may_choose(self, i: int, j: int) -> bool:
        """The target is open, the UAV could serve it, and under sync, all that could serve it carry what it lacks."""
        target = self.targets[j]
        if not self.is_open(target) or not self.could_serve(i, j):
            return False
        able = [other for other in range(len(self.uavs)) if self.could_serve(other, j)]
        return not self.is_sync or self._cover(able, target)

    def _cover(self, team: list[int], target: LoopedTarget) -> bool:
        """The team carries all that remains of every kind."""
        carried = [sum(self.uavs[i].resources[kind] for i in team) for kind in range(len(target.demand))]
        return all(own >= lack - NOTHING for own, lack in zip(carried, target.remaining, strict=True))

    def legal(self, i: int) -> list[int]:
        return [j for j in range(len(self.targets)) if self.may_choose(i, j)]

    def is_bound(self, i: int) -> bool:
        """It may only go on: it serves together with others, or there is no replanning and its choice is legal."""
        uav = self.uavs[i]
        if uav.choice < 0 or not self.may_choose(i, uav.choice):
            return False
        return not self.world.replan or (self.is_sync and uav.is_in_service)

    def candidates(self, i: int) -> list[int]:
        """The nearest targets that it may choose, by rising distance; its choice is always among them."""
        uav, legal = self.uavs[i], self.legal(i)
        nearest = sorted(legal, key=lambda j: uav.distance(self.targets[j]))[: self.world.num_candidates]
        if uav.choice in legal and uav.choice not in nearest:
            nearest[-1] = uav.choice
        return nearest

    def advance(self, choices: list[int]) -> list[float]:
        """One decision interval with these targets (-1 waits). Returns each UAV's reward."""
        self.terms = [dict.fromkeys(AllocateRewardConfig.model_fields, 0.0) for _ in self.uavs]
        for uav, choice in zip(self.uavs, choices, strict=True):
            uav.choose(choice)
        before = self._potentials()
        self.has_acted = False
        self._watch()
        for _ in range(self.num_substeps):
            self._substep()
            if self._is_done() or self.time >= self.time_limit:
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
        return not any(target.is_unmet for target in self.targets)

    def _is_away(self, uav: LoopedUAV) -> bool:
        """It flies, and has a depot that it is not at."""
        return uav.depot is not None and uav.flies and math.dist(uav.position, uav.depot) > self.capture

    def _is_done(self) -> bool:
        return self._all_closed() and not any(self._is_away(uav) for uav in self.uavs)

    def is_stuck(self) -> bool:
        """Nobody that flies has a legal target, and no target is to come.

        Without replanning, those that wait for others at a legal choice are stuck, too; if only such UAVs fly, it does
        not matter what is to come.
        """
        flying = [i for i, uav in enumerate(self.uavs) if uav.flies]
        waiting = [i for i in flying if self.uavs[i].is_present and not self.uavs[i].is_in_service]
        held = [i for i in waiting if self.is_bound(i)]
        free = [i for i in flying if i not in held]
        if any(self.legal(i) for i in free):
            return False
        is_one_to_come = any(target.appears > self.time for target in self.targets)
        return not is_one_to_come or (bool(held) and not free)

    def _is_deadlocked(self) -> bool:
        """Targets are unmet, and nobody can do anything more, or has done anything in so many decisions in a row."""
        if self._all_closed():
            return False
        self.num_idle = 0 if self.has_acted else self.num_idle + 1
        return 0 < self.world.idle_decisions <= self.num_idle or self.is_stuck()

    @property
    def has_ended(self) -> bool:
        return self.is_terminated or self.is_truncated

    def _end(self) -> None:
        """Done, else out of time, else stuck before all is closed. UAVs under way at the end count as involved."""
        self.is_terminated = self._is_done()
        is_late = self.time >= self.time_limit
        self.is_deadlocked = not is_late and self._is_deadlocked()
        self.is_truncated = not self.is_terminated and (is_late or self.is_deadlocked)
        if self.has_ended:
            for i, uav in enumerate(self.uavs):
                if uav.choice >= 0:
                    self.targets[uav.choice].involved.add(i)
            for target in self.targets:
                if target.is_unmet:
                    self._charge_crowding(target)
        if self.is_terminated:
            for terms in self.terms:
                terms["all_done"] += 1.0 / len(self.uavs)

    def _rewards(self) -> list[float]:
        """lambda * own + (1 - lambda) * mean of own, own = weighted sum of the terms, as the episode prefers."""
        own = [
            sum(getattr(self.reward, name) * self.preference.get(name, 1.0) * amount for name, amount in terms.items())
            for terms in self.terms
        ]
        mean, weight = sum(own) / len(own), self.reward.own_weight
        rewards = [weight * value + (1.0 - weight) * mean for value in own]
        self.return_sum += sum(rewards)
        return rewards

    def _substep(self) -> None:
        """All fly, UAVs fail, targets are served in their order, then who has no range left loses its choice."""
        self._move_all()
        self.time += self.substep
        for uav in self.uavs:
            if uav.fails <= self.time:
                self._drop_out(uav)
                uav.range_left, uav.resources = 0.0, [0.0] * len(uav.resources)
        for j, target in enumerate(self.targets):
            if self.is_open(target):
                self._serve(j, target)
        for uav in self.uavs:
            if not uav.flies:
                self._drop_out(uav)
        self._watch()

    def _watch(self) -> None:
        """Somebody acts who flies to a target or serves it; and something happens while targets are still to appear."""
        is_at_work = any(uav.choice >= 0 and not (uav.is_present and not uav.is_in_service) for uav in self.uavs)
        self.has_acted |= is_at_work or any(target.appears > self.time for target in self.targets)

    def _move_all(self) -> None:
        """To their choices; who is present there stays. Once all is closed, those that are away fly to their depots."""
        is_over = self._all_closed()
        for uav, terms in zip(self.uavs, self.terms, strict=True):
            if uav.is_present:
                uav.waited += 0.0 if uav.is_in_service else self.substep
            elif uav.choice >= 0:
                self._fly(uav, self.targets[uav.choice].position, terms)
            elif uav.depot and is_over and self._is_away(uav):
                self._fly(uav, uav.depot, terms)

    def _drop_out(self, uav: LoopedUAV) -> None:
        """It loses its choice; a service together with others breaks off."""
        if self.is_sync and uav.is_in_service:
            for other in self.uavs:
                if other.choice == uav.choice:
                    other.service_ends = math.inf
        uav.choose(-1)

    def _fly(self, uav: LoopedUAV, goal: tuple[float, float], terms: dict[str, float]) -> None:
        """By the autopilot; the way is charged."""
        way = self.autopilot.fly(uav, goal, self.substep)
        terms["path"] -= way / self.world.sensing_radius_m

    def _serve(self, j: int, target: LoopedTarget) -> None:
        """Who is inside the capture radius is present, and begins its service; at its end, all that are due deliver.

        Under sync, all that are present begin together, as soon as they cover the target and nobody serves it yet.
        """
        at_target = [i for i, uav in enumerate(self.uavs) if uav.choice == j and uav.distance(target) <= self.capture]
        beginning = [i for i in at_target if not self.uavs[i].is_in_service]
        if self.is_sync and (len(beginning) < len(at_target) or not self._cover(at_target, target)):
            beginning = []
        for i in at_target:
            self.uavs[i].is_present = True
            if i in beginning:
                self.uavs[i].service_ends = stored(self.time + target.service)
        due = [i for i in at_target if self.uavs[i].service_ends <= self.time]
        if due:
            self._share(j, target, due)

    def _share(self, j: int, target: LoopedTarget, due: list[int]) -> None:
        """Each gives, of each kind, its part of what remains: own * min(1, rest / all). A capability is not used up."""
        for kind, rest in enumerate(target.remaining):
            offered = sum(self.uavs[i].resources[kind] for i in due)
            if rest <= NOTHING or offered <= NOTHING:
                continue
            for i in due:
                uav = self.uavs[i]
                amount = uav.resources[kind] * min(1.0, rest / offered)
                if not self.is_capability:
                    uav.resources[kind] = stored(uav.resources[kind] - amount)
                uav.given[j] = uav.given.get(j, 0.0) + amount
                self.terms[i]["share"] += amount / sum(target.demand)
                if amount > NOTHING:
                    target.involved.add(i)
            target.remaining[kind] = stored(max(0.0, rest - min(rest, offered)))
        for i in due:
            self.uavs[i].choose(-1)
        if not target.is_unmet:
            self._close(j, target)

    def _close(self, j: int, target: LoopedTarget) -> None:
        """Contributors are paid by their share, times value over mean value; who has it as choice wasted its trip."""
        target.remaining, target.closed_at = [0.0] * len(target.remaining), self.time
        total = sum(uav.given.get(j, 0.0) for uav in self.uavs)
        worth = target.value / (sum(other.value for other in self.targets) / len(self.targets))
        for i, uav in enumerate(self.uavs):
            self.terms[i]["completion"] += worth * uav.given.get(j, 0.0) / total
            if uav.choice == j:
                uav.choose(-1)
                uav.num_wasted += 1
                self.terms[i]["waste"] -= 1.0
                target.involved.add(i)
        self._charge_crowding(target)

    def _charge_crowding(self, target: LoopedTarget) -> None:
        for i in target.involved:
            self.terms[i]["congestion"] -= target.crowding / len(target.involved)

    def outcomes(self) -> dict[str, float]:
        """The metrics of the ended episode."""
        closed = [not target.is_unmet for target in self.targets]
        value = sum(target.value for target in self.targets)
        satisfied = sum(closed) / len(closed)
        congestion = sum(target.crowding for target in self.targets) / len(self.targets)
        met = [1.0 - sum(target.remaining) / sum(target.demand) for target in self.targets]
        num_uavs, flown_km = len(self.uavs), sum(uav.flown for uav in self.uavs) / 1000.0
        return {
            "normalized_completion_score": satisfied * (1.0 - congestion),
            "satisfied_rate": satisfied,
            "completion_rate": sum(met) / len(met),
            "value_rate": sum(target.value for target in self.targets if not target.is_unmet) / value,
            "congestion": congestion,
            "per_agent_reward": self.return_sum / num_uavs,
            "efficiency_per_km": sum(closed) / max(flown_km, NOTHING),
            "last_service_s": max(
                (target.closed_at for target in self.targets if target.closed_at < math.inf), default=math.nan
            ),
            "makespan_s": self.time,
            "path_km_per_uav": flown_km / num_uavs,
            "wasted_trips_per_uav": sum(uav.num_wasted for uav in self.uavs) / num_uavs,
            "waiting_s_per_uav": sum(uav.waited for uav in self.uavs) / num_uavs,
            "collisions_per_uav": sum(uav.num_collisions for uav in self.uavs) / num_uavs,
            "success_rate": float(self.is_terminated),
            "timeout_rate": float(self.is_truncated and not self.is_deadlocked),
            "deadlock_rate": float(self.is_deadlocked),
        }
