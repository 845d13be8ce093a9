"""The device of these tests. They import no Ray: `make gpu-check` runs them where it is not installed."""

import os
from collections.abc import Iterator

import pytest
import torch

DEVICE = "RL_CLUSTER_TEST_DEVICE"
"""Environment variable: `cpu` runs there what does not need CUDA, so that mistakes show on machines without a GPU."""


@pytest.fixture
def cuda() -> Iterator[torch.device]:
    """A GPU, with all of its memory allowed again afterwards."""
    if not torch.cuda.is_available():
        pytest.skip("torch sees no GPU")
    device = torch.device("cuda")
    yield device
    torch.cuda.set_per_process_memory_fraction(1.0, device)
    torch.cuda.empty_cache()


@pytest.fixture
def accelerator(request: pytest.FixtureRequest) -> torch.device:
    """A GPU, or the device that `RL_CLUSTER_TEST_DEVICE` names."""
    if named := os.environ.get(DEVICE):
        return torch.device(named)
    device: torch.device = request.getfixturevalue("cuda")
    return device
