"""Memory of the process that updates: torch's on its GPU, or the process's resident memory."""

from typing import NamedTuple

import psutil
import torch

from rl_cluster.metrics import names

__all__ = ["MemoryReading", "memory_metrics", "read_memory"]


class MemoryReading(NamedTuple):
    """Memory after an update."""

    used_bytes: float
    """torch's memory on a GPU, else resident memory"""
    peak_bytes: float | None = None
    """the most that torch had allocated since the last reading; None without a GPU, like all fields below"""
    reserved_bytes: float | None = None
    fragmentation: float | None = None
    """(reserved - allocated) / reserved, at their peaks"""
    retries: float | None = None
    """allocation retries since the process started"""
    emptied: float | None = None
    """how often torch's cache was emptied after an update"""


def read_memory(device: torch.device, emptied: int = 0) -> MemoryReading:
    """Reads the memory, and resets the peak.

    Args:
        device: The device.
        emptied: How often the cache was emptied there.
    """
    if device.type != "cuda":
        return MemoryReading(float(psutil.Process().memory_info().rss))
    statistics = torch.cuda.memory_stats(device)
    peak, reserved = statistics["allocated_bytes.all.peak"], statistics["reserved_bytes.all.peak"]
    torch.cuda.reset_peak_memory_stats(device)
    return MemoryReading(
        used_bytes=float(statistics["allocated_bytes.all.current"]),
        peak_bytes=float(peak),
        reserved_bytes=float(statistics["reserved_bytes.all.current"]),
        fragmentation=(reserved - peak) / reserved if reserved else 0.0,
        retries=float(statistics["num_alloc_retries"]),
        emptied=float(emptied),
    )


def memory_metrics(last: MemoryReading, before: MemoryReading | None) -> dict[str, float]:
    """Key -> value of a Learner; values that its device does not measure are omitted."""
    retries = (
        last.retries - (before.retries if before and before.retries else 0.0) if last.retries is not None else None
    )
    values = {
        names.MEMORY_USED_BYTES: last.used_bytes,
        names.MEMORY_PEAK_BYTES: last.peak_bytes,
        names.MEMORY_RESERVED_BYTES: last.reserved_bytes,
        names.MEMORY_FRAGMENTATION: last.fragmentation,
        names.MEMORY_ALLOCATION_RETRIES: retries,
        names.MEMORY_EMPTIED_CACHES: last.emptied,
    }
    return {key: value for key, value in values.items() if value is not None}
