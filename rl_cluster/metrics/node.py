"""A node of a cluster: its host, its GPUs, and Ray's object store on it; and all nodes as metrics."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from rl_cluster.metrics.gpu import GpuReader, GpuReading, gpu_metrics
from rl_cluster.metrics.host import HostReader, HostReading

__all__ = [
    "NodeReader",
    "NodeReading",
    "ObjectStoreReading",
    "device_values",
    "host_values",
    "node_from_json",
    "node_metrics",
    "node_to_json",
]


class ObjectStoreReading(NamedTuple):
    """Ray's object store on a node."""

    used_bytes: float
    total_bytes: float
    spilled_bytes: float
    """since the node began"""


@dataclass(frozen=True, slots=True)
class NodeReading:
    """One node at one moment."""

    node: str
    """its address"""
    host: HostReading
    gpus: tuple[GpuReading, ...] = ()
    object_store: ObjectStoreReading | None = None
    """None = there is no Ray, or it does not say"""


class NodeReader:
    """Reads the machine that it is made on.

    Args:
        node: Its name.
        folder: Whose file system is watched.
        object_store: Reads Ray's object store; None = there is no Ray.
    """

    def __init__(
        self, node: str, folder: str = "/", object_store: Callable[[], ObjectStoreReading | None] | None = None
    ) -> None:
        self._node, self._object_store = node, object_store
        self._host, self._gpus = HostReader(folder), GpuReader()

    def read(self) -> NodeReading:
        """The machine now; rates are those since the last call."""
        store = self._object_store() if self._object_store else None
        return NodeReading(self._node, self._host.read(), tuple(self._gpus.read()), store)


def host_values(node: NodeReading) -> dict[str, float]:
    """Key of `HOST_CATALOGUE` -> value."""
    host, store = node.host, node.object_store
    values = {
        "host/cpu_share": host.cpu_share,
        "host/memory_used_bytes": host.memory_used_bytes,
        "host/memory_share": host.memory_share,
        "host/disk_share": host.disk_share,
        "host/disk_bytes_per_s": host.disk_bytes_per_s,
        "host/sent_bytes_per_s": host.sent_bytes_per_s,
        "host/received_bytes_per_s": host.received_bytes_per_s,
    }
    if store:
        values["host/object_store_used_bytes"] = store.used_bytes
        values["host/spilled_bytes"] = store.spilled_bytes
        if store.total_bytes:
            values["host/object_store_share"] = store.used_bytes / store.total_bytes
    return values


def device_values(gpu: GpuReading) -> dict[str, float]:
    """Key of `DEVICE_CATALOGUE` -> value; what NVML does not say is left out."""
    values = {
        "device/busy_share": gpu.busy_share,
        "device/memory_used_bytes": gpu.memory_used_bytes,
        "device/memory_share": gpu.memory_share,
        "device/power_w": gpu.power_w,
        "device/temperature_c": gpu.temperature_c,
        "device/sm_clock_mhz": gpu.sm_clock_mhz,
        "device/throttled": float(bool(gpu.throttles)),
    }
    return {key: value for key, value in values.items() if value is not None}


def node_metrics(nodes: Sequence[NodeReading]) -> dict[str, float]:
    """Key -> value over all nodes; empty without any."""
    if not nodes:
        return {}
    hosts = [node.host for node in nodes]
    metrics = {
        "node/count": float(len(nodes)),
        "node/cpu_share_mean": sum(host.cpu_share for host in hosts) / len(hosts),
        "node/cpu_share_max": max(host.cpu_share for host in hosts),
        "node/memory_share_max": max(host.memory_share for host in hosts),
        "node/disk_share_max": max(host.disk_share for host in hosts),
        "node/disk_bytes_per_s": sum(host.disk_bytes_per_s for host in hosts),
        "node/sent_bytes_per_s": sum(host.sent_bytes_per_s for host in hosts),
        "node/received_bytes_per_s": sum(host.received_bytes_per_s for host in hosts),
    }
    stores = [node.object_store for node in nodes if node.object_store and node.object_store.total_bytes]
    if stores:
        metrics |= {
            "node/object_store_share_max": max(store.used_bytes / store.total_bytes for store in stores),
            "node/object_store_used_bytes": sum(store.used_bytes for store in stores),
            "node/spilled_bytes": sum(store.spilled_bytes for store in stores),
        }
    return metrics | gpu_metrics([gpu for node in nodes for gpu in node.gpus])


def node_to_json(node: NodeReading) -> dict[str, Any]:
    """As plain values."""
    return asdict(node) | {
        "host": node.host._asdict(),
        "object_store": node.object_store._asdict() if node.object_store else None,
    }


def node_from_json(data: Mapping[str, Any]) -> NodeReading:
    """Takes what `node_to_json` gave. Raises ValueError for anything else."""
    return _NODE.validate_json(json.dumps(data), strict=True)


_NODE = TypeAdapter(NodeReading)
