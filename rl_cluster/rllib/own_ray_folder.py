"""The folder of a Ray of our own: private, and deleted at the end, or by the next such Ray after a kill.

It holds the cluster's token. Its owner holds a lock on a file in it, which is released however the process ends. So a
later process can distinguish a folder in use from one that a killed process has left.
"""

import fcntl
import os
import re
import shutil
import stat
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path

from rl_cluster.errors import ClusterError

__all__ = ["make_own_folder", "remove_left_folders"]

PREFIX = "rlc-"
NAME = re.compile(r"rlc-[a-z0-9_]{8}")
OWNER = "owner"


def make_own_folder(parent: Path, ending: ExitStack) -> Path:
    """A new folder of mode 0700 in `parent`, deleted when `ending` ends. Deletes the folders of killed owners now.

    Raises ClusterError if it cannot be made.
    """
    remove_left_folders(parent)
    try:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))  # mode 0700; Ray makes its own part of it 0777
        ending.callback(shutil.rmtree, folder, ignore_errors=True)
        # It is locked before it gets the name that others look for.
        unnamed = folder / f".{OWNER}"
        descriptor = os.open(unnamed, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        ending.callback(os.close, descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        unnamed.rename(folder / OWNER)
    except OSError as error:
        what = f"a Ray of its own needs a folder there, and cannot make it ({error.strerror})"
        raise ClusterError(str(parent), what, "make it writable, or make room; or train with engine=local") from None
    return folder


def remove_left_folders(parent: Path) -> None:
    """Deletes this user's folders whose owner is dead; folders that cannot be deleted stay."""
    with suppress(OSError):
        names = [entry.name for entry in os.scandir(parent) if NAME.fullmatch(entry.name)]
        for name in names:
            if _is_left(parent / name):
                shutil.rmtree(parent / name, ignore_errors=True)


def _is_left(folder: Path) -> bool:
    """True = it is a private folder of this user, and no process holds its lock."""
    with suppress(OSError):  # not one of ours, or already gone
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
            return False
        descriptor = os.open(folder / OWNER, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        finally:
            os.close(descriptor)
        return True
    return False
