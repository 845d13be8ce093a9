"""Addresses as people write them: HOST:PORT of a head, http://HOST:PORT of its dashboard. Needs no Ray and no network.

Anything that is not an address is refused before it reaches a resolver or a client library, whose error would be a
traceback.
"""

import ipaddress
import re
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from rl_cluster.errors import ClusterError

__all__ = ["Endpoint", "parse_dashboard", "parse_head", "parse_ports"]

DASHBOARD_PORT = 8265
HTTPS_PORT = 443
LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
NAME = re.compile(rf"{LABEL}(?:\.{LABEL})*\.?")
LONGEST_NAME = 253
PORT = re.compile(r"[0-9]{1,5}")
"""Python's own digits include those of all scripts."""
MOST_PORTS = 100
PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)*/*")
NO_NETWORK = ("auto", "local")


class Endpoint(NamedTuple):
    """A host and a port on which a server listens."""

    host: str
    """name or IP address, without brackets"""
    port: int

    @property
    def is_loopback(self) -> bool:
        """True = it is on this machine, and no proxy leads there."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host.rstrip(".").lower() == "localhost"

    def __str__(self) -> str:
        """HOST:PORT, with an IPv6 address in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_head(address: str) -> Endpoint | None:
    """The endpoint of a head; None for `auto`, the head on this machine, and `local`, a Ray of our own.

    Raises:
        ClusterError: It is an address of another kind. The jobs API and Ray Client listen on other ports than the head.
    """
    if address in NO_NETWORK:
        return None
    if "://" in address:
        raise ClusterError(
            _where(address),
            "this is not the address of a head",
            "write HOST:PORT of `ray start --head` (port 6379 by default), or send the run there with "
            "`ray job submit --working-dir . -- python -m rl_cluster train ...`",
        )
    host, _, port = address.rpartition(":")
    endpoint = _endpoint(host, port)
    if endpoint is None:
        remedy = "write for example 10.0.0.1:6379, or [::1]:6379"
        raise ClusterError(_where(address), "not HOST:PORT, `auto` or `local`", remedy)
    return endpoint


def parse_dashboard(url: str) -> tuple[str, Endpoint]:
    """A dashboard's URL with its port, and its endpoint.

    Raises:
        ClusterError: It is not such a URL, or contains a password, a query or a fragment.
    """
    parts = _split(url)
    if parts is None or parts.scheme not in {"http", "https"}:
        raise _no_dashboard(url, "this is not the address of a dashboard")
    if "@" in parts.netloc:
        raise _no_dashboard(f"{parts.scheme}://..@..", "the address of a dashboard holds no user and no password")
    if "?" in url or "#" in url or not PATH.fullmatch(parts.path):
        raise _no_dashboard(url, "the address of a dashboard ends with its port, or with a plain path")
    has_port = not parts.netloc.endswith("]") and ":" in parts.netloc
    host, _, port = parts.netloc.rpartition(":") if has_port else (parts.netloc, "", "")
    default = str(DASHBOARD_PORT if parts.scheme == "http" else HTTPS_PORT)
    endpoint = _endpoint(host, port if has_port else default)
    if endpoint is None:
        raise _no_dashboard(url, "this is not the address of a dashboard")
    return f"{parts.scheme}://{endpoint}{parts.path.rstrip('/')}", endpoint


def parse_ports(text: str) -> list[int]:
    """The ports in a list with commas, without duplicates.

    Raises:
        ClusterError: There are none, one is not a port, or there are too many.
    """
    words = [word.strip() for word in text.split(",", MOST_PORTS)]
    if len(words) > MOST_PORTS:
        raise _no_ports(text, f"more than {MOST_PORTS} ports")
    if not all(PORT.fullmatch(word) and 0 < int(word) < 65536 for word in words):
        raise _no_ports(text, "not numbers of ports")
    return list(dict.fromkeys(map(int, words)))


def _no_ports(text: str, what: str) -> ClusterError:
    return ClusterError(f"--ports {text}", what, "write for example 6379,8265,10001,52365")


def _split(url: str) -> SplitResult | None:
    """The parts of the URL; None if a bracket is open, its content is not IPv6, or a character is not allowed."""
    if not url.isprintable() or " " in url:  # line ends and tabs would vanish silently
        return None
    try:
        return urlsplit(url)
    except ValueError:
        return None


def _endpoint(host: str, port: str) -> Endpoint | None:
    """The endpoint; None if host or port is not valid."""
    is_bracketed = host.startswith("[") and host.endswith("]")
    host = host[1:-1] if is_bracketed else host
    if not (_is_ipv6(host) if is_bracketed else len(host) <= LONGEST_NAME and NAME.fullmatch(host)):
        return None
    if not PORT.fullmatch(port) or not 0 < int(port) < 65536:
        return None
    return Endpoint(host, int(port))


def _is_ipv6(host: str) -> bool:
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        return False
    return True


def _where(address: str) -> str:
    return f"address {address}" if address.strip() else f"address {address!r}"


def _no_dashboard(url: str, what: str) -> ClusterError:
    return ClusterError(_where(url), what, "write http://HOST:8265, as ray start --head prints it")
