"""The routing problem behind one world of task `allocate`, as a constraint programme for OR-Tools' CP-SAT.

It decides which UAV flies to which targets in which order, and what it gives there: first as many targets as possible,
then the shortest total path. Distances are straight, speeds are cruise speeds. Two models share these constraints:

- *relaxed*: UAVs may hold resources back, and fly only as far as the edge of a target's capture radius. Nothing that
  the world's rules allow does better, so its bound holds for all.
- *strict*: as the world plays. A UAV gives all it can where it arrives, so at each target all visitors but the last
  must be used up of every kind that the target demands, and the last one comes last. Its plans can be flown.

`optimum.py` makes a policy of it. It is the only user of OR-Tools, an extra.
"""

import itertools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from ortools.sat.python import cp_model

__all__ = ["EFFORT", "Instance", "Plan", "solve"]

_UNITS = 100
"""Steps of an amount; the model is given a little more supply and a little less demand than there is."""
_TICKS = 10
"""Steps of a second, and of a metre."""
EFFORT = 4.0
"""Deterministic time that a solve may take, in OR-Tools' units: about a second each on one core."""


class Instance(NamedTuple):
    """N UAVs, M targets, R kinds; float64."""

    supply: NDArray[np.float64]
    """(N, R)"""
    demand: NDArray[np.float64]
    """(M, R)"""
    start_m: NDArray[np.float64]
    """(N, M) from the UAV to the target"""
    between_m: NDArray[np.float64]
    """(M, M)"""
    home_m: NDArray[np.float64]
    """(N, M) from the target to the UAV's depot; 0 without one"""
    range_m: NDArray[np.float64]
    """(N,)"""
    cruise_mps: NDArray[np.float64]
    """(N,)"""
    ready_s: NDArray[np.float64]
    """(M,) when the target appears"""
    service_s: NDArray[np.float64]
    """(M,)"""
    until_s: NDArray[np.float64]
    """(N,) when the UAV's flying ends: the time limit, or its failure"""
    is_capability: bool
    """True = resources are not used up"""


class Plan(NamedTuple):
    """The result of a solve: the best plan found within its time, or to fly nowhere if it found none."""

    num_closed: int
    """Targets that the plan satisfies"""
    bound: int
    """No plan of the model satisfies more"""
    routes: list[list[int]]
    """UAV -> targets in flying order"""


