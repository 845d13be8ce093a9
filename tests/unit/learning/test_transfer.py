"""A column that goes through a buffer stays what it is; without a GPU there is no buffer at all."""

import pytest
import torch
from torch import Tensor

from rl_cluster.learning.transfer import Transfer, fill

DTYPES = (torch.float32, torch.float64, torch.int16, torch.int64, torch.bool, torch.uint8)
SHAPES = ((7,), (3, 5), (2, 3, 5), (1, 1), (), (0, 4))


def _draw(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 2 if dtype == torch.bool else 100, shape, generator=generator).to(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_fill__copies_any_column_into_a_larger_buffer(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    tensor, buffer = _draw(shape, dtype), torch.full((1024,), 255, dtype=torch.uint8)

    found = fill(buffer, tensor)

    assert (found.dtype, found.shape) == (tensor.dtype, tensor.shape)
    assert torch.equal(found, tensor)
    assert found.data_ptr() == buffer.data_ptr() or not tensor.numel()
    assert (buffer[tensor.nbytes :] == 255).all()


def test_fill__copies_a_column_that_is_not_contiguous() -> None:
    tensor = _draw((4, 6), torch.float32).T[::2]

    found = fill(torch.empty(256, dtype=torch.uint8), tensor)

    assert torch.equal(found, tensor)
    assert found.is_contiguous()


def test_transfer__to_a_cpu_gives_the_tensor_itself() -> None:
    transfer, tensors = Transfer(torch.device("cpu")), [_draw(shape, torch.float32) for shape in SHAPES]

    moved = [transfer.move(tensor) for tensor in tensors]
    transfer.wait()

    assert all(one is other for one, other in zip(moved, tensors, strict=True))
