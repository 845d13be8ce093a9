"""Deletes compiled kernels that are older than their sources.

numba keeps a compiled kernel until the kernel's own file changes. A kernel that calls others has them compiled into it,
so after a change to one of those, or after a move of its module, the kept one is wrong or cannot be loaded.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from rl_cluster.config.bounded_file import FileFault, read_bounded
from rl_cluster.config.whole_file import write_whole

__all__ = ["STAMP", "forget_stale_kernels"]

STAMP = "kernels.json"
"""The file in `__pycache__` of the kernels' folder that records the sources of the kernels there."""
MAX_STAMP_BYTES = 1 << 20
IMPORT = re.compile(r"^from ([\w.]+) import (.+?)$|^import ([\w.]+)", re.MULTILINE)

Sources = Mapping[str, tuple[int, int]]
"""Module -> time and size of its file."""


def forget_stale_kernels(kernels: Path, package: Path) -> None:
    """Deletes what was compiled from modules that have changed since, and from those that import them.

    Does nothing where the folder cannot be written: then nothing is kept in it either.

    Args:
        kernels: Folder of the kernels, whose compiled ones lie in folders `__pycache__` within.
        package: Folder of the package, above it; kernels take constants from its modules, too.
    """
    files = dict(_modules(kernels, package))
    now = {module: (path.stat().st_mtime_ns, path.stat().st_size) for module, path in files.items()}
    stamp = kernels / "__pycache__" / STAMP
    before = _read(stamp)
    if now == before:
        return
    changed = {module for module in now.keys() | before.keys() if now.get(module) != before.get(module)}
    with suppress(OSError):
        for module in _dependents(changed, files):
            for kept in (files[module].parent / "__pycache__").glob(f"{files[module].stem}.*.nb[ic]"):
                kept.unlink(missing_ok=True)
        stamp.parent.mkdir(exist_ok=True)
        write_whole(stamp, json.dumps(now).encode())


def _modules(kernels: Path, package: Path) -> Iterator[tuple[str, Path]]:
    for path in (*kernels.rglob("*.py"), *package.glob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        yield ".".join(parts).removesuffix(".__init__"), path


def _read(stamp: Path) -> Sources:
    """The stamp; empty if it is missing or damaged, so that every kernel is compiled again."""
    try:
        data = json.loads(read_bounded(stamp, MAX_STAMP_BYTES))
        return {module: (int(time_ns), int(size)) for module, (time_ns, size) in data.items()}
    except (OSError, FileFault, ValueError, TypeError, AttributeError):
        return {}


def _dependents(changed: set[str], files: Mapping[str, Path]) -> set[str]:
    """The existing modules that have changed, or that import a changed one, directly or not."""
    imports = {module: _imports(path) for module, path in files.items()}
    found, waiting = set(changed), list(changed)
    while waiting:
        module = waiting.pop()
        users = {user for user, names in imports.items() if module in names and user not in found}
        found |= users
        waiting += users
    return found & files.keys()


def _imports(path: Path) -> set[str]:
    """Dotted names that a file imports, `from a import b` as `a` and `a.b`: b may be a module."""
    names: set[str] = set()
    for source, imported, plain in IMPORT.findall(path.read_text(encoding="utf-8")):
        names |= {plain or source, *(f"{source}.{name.strip(' ()')}" for name in imported.split(","))}
    return names
