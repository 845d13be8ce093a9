"""Callbacks as users give them: objects, functions, and import paths, in words of a command or in settings."""

import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias, cast

from rl_cluster.errors import ConfigError
from rl_cluster.extension.allowance import check_allowed
from rl_cluster.extension.import_path import load_object
from rl_cluster.extension.members import check_members
from rl_cluster.training.callback import Callback, Callbacks
from rl_cluster.training.files.run_names import CONFIG
from rl_cluster.training.run import Record
from rl_cluster.training.start import Start

__all__ = ["CallbackLike", "GivenCallbacks", "as_callbacks", "load_callbacks"]

CallbackLike: TypeAlias = Callback | Callable[[Record], None]
"""A callback, or a function that is called after each iteration."""
HOOKS = ("on_start", "on_iteration", "wants_end", "on_end")
OPTION = "--callback"
SETTING = "callbacks"


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
    """What was given by import paths."""

    own: Callbacks
    rllibs: tuple[type, ...]
    """classes of RLlib's callbacks, which only an engine on Ray calls"""


def load_callbacks(start: Start, paths: Sequence[str] = ()) -> GivenCallbacks:
    """The callbacks of a run, each once: a class is made, a function is called as it is.

    Args:
        start: The run, whose settings may name callbacks. They are imported only if the user allows them; see
            `extension/allowance.py`.
        paths: Import paths that the user has given beside the settings, and so allows.

    Raises:
        ConfigError: There is none at a path, or it is no callback, or the settings name one that is not allowed.
        ExtensionFault: A module raises when it is imported.
    """
    place = f"{start.path / CONFIG}: {SETTING}" if start.checkpoint else SETTING
    check_allowed(start.config.callbacks, place, paths)
    where = {**dict.fromkeys(start.config.callbacks, place), **dict.fromkeys(paths, OPTION)}
    found = {path: load_object(path, where[path]) for path in where}
    rllibs = {path: kind for path, kind in found.items() if _is_rllibs(kind)}
    own = [_made(one, f"{where[path]} {path}") for path, one in found.items() if path not in rllibs]
    return GivenCallbacks(Callbacks(own), tuple(rllibs.values()))


def _is_rllibs(found: Any) -> bool:
    """Whether it is a class of RLlib's callbacks. There is none before RLlib itself has been imported."""
    rllib = sys.modules.get("ray.rllib.callbacks.callbacks")
    return rllib is not None and isinstance(found, type) and issubclass(found, rllib.RLlibCallback)


def _made(found: Any, where: str) -> Callback:
    return _as_callback(found() if isinstance(found, type) else found, where)


def _as_callback(callback: Any, where: str = "") -> Callback:
    if callable(callback) and not isinstance(callback, type):
        return _Function(callback)
    where = where or f"callback {getattr(callback, '__name__', type(callback).__name__)}"
    check_members(callback, HOOKS, where, "derive its class from rl_cluster.Callback")
    if isinstance(callback, type):
        raise ConfigError(where, "is a class, not a callback", "make one: write it with parentheses")
    return cast("Callback", callback)
