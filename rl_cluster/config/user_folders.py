"""Finds folders that this user can write: the home folder, or a private folder if there is no home.

Containers run as users without a name, with a package that is installed read-only and a home that does not exist.
"""

import os
import stat
import tempfile
from pathlib import Path

from rl_cluster.errors import ConfigError

__all__ = ["NO_HOME", "can_be_written", "has_writable_home", "home_folder", "private_folder"]

NO_HOME = Path("/nonexistent")
"""The home that systems enter for a user without one."""


def home_folder(remedy: str) -> Path:
    """The user's home. Raises ConfigError, with the remedy, if this user has none."""
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - Path.home() raises for a number without a name
    if not home.is_absolute() or home == NO_HOME:
        what = "this user has no home folder: HOME is not set, and the user's number has no entry in passwd"
        raise ConfigError("~", what, remedy)
    return home


def has_writable_home() -> bool:
    """True = caches below the home, or below XDG_CACHE_HOME, can be written."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))  # noqa: PTH111 - as above
    return base.is_absolute() and not base.is_relative_to(NO_HOME) and can_be_written(base)


def can_be_written(folder: Path) -> bool:
    """True = files can be made in the folder, after it has been made if need be."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def private_folder() -> Path:
    """A folder for temporary files that no other user can read or write; the same for all processes of the user.

    A folder that another user has put there is not used, because caches hold code. Raises ConfigError if no folder can
    be made.
    """
    try:
        path = Path(tempfile.gettempdir(), f"rl-cluster-{os.geteuid()}")
        path.mkdir(mode=0o700, exist_ok=True)
        status = path.lstat()
        is_ours = stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()
        if is_ours and not stat.S_IMODE(status.st_mode) & (stat.S_IRWXG | stat.S_IRWXO):
            return path
    except FileExistsError:
        pass
    except OSError as error:
        raise _no_folder(error) from None
    try:
        return Path(tempfile.mkdtemp(prefix="rl-cluster-"))
    except OSError as error:
        raise _no_folder(error) from None


def _no_folder(error: OSError) -> ConfigError:
    what = f"no temporary folder can be written ({error.strerror})"
    return ConfigError("TMPDIR", what, "export TMPDIR=DIR, or HOME=DIR, with a folder that this user can write")
