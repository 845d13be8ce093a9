"""A node of a cluster: its host, its GPUs, and Ray's object store on it; and all nodes as metrics."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from rl_cluster.metrics import names
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
    """bytes since the node started"""


@dataclass(frozen=True, slots=True)
class NodeReading:
    """One node at one moment."""

    node: str
    """its address"""
    host: HostReading
    gpus: tuple[GpuReading, ...] = ()
    object_store: ObjectStoreReading | None = None
    """None = there is no Ray, or it does not report it"""


class NodeReader:
    """Reads the machine that it is made on.

    Args:
        node: Its name.
        folder: A folder on the file system to watch.
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
        names.HOST_CPU_SHARE: host.cpu_share,
        names.HOST_MEMORY_USED_BYTES: host.memory_used_bytes,
        names.HOST_MEMORY_SHARE: host.memory_share,
        names.HOST_DISK_SHARE: host.disk_share,
        names.HOST_DISK_BYTES_PER_S: host.disk_bytes_per_s,
        names.HOST_SENT_BYTES_PER_S: host.sent_bytes_per_s,
        names.HOST_RECEIVED_BYTES_PER_S: host.received_bytes_per_s,
    }
    if store:
        values[names.HOST_OBJECT_STORE_USED_BYTES] = store.used_bytes
        values[names.HOST_SPILLED_BYTES] = store.spilled_bytes
        if store.total_bytes:
            values[names.HOST_OBJECT_STORE_SHARE] = store.used_bytes / store.total_bytes
    return values


def device_values(gpu: GpuReading) -> dict[str, float]:
    """Key of `DEVICE_CATALOGUE` -> value; values that NVML does not report are omitted."""
    values = {
        names.DEVICE_BUSY_SHARE: gpu.busy_share,
        names.DEVICE_MEMORY_USED_BYTES: gpu.memory_used_bytes,
        names.DEVICE_MEMORY_SHARE: gpu.memory_share,
        names.DEVICE_POWER_W: gpu.power_w,
        names.DEVICE_TEMPERATURE_C: gpu.temperature_c,
        names.DEVICE_SM_CLOCK_MHZ: gpu.sm_clock_mhz,
        names.DEVICE_THROTTLED: float(bool(gpu.throttles)),
    }
    return {key: value for key, value in values.items() if value is not None}


def node_metrics(nodes: Sequence[NodeReading]) -> dict[str, float]:
    """Key -> value over all nodes; empty without nodes."""
    if not nodes:
        return {}
    hosts = [node.host for node in nodes]
    metrics = {
        names.NODE_COUNT: float(len(nodes)),
        names.NODE_CPU_SHARE_MEAN: sum(host.cpu_share for host in hosts) / len(hosts),
        names.NODE_CPU_SHARE_MAX: max(host.cpu_share for host in hosts),
        names.NODE_MEMORY_SHARE_MAX: max(host.memory_share for host in hosts),
        names.NODE_DISK_SHARE_MAX: max(host.disk_share for host in hosts),
        names.NODE_DISK_BYTES_PER_S: sum(host.disk_bytes_per_s for host in hosts),
        names.NODE_SENT_BYTES_PER_S: sum(host.sent_bytes_per_s for host in hosts),
        names.NODE_RECEIVED_BYTES_PER_S: sum(host.received_bytes_per_s for host in hosts),
    }
    stores = [node.object_store for node in nodes if node.object_store and node.object_store.total_bytes]
    if stores:
        metrics |= {
            names.NODE_OBJECT_STORE_SHARE_MAX: max(store.used_bytes / store.total_bytes for store in stores),
            names.NODE_OBJECT_STORE_USED_BYTES: sum(store.used_bytes for store in stores),
            names.NODE_SPILLED_BYTES: sum(store.spilled_bytes for store in stores),
        }
    return metrics | gpu_metrics([gpu for node in nodes for gpu in node.gpus])


def node_to_json(node: NodeReading) -> dict[str, Any]:
    """The reading as plain values."""
    return asdict(node) | {
        "host": node.host._asdict(),
        "object_store": node.object_store._asdict() if node.object_store else None,
    }


def node_from_json(data: Mapping[str, Any]) -> NodeReading:
    """Takes what `node_to_json` gave. Raises ValueError for anything else."""
    return _NODE.validate_json(json.dumps(data), strict=True)


_NODE = TypeAdapter(NodeReading)
