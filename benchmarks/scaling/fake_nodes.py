"""A cluster of fake nodes on this machine: one raylet and one object store for each, without a network between them."""

import logging
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import ray.cluster_utils

from rl_cluster.rllib.cluster import _authentication
from rl_cluster.rllib.short_folder import short_folder

__all__ = ["PLACE", "fake_nodes"]

PLACE = "idle_runner"
"""The resource of which an idle env runner needs one; the head has none."""
STORE_BYTES = 500 * 2**20
"""Size of each node's object store: two iterations with the largest fragments fit."""


@contextmanager
def fake_nodes(num_nodes: int, runners_per_node: int) -> Iterator[None]:
    """Connects this process to a head with this many nodes beside it, until the end."""
    folder = Path(tempfile.mkdtemp(prefix="rls-", dir=short_folder()))  # sockets lie in it, so its path is short
    (folder / "token").write_text(secrets.token_hex(32))
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(folder / "token"), "RAY_AUTH_TOKEN": None}
    with _authentication({**token, "RAY_TMPDIR": str(folder), "RAY_ADDRESS": None}):
        head = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": STORE_BYTES}
        nodes = ray.cluster_utils.Cluster(initialize_head=True, head_node_args=head)
        try:
            for _ in range(num_nodes):
                nodes.add_node(
                    wait=False, num_cpus=0, resources={PLACE: runners_per_node}, object_store_memory=STORE_BYTES
                )
            nodes.wait_for_nodes()
            # Not by `connect`: its patience with nodes that do not answer is for machines that they do not share.
            ray.init(address=nodes.address, log_to_driver=False, logging_level=logging.ERROR)
            yield
        finally:
            ray.shutdown()
            nodes.shutdown()
            shutil.rmtree(folder, ignore_errors=True)
