"""Callbacks as users give them: objects, functions, and import paths."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, cast

from rl_cluster.errors import ConfigError
from rl_cluster.extension.import_path import load_object
from rl_cluster.extension.members import check_members
from rl_cluster.training.callback import Callback, Callbacks
from rl_cluster.training.run import Record

__all__ = ["CallbackLike", "as_callbacks", "load_callbacks"]

CallbackLike: TypeAlias = Callback | Callable[[Record], None]
"""A callback, or a function that is called after each iteration."""
HOOKS = ("on_start", "on_iteration", "wants_end", "on_end")
OPTION = "--callback"


class _Function(Callback):
    """A function as a callback."""

    def __init__(self, function: Callable[[Record], None]) -> None:
        self._function = function

    def on_iteration(self, record: Record) -> None:
        self._function(record)


def as_callbacks(callbacks: Sequence[CallbackLike]) -> Callbacks:
    """All of them as one. Raises ConfigError if one is neither a function nor has all hooks."""
    return Callbacks([_as_callback(callback) for callback in callbacks])


def load_callbacks(paths: Sequence[str]) -> Callbacks:
    """The callbacks at import paths that the user has given: a class is made, a function is called as it is.

    Raises:
        ConfigError: There is none at a path, or it is no callback.
        ExtensionFault: A module raises when it is imported.
    """
    return Callbacks([_load_callback(path) for path in paths])


def _load_callback(path: str) -> Callback:
    found = load_object(path, OPTION)
    return _as_callback(found() if isinstance(found, type) else found, f"{OPTION} {path}")


def _as_callback(callback: Any, where: str = "") -> Callback:
    if callable(callback) and not isinstance(callback, type):
        return _Function(callback)
    where = where or f"callback {getattr(callback, '__name__', type(callback).__name__)}"
    check_members(callback, HOOKS, where, "derive its class from rl_cluster.Callback")
    if isinstance(callback, type):
        raise ConfigError(where, "is a class, not a callback", "make one: write it with parentheses")
    return cast("Callback", callback)
