"""GPUs as NVML tells of them, through a binding that a driver stands behind, or none.

There is no GPU here: the driver is played by objects with NVML's own names.
"""

from types import SimpleNamespace
from typing import Any

import pytest

from rl_cluster.metrics.gpu import GpuReader, GpuReading, gpu_metrics


class _NvmlError(Exception):
    """As NVML's."""


class _Driver:
    """Two GPUs, of which the second is cut into instances: it tells neither utilisation nor clocks."""

    NVMLError = _NvmlError
    NVML_CLOCK_SM, NVML_TEMPERATURE_GPU = 1, 0

    def nvmlInit(self) -> None:  # noqa: N802 - NVML's own name
        """There is a driver."""

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802 - NVML's own name
        return 2

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802 - NVML's own name
        return index

    def nvmlDeviceGetName(self, handle: int) -> Any:  # noqa: N802 - NVML's own name
        return b"H200" if handle else "H200"

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> Any:  # noqa: N802 - NVML's own name
        if handle:
            raise _NvmlError
        return SimpleNamespace(gpu=85)

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> Any:  # noqa: N802 - NVML's own name
        return SimpleNamespace(used=30 * (handle + 1), total=100)

    def nvmlDeviceGetPowerUsage(self, handle: int) -> int:  # noqa: N802, ARG002 - NVML's own signature
        return 350_000

    def nvmlDeviceGetTemperature(self, handle: int, sensor: int) -> int:  # noqa: N802, ARG002 - NVML's own signature
        return 60 + handle

    def nvmlDeviceGetClockInfo(self, handle: int, clock: int) -> int:  # noqa: N802, ARG002 - NVML's own signature
        if handle:
            raise _NvmlError
        return 1980

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, handle: int) -> int:  # noqa: N802 - NVML's own name
        return 0x1 | (0x44 if handle else 0)


class _NoDriver(_Driver):
    """A machine without a driver."""

    def nvmlInit(self) -> None:  # noqa: N802 - NVML's own name
        raise _NvmlError


def test_reader__tells_what_nvml_tells_and_nothing_of_what_it_does_not() -> None:
    first, second = GpuReader(_Driver()).read()

    assert first == GpuReading(0, "H200", 0.85, 30.0, 100.0, 350.0, 60.0, 1980.0, ())
    assert second == GpuReading(1, "H200", None, 60.0, 100.0, 350.0, 61.0, None, ("power cap", "hardware: heat"))


def test_reader__without_a_driver_finds_no_gpus() -> None:
    assert GpuReader(_NoDriver()).read() == []
    assert gpu_metrics([]) == {}


def test_metrics__are_over_the_gpus_that_tell() -> None:
    metrics = gpu_metrics(GpuReader(_Driver()).read())

    assert metrics == pytest.approx(
        {
            "gpu/count": 2.0,
            "gpu/throttled": 1.0,
            "gpu/busy_share_mean": 0.85,
            "gpu/busy_share_min": 0.85,
            "gpu/memory_share_max": 0.6,
            "gpu/power_w": 700.0,
            "gpu/temperature_max_c": 61.0,
            "gpu/sm_clock_min_mhz": 1980.0,
        }
    )
