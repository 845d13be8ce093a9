"""Baselines on the same interface as a policy. `HEURISTICS` makes each of them by its name, from a seed."""

import importlib
import importlib.util
from collections.abc import Callable

from rl_cluster.environment.allocate.heuristics.cbba import CBBA
from rl_cluster.environment.allocate.heuristics.commitment_aware import CommitmentAware
from rl_cluster.environment.allocate.heuristics.complete_first import CompleteFirst, CompleteOnly
from rl_cluster.environment.allocate.heuristics.greedy import Greedy
from rl_cluster.environment.allocate.heuristics.hungarian import Hungarian
from rl_cluster.environment.allocate.heuristics.random_play import Random
from rl_cluster.environment.allocate.worlds import AllocateWorlds
from rl_cluster.environment.shared.interface import PolicyOf
from rl_cluster.errors import ConfigError

__all__ = ["EXTRAS", "HEURISTICS"]

HEURISTICS: dict[str, Callable[[int], PolicyOf[AllocateWorlds]]] = {
    "random": Random,
    "greedy": lambda seed: Greedy(),
    "hungarian": lambda seed: Hungarian(),
    "commitment-aware": lambda seed: CommitmentAware(),
    "cbba": lambda seed: CBBA(),
    "complete-first": lambda seed: CompleteFirst(),
    "complete-only": lambda seed: CompleteOnly(),
}
"""Name -> what makes the policy from a seed (only `random` uses it), in the order of tables.

The table of the optimum has a row for each: measure it again for a new one (`benchmarks/measure/optimum.py`)."""


def _make_optimum(seed: int) -> PolicyOf[AllocateWorlds]:  # noqa: ARG001 - as all heuristics are made
    """Imports the module only when it is needed, because it needs an extra."""
    if importlib.util.find_spec("ortools") is None:
        raise ConfigError("--policy", "optimum needs OR-Tools", "pip install '.[ortools]' in the repository's folder")
    policy: PolicyOf[AllocateWorlds] = importlib.import_module(
        "rl_cluster.environment.allocate.heuristics.optimum"
    ).Optimum()
    return policy


EXTRAS: dict[str, Callable[[int], PolicyOf[AllocateWorlds]]] = {"optimum": _make_optimum}
"""Name -> what makes the policy from a seed, for policies that play only when named: they need a package, or take
seconds for a decision."""
