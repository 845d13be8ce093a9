"""Policies by name: the task's heuristics, those of installed packages, and `module:Class` for a user's own."""

import difflib
import inspect
from collections.abc import Callable
from typing import Any, cast

from rl_cluster.environment.shared.interface import Policy
from rl_cluster.environment.tasks import AnyTask, find_task
from rl_cluster.errors import ConfigError
from rl_cluster.extension.entry_points import HEURISTICS, installed
from rl_cluster.extension.import_path import is_import_path, load_object
from rl_cluster.extension.members import check_members
from rl_cluster.training.pretrained import PRETRAINED

__all__ = ["as_policy", "heuristic_of", "heuristics_of"]

WHERE = "--policy"
MEMBERS = ("name", "is_deterministic", "act")


def heuristics_of(task: str) -> tuple[str, ...]:
    """Names of a task's own heuristics, the weakest first, then of those that play only when named.

    Raises ConfigError if there is no such task, or as `installed`.
    """
    own = _own(find_task(task))
    return (*own, *installed(HEURISTICS, own))


def heuristic_of(name: str, task: str, seed: int) -> Policy:
    """The heuristic of that name, or the user's own at `module:Class`, made with the seed.

    Raises:
        ConfigError: There is none, it lacks a member of `Policy`, or it has the name of a built-in.
        ExtensionFault: The user's module raises when it is imported.
    """
    own = _own(find_task(task))
    if name in own:
        return own[name](seed)
    others = installed(HEURISTICS, own)
    if name not in others and not is_import_path(name):
        known = [*own, *others, PRETRAINED]
        near = "".join(f"did you mean {one}? Or " for one in difflib.get_close_matches(name, known, n=1))
        ways = f"choose from {', '.join(known)}, write module:Class for your own, or name a --preset of another task"
        remedy = near + ways
        raise ConfigError(WHERE, f"{name} is not a heuristic of task {task}", remedy)
    path = others.get(name, name)
    policy = _made(load_object(path, WHERE), seed, path)
    if policy.name in own:
        what = f"{path} names itself {policy.name}, which is the name of a built-in"
        raise ConfigError(WHERE, what, "give its `name` another value")
    return policy


def as_policy(candidate: object, where: str) -> Policy:
    """The candidate. Raises ConfigError if it lacks a member of `Policy`, and says which."""
    remedy = f"a policy has {', '.join(MEMBERS)}; see docs/python.md"
    check_members(candidate, MEMBERS, where, remedy)
    if not isinstance(getattr(candidate, "name", None), str):
        raise ConfigError(where, "has a name that is no text", "give its `name` a text")
    return cast("Policy", candidate)


def _made(factory: Any, seed: int, path: str) -> Policy:
    """What the class or function makes, with the seed if it takes one."""
    where = f"{WHERE} {path}"
    if not callable(factory):
        raise ConfigError(where, "is no class and no function", "name what makes the policy")
    parameters = inspect.signature(factory).parameters
    return as_policy(factory(seed=seed) if "seed" in parameters else factory(), where)


def _own(task: AnyTask) -> dict[str, Callable[[int], Policy]]:
    return {**task.heuristics, **task.extras}
