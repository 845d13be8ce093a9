"""Nobody is waited for beyond a limit, whatever part of the answer is late."""

import socket
import threading
import time
from collections.abc import Callable

import pytest

from rl_cluster.errors import ClusterError
from rl_cluster.rllib import deadline
from rl_cluster.rllib.address import Endpoint
from rl_cluster.rllib.cluster import connect
from rl_cluster.rllib.deadline import dial, within
from tests.unit.operations.hostile_server import BEHAVIOURS, serving


@pytest.mark.parametrize("behaviour", BEHAVIOURS.values(), ids=BEHAVIOURS.keys())
def test_head__that_does_not_speak_as_ray_is_refused_in_time(
    behaviour: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadline, "DIAL_LIMIT_S", 0.5)
    begin_s = time.monotonic()

    with (
        serving(behaviour) as port,
        pytest.raises(ClusterError, match=rf"^address 127\.0\.0\.1:{port}: .*; check `ray"),
    ):
        connect(f"127.0.0.1:{port}")
    assert time.monotonic() - begin_s < 5.0


def test_name__that_is_looked_up_for_ever_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    is_over = threading.Event()

    def look_up(*_: object) -> list[object]:
        is_over.wait()
        raise socket.gaierror(-2, "unknown")

    monkeypatch.setattr(deadline, "DIAL_LIMIT_S", 0.2)
    monkeypatch.setattr(socket, "getaddrinfo", look_up)

    with pytest.raises(ClusterError, match=r"address head:1: what is there does not answer within 0.2 s; start it"):
        dial(Endpoint("head", 1), "address head:1", "start it")
    is_over.set()


def test_within__hands_on_what_is_returned_or_raised() -> None:
    assert within(10.0, lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        within(10.0, lambda: 1 / 0)
