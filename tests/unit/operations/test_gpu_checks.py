"""Faults of GPUs, told by a driver that is played: there is no GPU here."""

from types import SimpleNamespace
from typing import Any

import pytest

from rl_cluster.operations.finding import Verdict
from rl_cluster.operations.gpu_checks import check_gpus, kernel_log

XID = "[12.3] NVRM: Xid (PCI:0000:65:00): 79, pid=1, GPU has fallen off the bus.\n"


class _NvmlError(Exception):
    """As NVML's."""


def _driver(*, reasons: int = 0, has_peers: bool = True, count: int = 2) -> Any:
    """A driver of so many GPUs."""

    def peer_status(one: int, other: int, _: int) -> int:
        if one == other:
            raise _NvmlError
        return 0 if has_peers else 5

    return SimpleNamespace(
        NVMLError=_NvmlError,
        NVML_CLOCK_SM=1,
        NVML_TEMPERATURE_GPU=0,
        NVML_P2P_CAPS_INDEX_READ=0,
        NVML_P2P_STATUS_OK=0,
        nvmlInit=lambda: None,
        nvmlDeviceGetCount=lambda: count,
        nvmlDeviceGetHandleByIndex=lambda index: index,
        nvmlDeviceGetName=lambda handle: "H200",
        nvmlDeviceGetUtilizationRates=lambda handle: SimpleNamespace(gpu=0),
        nvmlDeviceGetMemoryInfo=lambda handle: SimpleNamespace(used=0, total=1),
        nvmlDeviceGetPowerUsage=lambda handle: 0,
        nvmlDeviceGetTemperature=lambda handle, sensor: 30,
        nvmlDeviceGetClockInfo=lambda handle, clock: 1980,
        nvmlDeviceGetCurrentClocksThrottleReasons=lambda handle: reasons if handle == 1 else 0,
        nvmlDeviceGetP2PStatus=peer_status,
        nvmlSystemGetDriverVersion=lambda: b"580.1",
    )


def test_gpus__that_are_well_are_named() -> None:
    (finding,) = check_gpus(_driver(), log="")

    assert finding == ("GPU", Verdict.OK, "2: H200, driver 580.1", "", "here")


@pytest.mark.parametrize(
    ("driver", "log", "words"),
    [
        (_driver(reasons=0x20), "", "GPU 1 is held down by heat"),
        (_driver(), XID + XID.replace("79", "8"), "the kernel has noted Xid 8, 79"),
        (_driver(has_peers=False, count=3), "", "no peer access between GPUs 0-1, 0-2, 1-2"),
    ],
)
def test_gpus__that_are_not_well_are_told_of(driver: Any, log: str, words: str) -> None:
    (finding,) = check_gpus(driver, log)

    assert (finding.verdict, finding.what) == (Verdict.WARNING, words)
    assert finding.remedy


def test_machine__without_gpus_says_so() -> None:
    assert [finding.what for finding in check_gpus(_driver(count=0), log=XID)] == ["there is none"]
    assert isinstance(kernel_log(), str)
