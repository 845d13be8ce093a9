"""Checks what a Ray on this machine leaves open: ports on all interfaces, and folders that all users can write.

Ray leaves both open, and has no option to close them. So these are warnings, which say how to close them from outside.
"""

import stat
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from rl_cluster.operations.finding import Finding, passed, warned
from rl_cluster.operations.ray_processes import RayProcess, ray_processes

__all__ = ["check_exposure"]

ALL_INTERFACES = {"0.0.0.0", "::"}  # noqa: S104 - only compared with, not listened on
MOST_SHOWN, FEW_PORTS = 10, 3
FOLDER = "runtime_resources"
"""A folder of a session that holds the code that jobs upload and run."""


def check_exposure(processes: Sequence[RayProcess] | None = None) -> list[Finding]:
    """One finding for ports, and one for each folder that is open.

    Args:
        processes: Ray's processes; None = those of this machine.
    """
    processes = list(ray_processes()) if processes is None else processes
    folders = sorted({process.session / FOLDER for process in processes if process.session})
    return [_check_ports(processes), *(_check_folder(folder) for folder in folders)]


def _check_ports(processes: Sequence[RayProcess]) -> Finding:
    if not processes:
        return passed("network", "no Ray runs here")
    wide = defaultdict[str, set[int]](set)
    for process in processes:
        wide[process.name] |= {port for ip, port in process.addresses if ip in ALL_INTERFACES}
    shown = [f"{name} {_numbers(ports)}" for name, ports in sorted(wide.items()) if ports]
    if not shown:
        return passed("network", "no part of Ray listens on all interfaces")
    more = f" and {len(shown) - MOST_SHOWN} more" if len(shown) > MOST_SHOWN else ""
    what = f"on all interfaces listen {', '.join(shown[:MOST_SHOWN])}{more}"
    remedy = "let the cluster's nodes alone reach them, by a firewall or a NetworkPolicy: exporters ask for no token"
    return warned("network", what, remedy)


def _numbers(ports: set[int]) -> str:
    """The ports as text; if there are many, only their number."""
    return "/".join(map(str, sorted(ports))) if len(ports) <= FEW_PORTS else f"({len(ports)} ports)"


def _check_folder(folder: Path) -> Finding:
    if not _can_others_write(folder):
        return passed("folder", f"{folder} is closed to other users")
    what = f"every user of this machine can write to {folder}, and jobs run what lies there"
    return warned("folder", what, "on a shared node, ray start --temp-dir in a folder of yours of mode 0700")


def _can_others_write(folder: Path) -> bool:
    """True = its mode allows it, and so does the mode of every folder above."""
    try:
        modes = [path.stat().st_mode for path in (folder, *folder.parents)]
    except OSError:
        return False
    return bool(modes[0] & stat.S_IWOTH) and all(mode & stat.S_IXOTH for mode in modes)
