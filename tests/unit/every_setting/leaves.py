"""Every key of the settings that has a value of its own, by walking the schema."""

from collections.abc import Iterator
from typing import Any, get_args

from rl_cluster.config.schema import TASKS
from rl_cluster.config.section import Section

__all__ = ["all_keys"]


def all_keys() -> dict[str, str]:
    """Name of a key in the table -> its dotted key; `[]` stands for the sections of a list.

    A key that is one task's, or that each task has for itself, has the task before it: `navigate: world.step_s`.
    """
    of_task = {task: dict(_leaves(model)) for task, model in TASKS.items()}
    first, *others = of_task.values()
    shared = {key for key, owner in first.items() if all(keys.get(key) is owner for keys in others)}
    return {key if key in shared else f"{task}: {key}": key for task, keys in of_task.items() for key in keys}


def _leaves(model: type[Section]) -> Iterator[tuple[str, type]]:
    """Dotted keys, each with the class that declares it.

    A section that may be null is a key as well. What can have one value only is none, but for the task itself.
    """
    for name, field in model.model_fields.items():
        kinds = list(_kinds(field.annotation))
        sections = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Section)]
        has_choice = name == "task" or len(get_args(field.annotation)) != 1
        if has_choice and (not sections or type(None) in kinds):
            yield name, _owner(model, name)
        between = "[]." if tuple in kinds else "."
        for section in sections:
            yield from ((f"{name}{between}{key}", owner) for key, owner in _leaves(section))


def _kinds(annotation: Any) -> Iterator[Any]:
    """All types within an annotation."""
    yield getattr(annotation, "__origin__", annotation)
    for argument in get_args(annotation):
        yield from _kinds(argument)


def _owner(model: type[Section], name: str) -> type:
    return next(kind for kind in model.__mro__ if name in vars(kind).get("__annotations__", {}))
