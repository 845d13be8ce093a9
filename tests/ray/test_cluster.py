"""Addresses that lead nowhere are refused soon; a Ray of our own comes and goes without a trace."""

import http.server
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from rl_cluster.errors import ClusterError
from rl_cluster.rllib.cluster import Cluster, connect

OWN_RAY = """
import json, os, psutil, ray
from rl_cluster.rllib.cluster import connect
from rl_cluster.rllib.engine import RayEngine

with connect(None) as cluster:
    children = psutil.Process().children(recursive=True)
    ports = {
        connection.laddr.ip
        for process in children
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    folder = os.path.dirname(os.environ["RAY_AUTH_TOKEN_PATH"])
    mode = os.stat(os.environ["RAY_AUTH_TOKEN_PATH"]).st_mode & 0o777, os.stat(folder).st_mode & 0o777
    cpus = cluster.resources()[0].cpus
    heads = [child for child in children if any("dashboard/dashboard.py" in word for word in child.cmdline())]
    reports = [head.environ()["RAY_USAGE_STATS_ENABLED"] for head in heads]  # it is who reports to Ray's makers
print(json.dumps({"pids": [child.pid for child in children], "ips": sorted(ports), "folder": folder, "mode": mode,
                  "cpus": cpus, "reports": reports,
                  "variables": [name for name in os.environ if name.startswith(("RAY_AUTH", "RAY_USAGE"))]}))
"""


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def web_server() -> Iterator[int]:
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def test_cluster__address_where_nothing_listens(closed_port: int) -> None:
    with pytest.raises(
        ClusterError, match=rf"address 127.0.0.1:{closed_port}: nothing answers there .*; check `ray start"
    ):
        connect(f"127.0.0.1:{closed_port}")


def test_cluster__ray_address_counts_as_an_address(closed_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{closed_port}")
    script = "from rl_cluster.rllib.cluster import connect\nconnect(None)"

    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert f"ClusterError: address 127.0.0.1:{closed_port}: nothing answers there" in answer.stderr


def test_cluster__address_where_something_else_listens(web_server: int) -> None:
    with pytest.raises(ClusterError, match=r"what listens there is no head of Ray; check `ray start --head` there"):
        connect(f"127.0.0.1:{web_server}")


def test_cluster__address_of_a_ray_with_another_token(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", "another")

    with pytest.raises(
        ClusterError, match=r"the head asks for another token; export RAY_AUTH_MODE=token and RAY_AUTH_TOKEN_PATH"
    ):
        connect(cluster.address)


@pytest.mark.parametrize("address", ["http://127.0.0.1:8265", "ray://127.0.0.1:10001"])
def test_cluster__address_of_another_service(address: str) -> None:
    with pytest.raises(ClusterError, match=r"not the address of a head; write HOST:PORT .* `ray job submit"):
        connect(address)


@pytest.mark.parametrize("address", ["", "nonsense", "host:", "host:0", "host:70000", ":6379", "host:port"])
def test_cluster__address_without_sense(address: str) -> None:
    with pytest.raises(ClusterError, match=r"not HOST:PORT, `auto` or `local`; write for example 10\.0\.0\.1:6379"):
        connect(address)


def test_cluster__resources_of_every_node(cluster: Cluster) -> None:
    assert sorted(node.cpus for node in cluster.resources()) == [1.0, 2.0]


def test_cluster__without_address_a_connected_process_stays(cluster: Cluster) -> None:
    with connect(None) as same:
        assert same.address == cluster.address

    assert len(cluster.resources()) == 2


def test_cluster__own_ray_is_private_and_leaves_nothing(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN_PATH", "RAY_TMPDIR"):
        monkeypatch.delenv(name)

    answer = subprocess.run([sys.executable, "-c", OWN_RAY], capture_output=True, text=True, check=True)

    seen = json.loads(answer.stdout)
    assert seen["mode"] == [0o600, 0o700]
    assert {ip.removeprefix("::ffff:") for ip in seen["ips"]} == {"127.0.0.1"}
    assert seen["cpus"] >= 1
    assert seen["reports"] == ["0"]
    assert seen["variables"] == []
    assert not Path(seen["folder"]).exists()
    assert not [pid for pid in seen["pids"] if Path(f"/proc/{pid}").exists()]
    assert answer.stderr == ""
