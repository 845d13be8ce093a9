"""Columns that go to a GPU through two buffers in turn arrive as they are, however large and whatever their type."""

import pytest
import torch

from rl_cluster.learning.transfer import Transfer

pytestmark = pytest.mark.gpu
DTYPES = (torch.float32, torch.int16, torch.bool)
SIZES = (5, 1 << 20, 1 << 10, 3 << 20, 0, 17)


def test_transfer__brings_every_column_as_it_is(accelerator: torch.device) -> None:
    transfer, generator = Transfer(accelerator), torch.Generator().manual_seed(0)
    columns = [torch.randint(0, 2, (size, 3), generator=generator).to(dtype) for size in SIZES for dtype in DTYPES]

    for _ in range(3):  # buffers of the batch before are filled again
        moved = [transfer.move(column) for column in columns]
        transfer.wait()
        sums = [column.double().sum() for column in moved]  # on the stream that calculates

        for column, arrived, total in zip(columns, moved, sums, strict=True):
            assert arrived.device.type == accelerator.type
            assert torch.equal(arrived.cpu(), column)
            assert float(total) == float(column.double().sum())


def test_transfer__leaves_what_is_there_already(accelerator: torch.device) -> None:
    tensor = torch.ones(3, device=accelerator)

    assert Transfer(accelerator).move(tensor) is tensor
