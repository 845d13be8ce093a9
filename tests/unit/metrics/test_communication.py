"""nccl-tests' formulas, by hand."""

import pytest

from rl_cluster.metrics.communication import bus_bandwidth, traffic_metrics, traffic_of
from rl_cluster.metrics.names import EXPOSED_SHARE


def test_bus_bandwidth__of_an_all_reduce() -> None:
    assert bus_bandwidth(100.0, 2.0, num_ranks=2) == 50.0
    assert bus_bandwidth(100.0, 2.0, num_ranks=4) == 75.0
    assert bus_bandwidth(100.0, 2.0, num_ranks=1000) == pytest.approx(100.0, rel=2e-3)


def test_traffic__rates_are_of_the_quickest_exchange_of_gradients() -> None:
    fast = traffic_of([(8.0, 3.0), (1000.0, 4.0), (1000.0, 2.0)], update_s=20.0, probe_bytes_per_s=1000.0)
    slow = traffic_of([(8.0, 0.1), (1000.0, 2.5), (1000.0, 2.5)], update_s=20.0, probe_bytes_per_s=1000.0)

    metrics = traffic_metrics([fast, slow])

    assert metrics[EXPOSED_SHARE] == pytest.approx(9.0 / 20.0)
    assert metrics["communication/exchanged_bytes"] == 2008.0
    assert metrics["communication/exchanges"] == 3
    assert metrics["communication/algorithm_bytes_per_s"] == 500.0
    assert metrics["communication/bus_bytes_per_s"] == 500.0
    assert metrics["communication/probe_bus_bytes_per_s"] == 1000.0
    assert metrics["communication/bus_ratio"] == 0.5


def test_traffic__of_one_learner_is_none() -> None:
    assert traffic_metrics([traffic_of([], update_s=1.0, probe_bytes_per_s=0.0)]) == {}
