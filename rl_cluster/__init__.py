"""Trains policies for swarms of UAVs with Ray RLlib. Importing this package alone loads neither Ray nor torch.

A name of the public face is imported when it is first used; `__init__.pyi` has their types, `docs/python.md` examples.
"""

import importlib
from typing import Any

__all__ = [
    "Callback",
    "LoadedPolicy",
    "OnBoard",
    "Readings",
    "RlClusterError",
    "Run",
    "Scores",
    "__version__",
    "compare",
    "evaluate",
    "list_heuristics",
    "load_config",
    "load_policy",
    "load_scenario",
    "make_heuristic",
    "make_worlds",
    "register_task",
    "resume",
    "train",
]

__version__ = "0.2.0"

_HOMES = {
    "Callback": "rl_cluster.training.callback",
    "LoadedPolicy": "rl_cluster.api.policy",
    "OnBoard": "rl_cluster.api.on_board",
    "Readings": "rl_cluster.environment.shared.readings",
    "RlClusterError": "rl_cluster.errors",
    "Run": "rl_cluster.api.run",
    "Scores": "rl_cluster.api.scores",
    "compare": "rl_cluster.api.evaluation",
    "evaluate": "rl_cluster.api.evaluation",
    "list_heuristics": "rl_cluster.api.heuristics",
    "load_config": "rl_cluster.api.settings",
    "load_policy": "rl_cluster.api.policy",
    "load_scenario": "rl_cluster.api.settings",
    "make_heuristic": "rl_cluster.api.heuristics",
    "make_worlds": "rl_cluster.api.worlds",
    "register_task": "rl_cluster.config.own_tasks",
    "resume": "rl_cluster.api.training",
    "train": "rl_cluster.api.training",
}


def __getattr__(name: str) -> Any:
    """Imports a name of the public face from its module, at its first use."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
