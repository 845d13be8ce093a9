"""Watches every node of a cluster with one actor per node, which requests no CPU from Ray.

Each actor reads its machine every few seconds, and shows the readings as its own gauges, so that Prometheus gets them
from the node's exporter, whether or not the trainer is busy. The trainer collects the last readings without ever
waiting for them.
"""

import secrets
import threading
import time
from typing import Any

import ray
from ray._private.internal_api import node_stats
from ray._private.worker import global_worker
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from rl_cluster.errors import ClusterError
from rl_cluster.metrics.node import (
    NodeReader,
    NodeReading,
    ObjectStoreReading,
    device_values,
    host_values,
)
from rl_cluster.rllib.gauges import HEARTBEAT_S, Gauges

__all__ = ["NAMESPACE", "ClusterWatch", "NodeMonitor", "NodeMonitors", "node_name"]

NAMESPACE = "rl_cluster"
"""The namespace of the actors' names, by which every process on the cluster can find them."""
ANSWER_TIMEOUT_S = 5.0


def node_name() -> str:
    """Name of this process's node: its address and the beginning of its id, because a machine may have several."""
    return _name(ray.util.get_node_ip_address(), ray.get_runtime_context().get_node_id())


def _name(address: str, node_id: str) -> str:
    return f"{address}-{node_id[:6]}"


class NodeMonitor:
    """The actor of one node.

    Args:
        address: Address of the node's raylet.
        port: Port of the node's raylet.
    """

    def __init__(self, address: str, port: int) -> None:
        self._address, self._port = address, port
        folder = global_worker.node.get_session_dir_path()
        self._reader = NodeReader(node_name(), folder, self._read_object_store)
        self._gauges = Gauges({"node": node_name()})  # a node's figures belong to no run
        self._last = self._reader.read()
        self._told: dict[str, Any] = {}
        threading.Thread(target=self._beat, name="node-monitor", daemon=True).start()

    def read(self) -> NodeReading:
        """The last reading."""
        return self._last

    def tell(self, status: dict[str, Any]) -> None:
        """Stores the run's status for every reader."""
        self._told = status

    def told(self) -> dict[str, Any]:
        """The run's last status; empty on all nodes but one."""
        return self._told

    def _beat(self) -> None:
        while True:
            time.sleep(HEARTBEAT_S)
            self._last = self._reader.read()
            self._gauges.show(host_values(self._last))
            for gpu in self._last.gpus:
                self._gauges.show(device_values(gpu), {"gpu": str(gpu.index)})

    def _read_object_store(self) -> ObjectStoreReading | None:
        try:
            store = node_stats(self._address, self._port, include_memory_info=False).store_stats
        except Exception:  # noqa: BLE001 - Ray's own interface, and what it raises, may change; nothing depends on it
            return None
        return ObjectStoreReading(
            used_bytes=float(store.object_store_bytes_used),
            total_bytes=float(store.object_store_bytes_avail),
            spilled_bytes=float(store.spilled_bytes_total),
        )


class NodeMonitors:
    """The actors of all nodes, including nodes that join later, as the trainer's process sees them.

    Args:
        run: Name of the run.
        interval_s: Seconds between looks for new nodes, and between requests to each node.
    """

    def __init__(self, run: str, interval_s: float) -> None:
        self._run, self._interval_s = run, interval_s
        self._token = secrets.token_hex(4)  # runs may have the same name
        self._actors: dict[str, Any] = {}
        self._pending: dict[Any, str] = {}
        self._last: dict[str, NodeReading] = {}
        self._asked_s = -interval_s

    def readings(self) -> list[NodeReading]:
        """The latest readings of live nodes. Requests new ones, and waits for nothing."""
        self._collect()
        now_s = time.monotonic()
        if now_s - self._asked_s >= self._interval_s:
            self._asked_s = now_s
            self._meet()
            waiting = set(self._pending.values())
            self._pending |= {actor.read.remote(): node for node, actor in self._actors.items() if node not in waiting}
        return list(self._last.values())

    def tell(self, status: dict[str, Any]) -> None:
        """Leaves the run's status with the first actor."""
        if self._actors:
            next(iter(self._actors.values())).tell.remote(status)

    def close(self) -> None:
        """Ends the actors."""
        for actor in self._actors.values():
            ray.kill(actor)
        self._actors.clear()

    def _collect(self) -> None:
        ready, _ = (
            ray.wait(list(self._pending), num_returns=len(self._pending), timeout=0) if self._pending else ([], [])
        )
        for ref in ready:
            node = self._pending.pop(ref)
            try:
                self._last[node] = ray.get(ref)
            except RayError:  # the node or its actor is gone; if the node is still there, it gets a new actor
                self._forget(node)

    def _meet(self) -> None:
        """Makes an actor for each live node that has none."""
        nodes = {node["NodeID"]: node for node in ray.nodes() if node["Alive"]}
        for gone in self._actors.keys() - nodes.keys():
            self._forget(gone)
        for node_id in nodes.keys() - self._actors.keys():
            address, port = nodes[node_id]["NodeManagerAddress"], nodes[node_id]["NodeManagerPort"]
            options = {
                "name": f"{self._run}-{self._token}-{_name(address, node_id)}",
                "namespace": NAMESPACE,
                "get_if_exists": True,  # one that did not answer may still exist
                "num_cpus": 0,
                "scheduling_strategy": NodeAffinitySchedulingStrategy(node_id, soft=False),
            }
            self._actors[node_id] = ray.remote(NodeMonitor).options(**options).remote(address, port)

    def _forget(self, node_id: str) -> None:
        self._actors.pop(node_id, None)
        self._last.pop(node_id, None)


class ClusterWatch:
    """The statuses that runs have left with the monitors of the cluster to which this process is connected."""

    def statuses(self) -> list[dict[str, Any]]:
        """The status of each run, by name. Raises ClusterError if there is none."""
        named = ray.util.list_named_actors(all_namespaces=True)
        names = [actor["name"] for actor in named if actor["namespace"] == NAMESPACE]
        refs = [ray.get_actor(name, namespace=NAMESPACE).told.remote() for name in sorted(names)]
        ready, _ = ray.wait(refs, num_returns=len(refs), timeout=ANSWER_TIMEOUT_S) if refs else ([], [])
        told = [answer for answer in map(_answer, ready) if answer]
        if not told:
            what = "no run has told anything on this cluster"
            raise ClusterError("top", what, "start one with rl-cluster train, or wait for its first iteration")
        return sorted(told, key=lambda status: str(status["run"]))


def _answer(ref: Any) -> dict[str, Any]:
    """The actor's answer; empty if it is gone."""
    try:
        status: dict[str, Any] = ray.get(ref)
    except RayError:
        return {}
    return status
