"""`module:Class`: an object of a user's module, by its import path.

Only what a user states is imported: words of a command, entry points of packages that are installed, and what settings
name if the user allows it (`allowance.py`). Nothing is imported from a checkpoint.
"""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import reduce
from pathlib import Path
from typing import Any

from rl_cluster.errors import ConfigError

__all__ = ["ExtensionFault", "is_import_path", "is_users", "load_object", "name_module", "search_working_folder"]

FORM = "write module:Class, as my_package.mine:Greedy"
NOT_USERS = {"rl_cluster", "ray"}
"""Packages of which users may name a module, and which are no user's as a whole."""
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


def name_module(module: str) -> None:
    """Notes that a module is a user's, as of an object that has come here without its import path."""
    _loaded.add(module)


def is_users(module: str) -> bool:
    """Whether a module is one that a user has named, or of the same package as one."""
    packages = {name.partition(".")[0] for name in _loaded} - NOT_USERS
    return module in _loaded or module.partition(".")[0] in packages
