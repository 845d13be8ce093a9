"""Baselines of task `navigate` on the interface of a policy. `HEURISTICS` makes each of them by its name, from a
seed.
"""

from collections.abc import Callable

from rl_cluster.environment.navigate.heuristics.orca import Orca
from rl_cluster.environment.navigate.heuristics.random_play import RandomControls
from rl_cluster.environment.navigate.heuristics.straight import Straight
from rl_cluster.environment.navigate.worlds import NavigateWorlds
from rl_cluster.environment.shared.interface import PolicyOf

__all__ = ["HEURISTICS"]

HEURISTICS: dict[str, Callable[[int], PolicyOf[NavigateWorlds]]] = {
    "random": RandomControls,
    "straight": lambda seed: Straight(),
    "orca": lambda seed: Orca(),
}
"""Name -> what makes the policy from a seed (only `random` uses it), weakest first."""
