"""New folders that appear complete, under a unique name, however many processes begin at the same moment.

Runs and studies make their folders here. The caller decides what is in them.
"""

import errno
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from rl_cluster.config.scratch import scratch_folder, sweep
from rl_cluster.config.user_folders import home_folder
from rl_cluster.errors import CheckpointError, typed

__all__ = ["default_folder", "make_folder"]

MAX_NUMBER = 10_000
FilledT = TypeVar("FilledT")


def default_folder(parent: str, name: str, remedy: str = "name a folder with --out") -> Path:
    """~/parent/name-DATE-TIME: in the home folder, because a job's working directory is temporary.

    Raises ConfigError, with the remedy, if there is no home.
    """
    return home_folder(remedy) / parent / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"


def make_folder(
    path: Path,
    fill: Callable[[Path], FilledT],
    *,
    is_numbered: bool = False,
    mode: int = 0o777,
    remedy: str = "choose another --out",
) -> tuple[Path, FilledT]:
    """Makes a new folder, and the folders above it, in one step: before it there is nothing, after it everything.

    Args:
        path: Its place.
        fill: Fills the folder, which still has a temporary name; the folder must not stay empty.
        is_numbered: If something of that name exists, take path-2, path-3 and so on, instead of refusing.
        mode: Permissions, less the umask's.
        remedy: What the user can do if it cannot be made.

    Returns:
        The folder's path, and what `fill` returned.

    Raises:
        CheckpointError: Something of that name exists, or the folder cannot be made; nothing is left of it then.
    """
    if os.path.lexists(path) and not is_numbered:
        raise _taken(path)
    made: list[Path] = []
    try:
        _make_parents(path.parent, made)
        sweep(path.parent)
        with scratch_folder(path.parent, mode) as beside:
            filled = fill(beside)
            return _put(beside, path, is_numbered), filled
    except OSError as error:
        what = f"cannot be made: {error.strerror}"
        raise CheckpointError(str(path)[:200], what, remedy) from error
    finally:
        _remove_empty(made)


def _put(beside: Path, path: Path, is_numbered: bool) -> Path:
    """Gives the filled folder its name. Renaming replaces nothing but an empty folder."""
    for number in range(1, MAX_NUMBER):
        place = path if number == 1 else path.with_name(f"{path.name}-{number}")
        if not os.path.lexists(place):
            try:
                return beside.rename(place)
            except OSError as error:
                if error.errno not in {errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR}:
                    raise
        if not is_numbered:
            break
    raise _taken(path)


def _taken(path: Path) -> CheckpointError:
    go_on = f"go on with {typed('--resume', path)}, or " if path.is_dir() else ""
    return CheckpointError(str(path), "exists already", f"{go_on}choose another --out")


def _make_parents(folder: Path, made: list[Path]) -> None:
    """Makes the missing parents of the folder, and adds them to `made`, the uppermost first."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    for one in reversed(missing):
        one.mkdir(exist_ok=True)
        made.append(one)


def _remove_empty(made: list[Path]) -> None:
    """Removes parents that are empty. Those that hold the new folder are not, and stay."""
    for folder in reversed(made):
        try:
            folder.rmdir()
        except OSError:
            return
