"""Copies the columns of a batch to a GPU on a stream of their own, while the CPU prepares the next ones.

A GPU copies on its own only from pinned memory. Two pinned buffers take turns: while the GPU copies one column, the CPU
fills the other buffer with the next. The stream that calculates waits once, for the last copy. Elsewhere a column is
moved as torch moves it.
"""

import torch
from torch import Tensor

__all__ = ["Transfer", "fill"]

NUM_BUFFERS = 2
ALIGNMENT = 16
"""Bytes: a buffer is seen as any type of number."""


class Transfer:
    """Moves tensors to one device. Its pinned buffers are kept for the next batch, and grow with the largest column.

    Args:
        device: Where tensors are moved to.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None
        self._buffers = [torch.empty(0, dtype=torch.uint8) for _ in range(NUM_BUFFERS)]
        self._copied: list[torch.cuda.Event | None] = [None] * NUM_BUFFERS
        self._turn = 0

    def move(self, tensor: Tensor) -> Tensor:
        """The tensor on the device. Whoever reads it there must call `wait` first."""
        if self._stream is None or tensor.device.type != "cpu" or not tensor.nbytes:
            return tensor.to(self.device)
        pinned = self._fill(tensor)
        with torch.cuda.stream(self._stream):
            moved = pinned.to(self.device, non_blocking=True)
            copied = torch.cuda.Event()
            copied.record(self._stream)
        # Or torch's allocator would give the memory away while the calculating stream still reads it.
        moved.record_stream(torch.cuda.current_stream(self.device))
        self._copied[self._turn] = copied
        self._turn = (self._turn + 1) % NUM_BUFFERS
        return moved

    def wait(self) -> None:
        """Makes the stream that calculates wait for all copies so far; the CPU goes on."""
        if self._stream is not None:
            torch.cuda.current_stream(self.device).wait_stream(self._stream)

    def _fill(self, tensor: Tensor) -> Tensor:
        """The tensor in the pinned buffer whose turn it is, once the GPU has copied what was in it before."""
        before = self._copied[self._turn]
        if before is not None:
            before.synchronize()
        if len(self._buffers[self._turn]) < tensor.nbytes:
            size = -(-tensor.nbytes // ALIGNMENT) * ALIGNMENT
            self._buffers[self._turn] = torch.empty(size, dtype=torch.uint8, pin_memory=True)
        return fill(self._buffers[self._turn], tensor)


def fill(buffer: Tensor, tensor: Tensor) -> Tensor:
    """A copy of the tensor in the first bytes of a buffer, contiguous."""
    return buffer[: tensor.nbytes].view(tensor.dtype).view(tensor.shape).copy_(tensor)
