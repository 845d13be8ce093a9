"""Whoever answers in a dashboard's place, and however: one line, in time; proxies stand where they belong."""

import time
from collections.abc import Callable

import pytest

from rl_cluster.errors import ClusterError
from rl_cluster.operations import dashboard_client
from rl_cluster.operations.dashboard_client import proxy_of
from rl_cluster.operations.jobs import Jobs
from rl_cluster.rllib.address import Endpoint
from tests.unit.operations.hostile_server import BEHAVIOURS, answering, serving

VERSION = b'{"version": "4", "ray_version": "0.0.1", "ray_commit": "", "session_name": ""}'
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize("behaviour", BEHAVIOURS.values(), ids=BEHAVIOURS.keys())
def test_dashboard__that_answers_as_none_should_is_refused_in_time(
    behaviour: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dashboard_client, "ANSWER_LIMIT_S", 0.5)
    begin_s = time.monotonic()

    with serving(behaviour) as port, pytest.raises(ClusterError, match=rf"^address http://127\.0\.0\.1:{port}: .*; "):
        Jobs(f"http://127.0.0.1:{port}")
    assert time.monotonic() - begin_s < 5.0


@pytest.mark.parametrize("name", [*PROXIES[:3], *(name.upper() for name in PROXIES[1:3])])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_dashboard__on_this_machine_is_asked_past_every_proxy(
    name: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(answering(b"", "407 Proxy")) as proxy, serving(answering(VERSION)) as port:
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy}")
        with pytest.raises(ClusterError, match=r"the cluster runs Ray 0\.0\.1, this is Ray"):
            Jobs(f"http://{host}:{port}")


@pytest.mark.parametrize(
    "behaviour", [BEHAVIOURS["closing"], BEHAVIOURS["no token"], BEHAVIOURS["no JSON"], BEHAVIOURS["error"]]
)
def test_proxy__that_stands_between_is_named_without_its_password(
    behaviour: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(behaviour) as proxy:
        monkeypatch.setenv("http_proxy", f"http://user:secret@127.0.0.1:{proxy}")
        with pytest.raises(ClusterError, match=rf"through the proxy http://127\.0\.0\.1:{proxy} .*NO_PROXY") as caught:
            Jobs("http://head.invalid:8265")

    assert "secret" not in str(caught.value)


def test_proxy__is_passed_by_for_those_that_no_proxy_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy:3128")
    monkeypatch.setenv("no_proxy", "inside.example")

    assert proxy_of("http://head.inside.example:8265", Endpoint("head.inside.example", 8265)) is None
    assert proxy_of("http://outside.example:8265", Endpoint("outside.example", 8265)) == "http://proxy:3128"


@pytest.mark.parametrize("name", ["RAY_ADDRESS", "RAY_API_SERVER_ADDRESS"])
def test_dashboard__that_is_given_is_asked_whatever_the_environment_says(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:9")

    with serving(answering(VERSION)) as port, pytest.raises(ClusterError, match=r"the cluster runs Ray 0\.0\.1"):
        Jobs(f"http://127.0.0.1:{port}")
