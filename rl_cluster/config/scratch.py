"""Names that nobody else uses while a file or a folder is being written, and what is done about those left behind.

What is to appear whole is written under such a name, beside its place, and renamed. The name is random and is made, not
opened: whoever may write in the folder cannot have laid a link there. The writer holds a lock on it, which ends with
the process however it ends, so that a later writer in the folder can tell what a killed one has left from what a living
one, of this or of another container, is at.
"""

import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["make_scratch_file", "scratch_file", "scratch_folder", "sweep"]

NAME = re.compile(r"\.rl-cluster-scratch-[0-9a-f]{16}")


@contextmanager
def scratch_file(folder: Path) -> Iterator[Path]:
    """A new empty file, readable as the umask says; it is gone at the end unless it was renamed. Raises OSError."""
    path, descriptor = make_scratch_file(folder)
    try:
        yield path
    finally:
        os.close(descriptor)
        path.unlink(missing_ok=True)


def make_scratch_file(folder: Path) -> tuple[Path, int]:
    """A new empty file, and a descriptor that holds its lock, for reading and writing; the caller closes it.

    Raises OSError.
    """
    while True:
        path = _new_name(folder)
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666)
        if _hold(descriptor, path):
            return path, descriptor
        os.close(descriptor)


@contextmanager
def scratch_folder(folder: Path, mode: int = 0o777) -> Iterator[Path]:
    """A new empty folder, less the umask's bits of `mode`; it goes at the end unless it was renamed. Raises OSError."""
    while True:
        path = _new_name(folder)
        path.mkdir(mode)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except FileNotFoundError:  # another process has swept it before it was held
            continue
        if _hold(descriptor, path):
            break
        os.close(descriptor)
    try:
        yield path
    finally:
        os.close(descriptor)
        shutil.rmtree(path, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Deletes what killed writers have left in the folder: names of ours that nobody holds. Does nothing if it cannot.

    What belongs to another user is left to that user.
    """
    with suppress(OSError):
        names = [entry.name for entry in os.scandir(folder) if NAME.fullmatch(entry.name)]
        for name in names:
            _delete_if_left(folder / name)


def _delete_if_left(path: Path) -> None:
    with suppress(OSError):  # gone, a link, or in use
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(descriptor).st_uid != os.getuid():
                return
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()
        finally:
            os.close(descriptor)


def _new_name(folder: Path) -> Path:
    return folder / f".rl-cluster-scratch-{secrets.token_hex(8)}"  # short: the place beside may have the longest name


def _hold(descriptor: int, path: Path) -> bool:
    """Locks it. False: another process has swept it between its making and its locking."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass  # a file system without locks: nobody can sweep there either
    return os.path.lexists(path) and os.path.samestat(os.fstat(descriptor), path.lstat())
