"""Baselines on the same interface as a policy. `HEURISTICS` makes each of them by its name, from a seed."""

from collections.abc import Callable

from rl_cluster.environment.allocate.heuristics.cbba import CBBA
from rl_cluster.environment.allocate.heuristics.commitment_aware import CommitmentAware
from rl_cluster.environment.allocate.heuristics.complete_first import CompleteFirst
from rl_cluster.environment.allocate.heuristics.greedy import Greedy
from rl_cluster.environment.allocate.heuristics.hungarian import Hungarian
from rl_cluster.environment.allocate.heuristics.random import Random
from rl_cluster.environment.interface import Policy

__all__ = ["HEURISTICS", "Policy"]

HEURISTICS: dict[str, Callable[[int], Policy]] = {
    "random": Random,
    "greedy": lambda seed: Greedy(),
    "hungarian": lambda seed: Hungarian(),
    "commitment-aware": lambda seed: CommitmentAware(),
    "cbba": lambda seed: CBBA(),
    "complete-first": lambda seed: CompleteFirst(),
}
"""Name -> what makes the policy from a seed (only `random` uses it), weakest first."""
