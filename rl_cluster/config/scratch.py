"""Unique names for files and folders that are being written, and the removal of those left behind.

A file that must appear complete is written under such a name, beside its place, and renamed. The name is random, and
the file is created, never opened, so nobody who can write in the folder can have put a link there. The writer holds a
lock on it, which is released however the process ends. So a later writer in the folder can distinguish files of a
killed writer from those of a live one, in this or another container.
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
    """A new empty file, readable as the umask says; it is deleted at the end unless it was renamed. Raises OSError."""
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
    """Deletes files of killed writers in the folder: names of ours that no process holds. Does nothing if it cannot.

    Files of another user are left to that user.
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
    """Locks it. False = another process has swept it between its creation and its locking."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass  # a file system without locks, where no process can sweep either
    return os.path.lexists(path) and os.path.samestat(os.fstat(descriptor), path.lstat())
