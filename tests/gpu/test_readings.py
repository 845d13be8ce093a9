"""What NVML and torch report of a real GPU."""

import pytest
import torch

from rl_cluster.metrics.gpu import GpuReader, gpu_metrics
from rl_cluster.metrics.torch_memory import memory_metrics, read_memory
from rl_cluster.operations.finding import Verdict
from rl_cluster.operations.gpu_checks import check_gpus

pytestmark = pytest.mark.gpu


def test_reader__names_a_gpu_and_its_memory(cuda: torch.device) -> None:
    gpus = GpuReader().read()

    assert gpus
    assert all(gpu.name != "GPU" and gpu.memory_total_bytes and gpu.memory_share is not None for gpu in gpus)
    assert gpu_metrics(gpus)["gpu/count"] == float(len(gpus))


def test_memory__of_torch_has_a_peak(cuda: torch.device) -> None:
    before = read_memory(cuda)
    tensor = torch.zeros(1 << 20, device=cuda)
    after = read_memory(cuda)

    assert after.peak_bytes is not None
    assert after.peak_bytes >= after.used_bytes >= before.used_bytes + tensor.nbytes
    assert len(memory_metrics(after, before)) == 6


def test_doctor__finds_no_fault_that_it_cannot_explain(cuda: torch.device) -> None:
    findings = check_gpus()

    assert all(finding.verdict in {Verdict.OK, Verdict.WARNING} for finding in findings)
