"""Memory as metrics: what a device does not measure is left out, and retries are those since the last reading."""

import psutil
import pytest
import torch

from rl_cluster.metrics.torch_memory import MemoryReading, memory_metrics, read_memory

GPU = MemoryReading(used_bytes=8.0, peak_bytes=9.0, reserved_bytes=12.0, fragmentation=0.25, retries=7.0, emptied=2.0)


def test_reading__without_a_gpu_is_what_the_process_holds() -> None:
    reading = read_memory(torch.device("cpu"))

    assert 1e7 < reading.used_bytes <= psutil.virtual_memory().total
    assert reading[1:] == (None,) * 5


def test_metrics__without_a_gpu_are_one() -> None:
    assert memory_metrics(MemoryReading(5.0), MemoryReading(4.0)) == {"memory/used_bytes": 5.0}


@pytest.mark.parametrize(
    ("before", "retries"), [(None, 7.0), (GPU._replace(retries=5.0), 2.0), (GPU, 0.0), (MemoryReading(1.0), 7.0)]
)
def test_metrics__of_a_gpu_count_retries_since_the_last_reading(before: MemoryReading | None, retries: float) -> None:
    assert memory_metrics(GPU, before) == {
        "memory/used_bytes": 8.0,
        "memory/peak_bytes": 9.0,
        "memory/reserved_bytes": 12.0,
        "memory/fragmentation": 0.25,
        "memory/allocation_retries": retries,
        "memory/emptied_caches": 2.0,
    }
