"""Callbacks as users give them: objects, functions, and import paths."""

import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias, cast

from rl_cluster.errors import ConfigError
from rl_cluster.extension.import_path import load_object
from rl_cluster.extension.members import check_members
from rl_cluster.training.callback import Callback, Callbacks
from rl_cluster.training.run import Record

__all__ = ["CallbackLike", "GivenCallbacks", "as_callbacks", "load_callbacks"]

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


class GivenCallbacks(NamedTuple):
    """What was given on the command line."""

    own: Callbacks
    rllibs: tuple[type, ...]
    """classes of RLlib's callbacks, which only an engine on Ray calls"""


def load_callbacks(paths: Sequence[str]) -> GivenCallbacks:
    """The callbacks at import paths that the user has given: a class is made, a function is called as it is.

    Raises:
        ConfigError: There is none at a path, or it is no callback.
        ExtensionFault: A module raises when it is imported.
    """
    found = {path: load_object(path, OPTION) for path in paths}
    rllibs = {path: kind for path, kind in found.items() if _is_rllibs(kind)}
    own = [_made(path, one) for path, one in found.items() if path not in rllibs]
    return GivenCallbacks(Callbacks(own), tuple(rllibs.values()))


def _is_rllibs(found: Any) -> bool:
    """Whether it is a class of RLlib's callbacks. There is none before RLlib itself has been imported."""
    rllib = sys.modules.get("ray.rllib.callbacks.callbacks")
    return rllib is not None and isinstance(found, type) and issubclass(found, rllib.RLlibCallback)


def _made(path: str, found: Any) -> Callback:
    return _as_callback(found() if isinstance(found, type) else found, f"{OPTION} {path}")


def _as_callback(callback: Any, where: str = "") -> Callback:
    if callable(callback) and not isinstance(callback, type):
        return _Function(callback)
    where = where or f"callback {getattr(callback, '__name__', type(callback).__name__)}"
    check_members(callback, HOOKS, where, "derive its class from rl_cluster.Callback")
    if isinstance(callback, type):
        raise ConfigError(where, "is a class, not a callback", "make one: write it with parentheses")
    return cast("Callback", callback)
