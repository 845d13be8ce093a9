"""What extends the package by name: registered in this process, or declared by an installed package.

Names of built-ins are refused. An installed object is imported when it is first asked for by its name.
"""

from collections.abc import Collection
from typing import Any

from rl_cluster.errors import ConfigError
from rl_cluster.extension.entry_points import installed
from rl_cluster.extension.import_path import load_object

__all__ = ["find", "known_names", "register"]

_known: dict[tuple[str, str], Any] = {}
"""Group and name -> object, of those that were registered or imported."""


def register(group: str, name: str, extension: Any, built_in: Collection[str]) -> None:
    """Makes an object known by its name in this process; the same name again replaces it.

    Raises ConfigError if it is the name of a built-in.
    """
    if name in built_in:
        raise ConfigError(group, f"{name} is the name of a built-in", "give it another name")
    _known[group, name] = extension


def find(group: str, name: str, built_in: Collection[str]) -> Any | None:
    """The registered or installed object of that name; None = there is none.

    Raises ConfigError as `installed` and `load_object`, ExtensionFault if its module raises.
    """
    if (group, name) not in _known:
        path = installed(group, built_in).get(name)
        if path is None:
            return None
        _known[group, name] = load_object(path, group)
    return _known[group, name]


def known_names(group: str, built_in: Collection[str]) -> list[str]:
    """Names of what is registered or installed, without importing any."""
    registered = {name for kind, name in _known if kind == group}
    return sorted(registered | installed(group, built_in).keys())
