"""This machine as a node: plausible, and the same after a round trip; several nodes by hand."""

import json
from dataclasses import replace

import pytest

from rl_cluster.metrics.gpu import GpuReading
from rl_cluster.metrics.host import HostReading
from rl_cluster.metrics.names import describe
from rl_cluster.metrics.node import (
    NodeReader,
    NodeReading,
    ObjectStoreReading,
    device_values,
    host_values,
    node_from_json,
    node_metrics,
    node_to_json,
)

HOST = HostReading(0.5, 30.0, 100.0, 0.2, 10.0, 20.0, 40.0)
GPU = GpuReading(0, "H200", None, 60.0, 100.0, 300.0, 50.0, 1000.0, ("heat",))
NODE = NodeReading("10.0.0.1-abc123", HOST, (GPU,), ObjectStoreReading(25.0, 100.0, 7.0))


def test_reader__reads_this_machine() -> None:
    reader = NodeReader("here")
    first, second = reader.read(), reader.read()

    for reading in (first, second):
        assert reading.node == "here"
        assert reading.object_store is None
        assert 0.0 <= reading.host.cpu_share <= 1.0
        assert 0.0 < reading.host.memory_share < 1.0
        assert 0.0 <= reading.host.disk_share <= 1.0
        assert min(reading.host) >= 0.0


def test_reading__survives_json() -> None:
    for node in (NODE, replace(NODE, gpus=(), object_store=None)):
        assert node_from_json(json.loads(json.dumps(node_to_json(node)))) == node


def test_metrics__over_two_nodes_by_hand() -> None:
    other = NodeReading("10.0.0.2-def456", HOST._replace(cpu_share=0.9, memory_used_bytes=80.0))
    metrics = node_metrics([NODE, other])

    assert metrics["node/count"] == 2.0
    assert metrics["node/cpu_share_mean"] == pytest.approx(0.7)
    assert metrics["node/cpu_share_max"] == 0.9
    assert metrics["node/memory_share_max"] == 0.8
    assert metrics["node/sent_bytes_per_s"] == 40.0
    assert metrics["node/object_store_share_max"] == 0.25
    assert metrics["node/spilled_bytes"] == 7.0
    assert metrics["gpu/power_w"] == 300.0
    assert "gpu/busy_share_mean" not in metrics
    assert node_metrics([]) == {}


def test_values__of_a_node_have_units_and_meanings() -> None:
    values = {**host_values(NODE), **device_values(GPU), **node_metrics([NODE])}

    assert all(describe(key).text for key in values)
    assert values["host/object_store_share"] == 0.25
    assert values["device/throttled"] == 1.0
    assert "device/busy_share" not in values
