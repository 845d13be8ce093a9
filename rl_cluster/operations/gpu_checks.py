"""Checks the GPUs of a machine: whether they answer, reduced clocks, links between them, errors in the kernel's log.

None of this has been tried on a GPU yet; the tests play a driver.
"""

import itertools
import re
import subprocess
from typing import Any

import pynvml

from rl_cluster.metrics.gpu import GpuReader
from rl_cluster.operations.finding import Finding, passed, warned

__all__ = ["check_gpus", "kernel_log"]

LOG_TIMEOUT_S = 3.0
XID = re.compile(r"NVRM: Xid \([^)]*\): (\d+)")
"""The text that NVIDIA's driver writes to the kernel's log when a GPU fails."""


def kernel_log() -> str:
    """The kernel's log; empty if this user may not read it."""
    try:
        answer = subprocess.run(
            ["dmesg"],  # noqa: S607 - its path depends on the system
            capture_output=True, text=True, errors="replace", timeout=LOG_TIMEOUT_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout


def check_gpus(nvml: Any = pynvml, log: str | None = None) -> list[Finding]:
    """One finding for each fault, or one that lists the GPUs.

    Args:
        nvml: NVIDIA's binding.
        log: The kernel's log; None = that of this machine.
    """
    gpus = GpuReader(nvml).read()
    if not gpus:
        return [passed("GPU", "there is none")]
    log = kernel_log() if log is None else log
    findings = [
        warned("GPU", f"GPU {gpu.index} is held down by {', '.join(gpu.throttles)}", "check its cooling and power")
        for gpu in gpus
        if gpu.throttles
    ]
    if numbers := sorted(set(XID.findall(log)), key=int):
        remedy = "look them up in NVIDIA's list of Xid errors; most ask for a reset or another GPU"
        findings.append(warned("GPU", f"the kernel has noted Xid {', '.join(numbers)}", remedy))
    if pairs := _strangers(nvml, len(gpus)):
        shown = ", ".join(f"{one}-{other}" for one, other in pairs)
        remedy = "their gradients go through the host's memory: see nvidia-smi topo -m, IOMMU and ACS"
        findings.append(warned("GPU", f"no peer access between GPUs {shown}", remedy))
    names = ", ".join(sorted({gpu.name for gpu in gpus}))
    return findings or [passed("GPU", f"{len(gpus)}: {names}, driver {_driver(nvml)}")]


def _strangers(nvml: Any, count: int) -> list[tuple[int, int]]:
    """Pairs of GPUs that cannot read each other's memory."""
    handles = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(count)]
    pairs = []
    for one, other in itertools.combinations(range(count), 2):
        try:
            status = nvml.nvmlDeviceGetP2PStatus(handles[one], handles[other], nvml.NVML_P2P_CAPS_INDEX_READ)
        except nvml.NVMLError:  # it does not report it, as with GPUs that are divided into instances
            continue
        if status != nvml.NVML_P2P_STATUS_OK:
            pairs.append((one, other))
    return pairs


def _driver(nvml: Any) -> str:
    try:
        version = nvml.nvmlSystemGetDriverVersion()
    except nvml.NVMLError:
        return "unknown"
    return version.decode() if isinstance(version, bytes) else str(version)
