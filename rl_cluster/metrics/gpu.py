"""Reads the GPUs of a machine through NVML. A value that NVML does not report is None, never 0.

Without a driver there are no GPUs. NVML measures no utilisation on a GPU that is divided into instances (MIG).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import pynvml

from rl_cluster.metrics import names

__all__ = ["GpuReader", "GpuReading", "Nvml", "gpu_metrics"]

THROTTLE_REASONS = {
    0x4: "power cap",
    0x8: "hardware slowdown",
    0x20: "heat",
    0x40: "hardware: heat",
    0x80: "hardware: power brake",
}
"""The bits of NVML's clock event reasons that slow down a busy GPU; the others mean idleness or settings."""

ValueT = TypeVar("ValueT")


@dataclass(frozen=True, slots=True)
class GpuReading:
    """One GPU at one moment."""

    index: int
    name: str
    busy_share: float | None
    """share of the last second or less in which a kernel ran"""
    memory_used_bytes: float | None
    memory_total_bytes: float | None
    power_w: float | None
    temperature_c: float | None
    sm_clock_mhz: float | None
    throttles: tuple[str, ...]
    """why its clock is held down; empty = it is not, or NVML does not report it"""

    @property
    def memory_share(self) -> float | None:
        """Used share of the memory."""
        if self.memory_used_bytes is None or not self.memory_total_bytes:
            return None
        return self.memory_used_bytes / self.memory_total_bytes


class Nvml(Protocol):
    """The NVML calls in use, by the names of its Python binding."""

    NVML_CLOCK_SM: int
    NVML_TEMPERATURE_GPU: int

    @property
    def NVMLError(self) -> type[Exception]: ...  # noqa: N802, D102 - NVML's own name

    def nvmlInit(self) -> None: ...  # noqa: N802, D102 - NVML's own name
    def nvmlDeviceGetCount(self) -> int: ...  # noqa: N802, D102 - NVML's own name
    def nvmlDeviceGetHandleByIndex(self, index: int) -> Any: ...  # noqa: N802, D102 - NVML's own name
    def nvmlDeviceGetName(self, handle: Any) -> Any: ...  # noqa: N802, D102 - NVML's own name
    def nvmlDeviceGetUtilizationRates(self, handle: Any) -> Any: ...  # noqa: N802, D102 - NVML's own name
    def nvmlDeviceGetMemoryInfo(self, handle: Any) -> Any: ...  # noqa: N802, D102 - NVML's own name
    def nvmlDeviceGetPowerUsage(self, handle: Any) -> int: ...  # noqa: N802, D102 - NVML's own name
    def nvmlDeviceGetTemperature(self, handle: Any, sensor: int) -> int: ...  # noqa: N802, D102 - NVML's own name
    def nvmlDeviceGetClockInfo(self, handle: Any, clock: int) -> int: ...  # noqa: N802, D102 - NVML's own name
    def nvmlDeviceGetCurrentClocksThrottleReasons(self, handle: Any) -> int: ...  # noqa: N802, D102 - NVML's own name


class GpuReader:
    """Reads all GPUs of this machine.

    Args:
        nvml: The binding; by default NVIDIA's own.
    """

    def __init__(self, nvml: Nvml = pynvml) -> None:
        self._nvml = nvml
        try:
            nvml.nvmlInit()
            self._handles = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())]
        except nvml.NVMLError:  # no driver, or one that does not answer
            self._handles = []

    def read(self) -> list[GpuReading]:
        """All GPUs, in the order of their indices."""
        return [self._read(index, handle) for index, handle in enumerate(self._handles)]

    def _read(self, index: int, handle: Any) -> GpuReading:
        nvml = self._nvml
        utilisation = self._ask(nvml.nvmlDeviceGetUtilizationRates, handle)
        memory = self._ask(nvml.nvmlDeviceGetMemoryInfo, handle)
        power_mw = self._ask(nvml.nvmlDeviceGetPowerUsage, handle)
        reasons = self._ask(nvml.nvmlDeviceGetCurrentClocksThrottleReasons, handle) or 0
        name = self._ask(nvml.nvmlDeviceGetName, handle) or "GPU"
        return GpuReading(
            index=index,
            name=name.decode() if isinstance(name, bytes) else str(name),
            busy_share=None if utilisation is None else utilisation.gpu / 100.0,
            memory_used_bytes=None if memory is None else float(memory.used),
            memory_total_bytes=None if memory is None else float(memory.total),
            power_w=None if power_mw is None else power_mw / 1000.0,
            temperature_c=_number(self._ask(nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU)),
            sm_clock_mhz=_number(self._ask(nvml.nvmlDeviceGetClockInfo, handle, nvml.NVML_CLOCK_SM)),
            throttles=tuple(text for bit, text in THROTTLE_REASONS.items() if reasons & bit),
        )

    def _ask(self, function: Callable[..., ValueT], *arguments: Any) -> ValueT | None:
        """NVML's answer; None if this GPU does not support the call."""
        try:
            return function(*arguments)
        except self._nvml.NVMLError:
            return None


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)


def gpu_metrics(gpus: Sequence[GpuReading]) -> dict[str, float]:
    """Key -> value over all GPUs of a cluster; empty without GPUs."""
    if not gpus:
        return {}
    columns: dict[str, tuple[Callable[[list[float]], float], list[float | None]]] = {
        names.GPU_BUSY_SHARE_MEAN: (lambda values: sum(values) / len(values), [gpu.busy_share for gpu in gpus]),
        names.GPU_BUSY_SHARE_MIN: (min, [gpu.busy_share for gpu in gpus]),
        names.GPU_MEMORY_SHARE_MAX: (max, [gpu.memory_share for gpu in gpus]),
        names.GPU_POWER_W: (sum, [gpu.power_w for gpu in gpus]),
        names.GPU_TEMPERATURE_MAX_C: (max, [gpu.temperature_c for gpu in gpus]),
        names.GPU_SM_CLOCK_MIN_MHZ: (min, [gpu.sm_clock_mhz for gpu in gpus]),
    }
    known = {key: (join, [value for value in values if value is not None]) for key, (join, values) in columns.items()}
    return {
        names.GPU_COUNT: float(len(gpus)),
        names.GPU_THROTTLED: float(sum(bool(gpu.throttles) for gpu in gpus)),
        **{key: join(values) for key, (join, values) in known.items() if values},
    }
