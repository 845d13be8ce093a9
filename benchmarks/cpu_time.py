"""CPU time, user and system, of this process and of Ray's workers that belong to a measurement."""

import os
from collections.abc import Callable, Sequence

import psutil

__all__ = ["CpuTime", "measure"]


class CpuTime:
    """Measures the CPU time of a piece of work.

    Args:
        pids: The process ids of the workers that take part.
    """

    def __init__(self, pids: Sequence[int]) -> None:
        own = psutil.Process(os.getpid())
        self._counted = [own, *(psutil.Process(pid) for pid in pids)]
        self._others = [child for child in own.children(recursive=True) if child not in self._counted]

    def seconds(self) -> float:
        """The CPU seconds of all counted processes since they started."""
        return sum(_seconds(process) for process in self._counted)

    def daemon_seconds(self) -> float:
        """The CPU seconds of Ray's other processes since they started."""
        return sum(_seconds(process) for process in self._others)


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def measure(work: Callable[[], object], pids: Sequence[int], least_seconds: float) -> tuple[float, float]:
    """CPU seconds of one call, and those of Ray's other processes in the meantime: means over as many calls as needed.

    The kernel counts in hundredths of a second, so a short piece of work is repeated.
    """
    meter, calls = CpuTime(pids), 0
    begin, daemons = meter.seconds(), meter.daemon_seconds()
    while meter.seconds() - begin < least_seconds:
        work()
        calls += 1
    return (meter.seconds() - begin) / calls, (meter.daemon_seconds() - daemons) / calls
