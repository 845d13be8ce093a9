"""Ray's processes on this machine, and where they listen, as far as this user may know."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

__all__ = ["RayProcess", "is_ray", "ray_processes"]

BINARIES = {"gcs_server", "raylet"}
MODULES = ("/ray/dashboard/", "/ray/_private/", "/ray/autoscaler/", "ray.util.client.server")
"""One of these is in the command line of every other Python process that a head or a node starts ..."""
TITLES = ("ray::", "ray-dashboard-")
"""... unless the command line begins with one of the names that Ray gives its processes."""
SOCKET_OPTION = "--raylet_socket_name="
"""An option of a raylet; its socket is in the folder `sockets` of the session."""


class RayProcess(NamedTuple):
    """A process of a Ray on this machine."""

    name: str
    addresses: tuple[tuple[str, int], ...]
    """where it listens: IP addresses and ports"""
    session: Path | None
    """folder of its session; only for a raylet"""


def is_ray(words: Sequence[str]) -> bool:
    """Whether a process is a part of Ray, by its whole command line."""
    if not words or not words[0]:
        return False
    line = " ".join(words)
    return Path(words[0]).name in BINARIES or line.startswith(TITLES) or any(part in line for part in MODULES)


def ray_processes() -> Iterator[RayProcess]:
    """Ray's live processes, one by one, without this one."""
    for process in psutil.process_iter():
        if process.pid == os.getpid():
            continue
        try:
            words = process.cmdline()
            if is_ray(words):
                listening = [one for one in process.net_connections("tcp") if one.status == psutil.CONN_LISTEN]
                addresses = tuple(sorted({(one.laddr.ip, one.laddr.port) for one in listening}))
                yield RayProcess(_name(words), addresses, _session(words))
        except psutil.Error:  # it has ended, or belongs to another user
            continue


def _name(words: Sequence[str]) -> str:
    """A short name: the program, or the script or module that Python runs."""
    first = words[0].split(maxsplit=1)[0]
    if first.startswith(TITLES) or Path(first).name in BINARIES:
        return Path(first).name
    return Path(next(word for word in words if any(part in word for part in MODULES))).name


def _session(words: Sequence[str]) -> Path | None:
    sockets = [word.removeprefix(SOCKET_OPTION) for word in words if word.startswith(SOCKET_OPTION)]
    return Path(sockets[0]).parent.parent if sockets else None
