"""Tasks of users and of installed packages, as far as settings know them: their class of settings, and their preset.

The record is `environment/task.py`'s `Task`; `environment/tasks.py` hands it to the rest of the package.
"""

from pathlib import Path
from typing import Any

from rl_cluster.config.schema import TASKS, Config
from rl_cluster.errors import ConfigError
from rl_cluster.extension import entry_points, registry
from rl_cluster.extension.members import check_members

__all__ = ["GROUP", "check_task", "find_task", "own_names", "preset_of", "register_task", "settings_of", "task_names"]

GROUP = entry_points.TASKS
MEMBERS = ("name", "settings", "preset", "make_generator", "make_worlds", "graph_spec", "heuristics", "metrics")
REMEDY = "make it by dataclasses.replace from a task of this package; see docs/python.md"


def register_task(task: Any) -> None:
    """Makes a `Task` known in this process, so that settings may name it. Installed ones are known everywhere.

    Raises ConfigError if it is no task, or has the name of a built-in.
    """
    check_task(task)
    registry.register(GROUP, task.name, task, TASKS)


def find_task(name: str) -> Any | None:
    """The `Task` of that name that a user has registered or a package has installed; None = there is none."""
    task = registry.find(GROUP, name, TASKS)
    if task is not None:
        check_task(task, name)
    return task


def check_task(task: Any, name: str = "") -> None:
    """Raises ConfigError if an object is no task, or is named otherwise than where it was declared."""
    check_members(task, MEMBERS, f"task {name or getattr(task, 'name', task)}", REMEDY)
    if name and task.name != name:
        what = f"the task that is installed as {name} names itself {task.name}"
        raise ConfigError(GROUP, what, "give both the same name")
    if not (isinstance(task.settings, type) and issubclass(task.settings, Config)):
        raise ConfigError(f"task {task.name}", "has settings that are no class of settings", REMEDY)


def settings_of(name: str) -> type[Config] | None:
    """The settings of a run of that task; None = there is no such task."""
    if name in TASKS:
        return TASKS[name]
    task = find_task(name)
    kind: type[Config] | None = task and task.settings
    return kind


def preset_of(name: str) -> Path | None:
    """The file of settings that demonstrates a user's task; None = there is no such task."""
    if not name.isidentifier() or name in TASKS:
        return None
    task = find_task(name)
    return Path(task.preset) if task else None


def task_names() -> list[str]:
    """All tasks that settings may name."""
    return [*TASKS, *own_names()]


def own_names() -> list[str]:
    """The tasks that users have registered or packages have installed, without importing any."""
    return registry.known_names(GROUP, TASKS)
