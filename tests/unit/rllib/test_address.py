"""What is an address and what is none: decided before anybody is asked for it."""

import pytest

from rl_cluster.errors import ClusterError
from rl_cluster.rllib.address import Endpoint, parse_dashboard, parse_head, parse_ports

NO_PORTS = ["", "0", "65536", "-1", "+1", "1 ", "1_0", "٦٣٧٩", "\uff16\uff13\uff17\uff19", "1e3", "9" * 5000, "port"]
NO_HOSTS = ["", " ", "..", "a..b", "-a", "a-", "a b", "ü", "a" * 64, "a." * 127 + "a", "a\0b", "a\nb", "[", "]", "[::1",
            "::1", "[::g]", "[]", "[127.0.0.1]", "a%b", "a@b", "a/b", "a?b"]  # fmt: skip


@pytest.mark.parametrize("host", ["10.0.0.1", "localhost", "ray-head", "head_1", "head.cluster.local.", "[::1]"])
def test_address__of_a_head_and_of_its_dashboard(host: str) -> None:
    endpoint = Endpoint(host.strip("[]"), 6379)

    assert parse_head(f"{host}:6379") == endpoint
    assert str(endpoint) == f"{host}:6379"
    assert parse_dashboard(f"http://{host}:6379/") == (f"http://{host}:6379", endpoint)
    assert parse_dashboard(f"http://{host}")[1].port == 8265
    assert parse_dashboard(f"https://{host}/ray/")[0] == f"https://{host}:443/ray"


@pytest.mark.parametrize("address", ["auto", "local"])
def test_address__that_names_no_head(address: str) -> None:
    assert parse_head(address) is None


@pytest.mark.parametrize(
    "address", [*(f"host:{port}" for port in NO_PORTS), *(f"{host}:6379" for host in NO_HOSTS), "", "AUTO", "host"]
)
def test_address__that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ClusterError, match=r"^(?s:address .*): not HOST:PORT, `auto` or `local`; write for example "):
        parse_head(address)


@pytest.mark.parametrize(
    "url",
    [
        *(f"http://host:{port}" for port in NO_PORTS[1:]),
        *(f"http://{host}:8265" for host in NO_HOSTS),
        "", "http://", "http:///", "http://?x", "ftp://host", "file:///etc/passwd", "host:8265", "//host", "ray://host:1",
        "http://user:secret@host", "http://host/?q", "http://host/#f", "http://host/a b", "http://host/%00",
    ],
)  # fmt: skip
def test_dashboard__address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ClusterError, match=r"address.*(?s:.*) of a dashboard.*; write http://HOST:8265") as caught:
        parse_dashboard(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [("localhost", True), ("LocalHost.", True), ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True),
     ("10.0.0.1", False), ("head", False), ("localhost.example", False), ("2001:db8::1", False)],
)  # fmt: skip
def test_endpoint__on_this_machine(host: str, is_loopback: bool) -> None:
    assert Endpoint(host, 1).is_loopback == is_loopback


def test_ports__are_numbers_and_each_is_there_once() -> None:
    assert parse_ports("6379, 8265,06379") == [6379, 8265]


@pytest.mark.parametrize(
    "text", [*NO_PORTS, "6379,", ",", "6379;8265", ",".join(map(str, range(1, 102))), "1," * 10**6]
)
def test_ports__that_are_none_are_refused(text: str) -> None:
    if text != "1 ":  # blanks may stand around a word
        with pytest.raises(
            ClusterError, match=r"--ports (?s:.*)(numbers of|than 100) ports; write for example 6379,82"
        ):
            parse_ports(text)
