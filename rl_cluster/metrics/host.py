"""Readings of a machine's cores, memory, disk and network."""

import time
from typing import NamedTuple

import psutil

__all__ = ["HostReader", "HostReading"]


class HostReading(NamedTuple):
    """One machine at one moment; rates are means since the previous reading."""

    cpu_share: float
    """busy share of all cores"""
    memory_used_bytes: float
    memory_total_bytes: float
    disk_share: float
    """used share of the file system of the reader's folder"""
    disk_bytes_per_s: float
    """read and written, all disks"""
    sent_bytes_per_s: float
    received_bytes_per_s: float

    @property
    def memory_share(self) -> float:
        """Used share of the memory."""
        return self.memory_used_bytes / self.memory_total_bytes


class HostReader:
    """Reads this machine.

    Args:
        folder: A folder on the file system to watch.
    """

    def __init__(self, folder: str = "/") -> None:
        self._folder = folder
        psutil.cpu_percent()  # the first call only starts the count
        self._counters, self._read_s = _counters(), time.monotonic()

    def read(self) -> HostReading:
        """The machine now, and its rates since the last call."""
        counters, now_s = _counters(), time.monotonic()
        elapsed_s = max(now_s - self._read_s, 1e-6)
        disk, sent, received = (
            (now - before) / elapsed_s for now, before in zip(counters, self._counters, strict=True)
        )
        self._counters, self._read_s = counters, now_s
        memory = psutil.virtual_memory()
        return HostReading(
            cpu_share=psutil.cpu_percent() / 100.0,
            memory_used_bytes=float(memory.total - memory.available),
            memory_total_bytes=float(memory.total),
            disk_share=psutil.disk_usage(self._folder).percent / 100.0,
            disk_bytes_per_s=disk,
            sent_bytes_per_s=sent,
            received_bytes_per_s=received,
        )


def _counters() -> tuple[float, float, float]:
    """Bytes through all disks, sent and received since the machine started; 0 if the system does not count them."""
    disk, network = psutil.disk_io_counters(), psutil.net_io_counters()
    return (
        float(disk.read_bytes + disk.write_bytes) if disk else 0.0,
        float(network.bytes_sent) if network else 0.0,
        float(network.bytes_recv) if network else 0.0,
    )
