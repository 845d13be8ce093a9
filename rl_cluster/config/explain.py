"""What each setting means, in words for people: effect, unit, range, and the values of the presets.

All of it comes from `schema.py`: the docstrings below fields, their bounds, and the suffixes of their names. A task of
an installed package has the same in its own class of settings.
"""

import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel

from rl_cluster.config import own_tasks
from rl_cluster.config.faults import unknown_key
from rl_cluster.config.layers import value_at
from rl_cluster.config.load import load_config
from rl_cluster.config.rules import rule_at
from rl_cluster.config.schema import Config
from rl_cluster.config.shipped_presets import PRESETS
from rl_cluster.config.yaml_file import key_lines
from rl_cluster.errors import ConfigError

__all__ = ["Setting", "commented", "explain", "list_settings", "setting_line", "settings_of"]

UNITS = {
    "_s": "seconds", "_m": "metres", "_mps": "metres per second", "_mps2": "metres per second squared",
    "_radps": "radians per second", "_rad": "radians", "_share": "share, 0 to 1",
    "_sides": "sides of the area", "_rows": "graphs",
}  # fmt: skip
"""Suffix of a name -> unit."""
COLUMNS = 80
MAX_VALUE = 60


class Setting(NamedTuple):
    """A key of the settings, which may be a section."""

    key: str
    """dotted"""
    location: tuple[int | str, ...]
    """as in pydantic's errors"""
    effect: str
    """what it does; of a section, what it holds"""
    is_section: bool


def settings_of(kind: type[BaseModel]) -> Iterator[Setting]:
    """Every key of the settings, in the order of a file."""
    yield from _walk(kind, "", ())


def _walk(kind: type[BaseModel], prefix: str, location: tuple[int | str, ...]) -> Iterator[Setting]:
    for name, field in kind.model_fields.items():
        key, place = f"{prefix}{name}", (*location, name)
        sections = [part for part in (field.annotation, *get_args(field.annotation)) if _is_section(part)]
        documented = (_description(kind, name), *(part.__doc__ for part in sections))
        words = next((one for one in documented if one), "")
        yield Setting(key, place, " ".join(words.split()), bool(sections))
        for part in sections:
            # a list of sections has a key for those of any of its members
            is_list = not _is_section(field.annotation) and type(None) not in get_args(field.annotation)
            yield from _walk(part, f"{key}.", (*place, 0) if is_list else place)


def _description(kind: type[BaseModel], name: str) -> str | None:
    """The docstring below the field, or below the one that it narrows."""
    fields = [base.model_fields.get(name) for base in kind.__mro__ if issubclass(base, BaseModel)]
    return next((field.description for field in fields if field and field.description), None)


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _kinds() -> dict[str, type[Config]]:
    """Task -> its settings, of all tasks that settings may name; those of users are imported."""
    return {task: kind for task in own_tasks.task_names() if (kind := own_tasks.settings_of(task))}


def list_settings(below: str = "") -> list[Setting]:
    """All settings of all tasks whose key begins with this section; every key once.

    Raises ConfigError if there is no such key, or if an installed package's task is none; ExtensionFault if it raises.
    """
    kinds = _kinds()
    found = {one.key: one for kind in kinds.values() for one in settings_of(kind)}
    if below and below not in found:
        raise _unknown(below, kinds)
    return [one for key, one in found.items() if not below or key == below or key.startswith(f"{below}.")]


def explain(key: str) -> list[str]:
    """Lines of at most 80 columns about a setting or a section. Raises as `list_settings`."""
    kinds = _kinds()
    by_task = {task: one for task, kind in kinds.items() for one in settings_of(kind) if one.key == key}
    if not by_task:
        raise _unknown(key, kinds)
    told = {task: tuple(_told(one, kinds[task])) for task, one in by_task.items()}
    lines = [key]
    for words in dict.fromkeys(told.values()):
        tasks = [task for task, others in told.items() if others == words]
        if len(tasks) < len(kinds):
            lines.append(f"  task {' and '.join(tasks)}:")
        lines += words
    if any(one.is_section for one in by_task.values()):
        inner = list_settings(key)[1:]
        return [*lines, *(line for one in inner for line in setting_line(one))]
    return [*lines, *_wrapped(f"presets: {_in_presets(key)}")] if not _is_in_list(by_task) else lines


def setting_line(setting: Setting) -> list[str]:
    """The key, then its effect, indented below it."""
    return [setting.key, *_wrapped(setting.effect, "    ")]


def _is_in_list(by_task: dict[str, Setting]) -> bool:
    """Whether it is a key of the members of a list, which have no value of their own in a preset."""
    return any(isinstance(part, int) for one in by_task.values() for part in one.location)


def _told(setting: Setting, kind: type[Config]) -> Iterator[str]:
    """Effect, range and unit."""
    yield from _wrapped(setting.effect)
    if not setting.is_section:
        yield from _wrapped(f"give: {rule_at(kind, setting.location).words}")
        name = setting.key.rpartition(".")[2]
        if unit := next((UNITS[suffix] for suffix in sorted(UNITS, key=len) if name.endswith(suffix)), None):
            yield f"  unit: {unit}"


def _in_presets(key: str) -> str:
    """Value -> presets, in words. A user's task has a preset of its own name."""
    by_value: dict[str, list[str]] = {}
    for name in [*PRESETS, *own_tasks.own_names()]:
        data = load_config(name).model_dump(mode="json")
        *sections, last = key.split(".")
        section = value_at(data, ".".join(sections)) if sections else data
        if isinstance(section, dict) and last in section:
            by_value.setdefault(_shown(section[last]), []).append(name)
    if len(by_value) == 1:
        return f"{next(iter(by_value))} in all that have it"
    return "; ".join(f"{value} in {', '.join(names)}" for value, names in by_value.items())


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= MAX_VALUE else f"{text[:MAX_VALUE]}.."


def _wrapped(text: str, indent: str = "  ") -> list[str]:
    return textwrap.wrap(
        text, COLUMNS, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _unknown(key: str, kinds: Mapping[str, type[Config]]) -> ConfigError:
    parts: Sequence[int | str] = key.split(".")
    faults = [unknown_key(parts, kind) for kind in kinds.values()]
    fault = next((one for one in faults if one.remedy.startswith("did you mean")), faults[0])
    return ConfigError(key, "is no setting", fault.remedy)


def commented(text: str, config: Config) -> str:
    """YAML of the settings with the effect of each above it, as a comment; it is read back as before.

    Args:
        text: What `to_yaml` gives.
        config: The settings that it is of.
    """
    effects = {one.key: one.effect for one in settings_of(type(config))}
    above = {line: effects[key] for key, line in key_lines(text).items() if effects.get(key)}
    lines: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        indent = " " * (len(line) - len(line.lstrip()))
        lines += _wrapped(above[number], f"{indent}# ") if number in above else []
        lines.append(line)
    return "\n".join(lines) + "\n"
