"""One real Ray of two nodes for all tests here, with token authentication, on free ports."""

import secrets
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import ray.cluster_utils

from rl_cluster.rllib.cluster import Cluster, _authentication, connect
from tests.ray.real_head import wait_for_end

FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests here start Ray, which warns about itself."""
    for item in items:
        if item.path.is_relative_to(FOLDER):
            item.add_marker(pytest.mark.ray)
            item.add_marker(pytest.mark.filterwarnings("ignore::DeprecationWarning:ray"))


@pytest.fixture(scope="session")
def nodes() -> Iterator[ray.cluster_utils.Cluster]:
    """The nodes: two CPUs on the head, one on the other node. Tests may add more, and must take them away."""
    folder = Path(tempfile.mkdtemp(prefix="rlt-", dir="/tmp"))  # short: sockets lie in it
    (folder / "token").write_text(secrets.token_hex(32))
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(folder / "token"), "RAY_AUTH_TOKEN": None}
    with _authentication({**token, "RAY_TMPDIR": str(folder)}):
        nodes = ray.cluster_utils.Cluster(
            initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False}
        )
        nodes.add_node(num_cpus=1)
        yield nodes
        nodes.shutdown()
    wait_for_end(folder)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def cluster(nodes: ray.cluster_utils.Cluster) -> Iterator[Cluster]:
    """Connected: an engine that is given no address uses it."""
    with connect(nodes.address) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def free_ports() -> Callable[[int], list[str]]:
    """Ports that nobody listens on."""

    def find(count: int) -> list[str]:
        probes = [socket.socket() for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        ports = [str(probe.getsockname()[1]) for probe in probes]
        for probe in probes:
            probe.close()
        return ports

    return find
