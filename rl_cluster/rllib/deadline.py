"""Requests to other machines, each with one time limit for all of its parts: name, connection, answer.

A socket's timeout applies to each byte, and not at all to the lookup of a name. So each request runs in a thread that
can be abandoned.
"""

import os
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from rl_cluster.errors import ClusterError
from rl_cluster.rllib.address import Endpoint

__all__ = ["DIAL_LIMIT_S", "dial", "greet", "within"]

DIAL_LIMIT_S = 5.0
"""Seconds to reach a port."""
HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
"""The first bytes of a gRPC connection, with empty settings."""
FRAME_HEADER_BYTES, FRAME_TYPE, SETTINGS = 9, 3, 4

AnswerT = TypeVar("AnswerT")


def within(limit_s: float, ask: Callable[[], AnswerT]) -> AnswerT:
    """Returns or raises what `ask` does; raises TimeoutError at the limit. The thread may outlive the call."""
    answer: Future[AnswerT] = Future()

    def run() -> None:
        try:
            answer.set_result(ask())
        except BaseException as error:  # noqa: BLE001 - it is raised in the caller's thread
            answer.set_exception(error)

    threading.Thread(target=run, name="asking", daemon=True).start()
    return answer.result(limit_s)


def dial(endpoint: Endpoint, where: str, remedy: str) -> None:
    """Raises ClusterError if nothing listens there.

    Args:
        endpoint: The endpoint to reach.
        where: The place in the error, in the user's words.
        remedy: The remedy in the error.
    """
    _try(where, remedy, lambda: _connect(endpoint).close())


def greet(endpoint: Endpoint, where: str, remedy: str) -> None:
    """Raises ClusterError like `dial`, and if the server that listens there does not answer like a head of Ray."""
    if os.environ.get("RAY_USE_TLS", "0").lower() in {"1", "true"}:
        dial(endpoint, where, remedy)  # the greeting is inside TLS
        return
    if _try(where, remedy, lambda: _greeting(endpoint))[FRAME_TYPE : FRAME_TYPE + 1] != bytes((SETTINGS,)):
        raise ClusterError(where, "what listens there is no head of Ray", remedy)


def _try(where: str, remedy: str, ask: Callable[[], AnswerT]) -> AnswerT:
    try:
        return within(DIAL_LIMIT_S, ask)
    except TimeoutError:
        what = f"what is there does not answer within {DIAL_LIMIT_S:g} s"
        raise ClusterError(where, what, remedy) from None
    except OSError as error:
        raise ClusterError(where, f"nothing answers there ({error.strerror or error})", remedy) from None


def _connect(endpoint: Endpoint) -> socket.socket:
    return socket.create_connection(endpoint, DIAL_LIMIT_S)


def _greeting(endpoint: Endpoint) -> bytes:
    """The first bytes of the answer; fewer if the other side ends the connection."""
    with _connect(endpoint) as connection:
        connection.sendall(HTTP2_PREFACE)
        answer = b""
        while len(answer) < FRAME_HEADER_BYTES and (more := connection.recv(FRAME_HEADER_BYTES - len(answer))):
            answer += more
        return answer
