"""`module:Class`: an object of a user's module, by its import path.

Only what a user states is imported: words of a command, or entry points of packages that are installed. Settings and
checkpoints never name a module.
"""

import importlib
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import reduce
from pathlib import Path
from types import TracebackType
from typing import Any

from rl_cluster.errors import ConfigError

__all__ = ["ExtensionFault", "is_import_path", "load_object", "search_working_folder", "users_module"]

FORM = "write module:Class, as my_package.mine:Greedy"
_loaded: set[str] = set()
"""Modules that users have named."""


class ExtensionFault(Exception):  # noqa: N818  it is a fault of the extension, which its cause describes
    """A module that a user has named raises when it is imported; the cause is its own error."""


def is_import_path(text: str) -> bool:
    """True = `module:Class`, and not the name of a file or of a heuristic."""
    module, colon, name = text.partition(":")
    return bool(colon) and all(part.isidentifier() for part in (*module.split("."), *name.split(".")))


def search_working_folder() -> None:
    """Lets modules of the working folder be named, as `python -m` does. Installed ones of the same name come first."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)


def load_object(path: str, where: str) -> Any:
    """The object at `module:name`.

    Args:
        path: `module:name`; the name may have dots.
        where: What messages call the place where it was given, as an option.

    Raises:
        ConfigError: It is not of this form, or there is no such module, or nothing of that name in it.
        ExtensionFault: The module raises when it is imported.
    """
    if not is_import_path(path):
        raise ConfigError(where, f"{path} is no import path", FORM)
    module_name, _, name = path.partition(":")
    module = _import(module_name, path, where)
    try:
        return reduce(getattr, name.split("."), module)
    except AttributeError:
        known = [one for one in vars(module) if one[0] != "_" and callable(vars(module)[one])]
        remedy = f"it has {', '.join(known[:10])}" if known else FORM
        raise ConfigError(where, f"module {module_name} has no {name}", remedy) from None


@contextmanager
def _without_bytecode() -> Iterator[None]:
    """Imports leave no __pycache__: a command that refuses what it is given writes nothing."""
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before


def _import(module_name: str, path: str, where: str) -> Any:
    _loaded.add(module_name)
    try:
        with _without_bytecode():
            return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and (module_name == error.name or module_name.startswith(f"{error.name}.")):
            remedy = "install its package, or run the command in the folder that holds it"
            raise ConfigError(where, f"there is no module {error.name} for {path}", remedy) from None
        raise ExtensionFault(f"{path} cannot be imported") from error
    except Exception as error:
        raise ExtensionFault(f"{path} cannot be imported") from error


def users_module(error: BaseException) -> str | None:
    """The module of a user in which an error was raised, or through which it came; None = it is not of theirs."""
    if isinstance(error, ExtensionFault):
        return str(error).partition(":")[0]
    return next((name for name in _modules(error.__traceback__) if name in _loaded), None)


def _modules(trace: TracebackType | None) -> list[str]:
    return [frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(trace)]