class _Model:
    """Variables and constraints that both models share."""

    def __init__(self, instance: Instance, is_strict: bool) -> None:
        self.instance, self.model = instance, cp_model.CpModel()
        self.num_uavs, self.num_targets = instance.start_m.shape
        self.pairs = list(itertools.product(range(self.num_uavs), range(self.num_targets)))
        new_bool, new_int = self.model.new_bool_var, self.model.new_int_var
        self.visits = {pair: new_bool(f"visits{pair}") for pair in self.pairs}
        self.closed = [new_bool(f"closed{j}") for j in range(self.num_targets)]
        horizon = int(_TICKS * instance.until_s.max()) + 1
        self.time = {pair: new_int(0, horizon, f"time{pair}") for pair in self.pairs}
        self.path = sum(self._add_route(i) for i in range(self.num_uavs))
        self.given = self._add_gifts()
        if is_strict and not instance.is_capability:
            self._add_order_of_giving()

    def _add_route(self, i: int) -> cp_model.LinearExprT:
        """The circuit of UAV i from its start over some targets (node j + 1) and back; returns its length in ticks."""
        arcs: list[tuple[int, int, cp_model.LiteralT]] = [(0, 0, self.model.new_bool_var(f"stays{i}"))]
        length, instance = [], self.instance
        for j in range(self.num_targets):
            node, out, home = j + 1, self.model.new_bool_var(""), self.model.new_bool_var("")
            arcs += [(0, node, out), (node, 0, home), (node, node, ~self.visits[i, j])]
            length += [(out, instance.start_m[i, j]), (home, instance.home_m[i, j])]
            self._add_time(i, j, out, instance.start_m[i, j], None)
            until = int(_TICKS * instance.until_s[i])
            self.model.add(self.time[i, j] <= until).only_enforce_if(self.visits[i, j])
            self.model.add(self.time[i, j] >= int(_TICKS * instance.ready_s[j])).only_enforce_if(self.visits[i, j])
            for k in range(self.num_targets):
                if k != j:
                    step = self.model.new_bool_var("")
                    arcs.append((node, k + 1, step))
                    length.append((step, instance.between_m[j, k]))
                    self._add_time(i, k, step, instance.between_m[j, k], j)
        self.model.add_circuit(arcs)
        total = sum(arc * int(_TICKS * metres) for arc, metres in length)
        self.model.add(total <= int(_TICKS * instance.range_m[i]) + len(length))
        return total

    def _add_time(self, i: int, j: int, arc: cp_model.IntVar, metres: float, before: int | None) -> None:
        """UAV i reaches target j no sooner than it can fly there, after its service at the one before."""
        flight = int(_TICKS * metres / self.instance.cruise_mps[i])
        if before is None:
            self.model.add(self.time[i, j] >= flight).only_enforce_if(arc)
        else:
            flight += int(_TICKS * self.instance.service_s[before])
            self.model.add(self.time[i, j] >= self.time[i, before] + flight).only_enforce_if(arc)

    def _add_gifts(self) -> dict[tuple[int, int, int], cp_model.IntVar]:
        """How much of each kind each UAV gives to each target; a closed target has all it demands."""
        instance, given = self.instance, {}
        supply = np.ceil(_UNITS * instance.supply).astype(int)
        demand = np.floor(_UNITS * instance.demand).astype(int)
        for i, j in self.pairs:
            for r in range(demand.shape[1]):
                most = int(supply[i, r]) if instance.is_capability else int(min(supply[i, r], demand[j, r]))
                gift = self.model.new_int_var(0, most, "")
                self.model.add(gift <= most * self.visits[i, j])
                given[i, j, r] = gift
        for j, r in itertools.product(range(self.num_targets), range(demand.shape[1])):
            all_given = sum(given[i, j, r] for i in range(self.num_uavs))
            self.model.add(all_given >= int(demand[j, r]) * self.closed[j])
        if not instance.is_capability:
            for i, r in itertools.product(range(self.num_uavs), range(demand.shape[1])):
                self.model.add(sum(given[i, j, r] for j in range(self.num_targets)) <= int(supply[i, r]))
        return given

    def _add_order_of_giving(self) -> None:
        """Visitors before the last leave with nothing of what the target demands; only closed targets are visited."""
        instance, supply = self.instance, np.ceil(_UNITS * self.instance.supply).astype(int)
        for j in range(self.num_targets):
            last = [self.model.new_bool_var("") for _ in range(self.num_uavs)]
            self.model.add(sum(last) == self.closed[j])
            for i in range(self.num_uavs):
                self.model.add_implication(last[i], self.visits[i, j])
                self.model.add_implication(self.visits[i, j], self.closed[j])
                for other in range(self.num_uavs):
                    both = [last[i], self.visits[other, j]]
                    self.model.add(self.time[i, j] >= self.time[other, j]).only_enforce_if(both)
                is_early: list[cp_model.LiteralT] = [self.visits[i, j], ~last[i]]
                for r in np.flatnonzero(instance.demand[j] > 0.0).tolist():
                    all_given = sum(self.given[i, k, r] for k in range(self.num_targets))
                    self.model.add(all_given == int(supply[i, r])).only_enforce_if(is_early)
                    for k in range(self.num_targets):
                        if k != j:
                            self._add_nothing_after(i, j, k, r, is_early)

    def _add_nothing_after(self, i: int, j: int, k: int, r: int, is_early: list[cp_model.LiteralT]) -> None:
        """Used up of kind r at target j, UAV i gives none of it at targets that it reaches later."""
        is_later = self.model.new_bool_var("")
        self.model.add(self.time[i, k] > self.time[i, j]).only_enforce_if(is_later)
        self.model.add(self.time[i, k] <= self.time[i, j]).only_enforce_if(~is_later)
        self.model.add(self.given[i, k, r] == 0).only_enforce_if([*is_early, is_later])

    def routes(self, solver: cp_model.CpSolver) -> list[list[int]]:
        """Targets of each UAV by the time of its visit."""
        return [
            sorted(
                (j for j in range(self.num_targets) if solver.value(self.visits[i, j])),
                key=lambda j: solver.value(self.time[i, j]),
            )
            for i in range(self.num_uavs)
        ]


def solve(instance: Instance, is_strict: bool, effort: float = EFFORT) -> Plan:
    """As many targets as possible, then the shortest path; the same plan for the same instance on every machine.

    `effort` is the deterministic time that each of the two solves may take.
    """
    problem = _Model(instance, is_strict)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 0
    solver.parameters.max_deterministic_time = effort
    solver.parameters.catch_sigint_signal = False  # else an interrupt ends only one search of many
    count = sum(problem.closed)
    problem.model.maximize(count)
    status = solver.solve(problem.model)
    if status not in {cp_model.OPTIMAL, cp_model.FEASIBLE}:
        assert status == cp_model.UNKNOWN, "to fly nowhere is a plan, so there is always one to be found"
        # the solver then reports the bound 0, although it has proved nothing
        return Plan(0, problem.num_targets, [[] for _ in range(problem.num_uavs)])
    num_closed, bound = round(solver.objective_value), int(solver.best_objective_bound + 1e-6)
    routes = problem.routes(solver)
    problem.model.add(count >= num_closed)
    problem.model.minimize(problem.path)
    if solver.solve(problem.model) in {cp_model.OPTIMAL, cp_model.FEASIBLE}:
        routes = problem.routes(solver)
    return Plan(num_closed, bound, routes)
