"""The heuristics, by name."""

from rl_cluster.environment.shared.interface import Policy
from rl_cluster.evaluation.named import heuristic_of, heuristics_of

__all__ = ["list_heuristics", "make_heuristic"]


def list_heuristics(task: str = "allocate") -> tuple[str, ...]:
    """Names of the heuristics of a task, the weakest first, and of those that other packages have installed."""
    return heuristics_of(task)


def make_heuristic(name: str, task: str = "allocate", seed: int = 0) -> Policy:
    """A heuristic.

    Args:
        name: One of `list_heuristics`, or `module:Class` for one of your own.
        task: The task that it plays.
        seed: Keys its draws, if it draws at all.

    Raises:
        ConfigError: The task has none of that name, or it needs a package that is not installed.
    """
    return heuristic_of(name, task, seed)
