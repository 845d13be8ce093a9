"""Checks that the ports a head needs are free. A port in use costs hours: Ray says that it has started, and then fails.

If the agent's port 52365 is in use, `ray start` succeeds, and every submitted job waits for ever with the words "No
available agent to submit job".
"""

import errno
import socket
from collections.abc import Sequence

import psutil

from rl_cluster.operations.finding import Finding, failed, passed
from rl_cluster.operations.ray_processes import is_ray

__all__ = ["HEAD_PORTS", "check_ports"]

HEAD_PORTS = {6379: "--port", 8265: "--dashboard-port", 10001: "--ray-client-server-port",
              52365: "--dashboard-agent-listen-port"}  # fmt: skip
"""Port that `ray start --head` takes by default -> the option that moves it."""
LONGEST_OWNER = 80
"""Characters of a command line that are shown."""


def check_ports(ports: Sequence[int]) -> list[Finding]:
    """One finding per port. A port that Ray on this machine already uses is not a fault."""
    return [_check_port(port) for port in ports]


def _check_port(port: int) -> Finding:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                return failed("port", f"{port} cannot be used ({error.strerror})", _remedy(port))
        else:
            return passed("port", f"{port} is free")
    owner = _owner(port)
    if is_ray(owner):
        return passed("port", f"{port} is held by the Ray that runs here")
    shown = " ".join(owner)[:LONGEST_OWNER] or "another process"
    return failed("port", f"{port} is taken by {shown}", _remedy(port))


def _remedy(port: int) -> str:
    return f"end that process, or give Ray another port ({HEAD_PORTS.get(port, 'see ray start --help')})"


def _owner(port: int) -> list[str]:
    """The whole command line of the process that listens there; empty if this user may not know it."""
    try:
        for connection in psutil.net_connections("tcp"):
            is_listening = connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
            if is_listening and connection.pid:
                words: list[str] = psutil.Process(connection.pid).cmdline()
                return words
    except psutil.Error:
        return []
    return []
