"""Several Learners that act as one: each holds a share of the rows, and sums run over all of them.

A single Learner exchanges nothing. Sums of floats over ranks are the same on every rank, bit for bit, so that all ranks
make the same decisions.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import NamedTuple, Protocol

import torch
import torch.distributed
from torch import Tensor

__all__ = ["Alone", "Exchange", "Ranks", "Shard", "find_ranks", "masked_moments"]

PROBE_ROUNDS = 5
"""Exchanges per probe; the quickest counts."""


class Exchange(NamedTuple):
    """One exchange with the other ranks, as one of them sees it."""

    num_bytes: int
    seconds: float
    """including the wait for other ranks"""


class Ranks(Protocol):
    """The Learners of a run, as one of them sees them."""

    def take_exchanges(self) -> list[Exchange]:
        """This rank's exchanges since the last call. On a GPU it waits until they are done."""

    def probe(self, num_floats: int) -> float:
        """Bytes per second of an exchange of this many float32 with nothing else going on; 0 without other ranks."""

    def sum(self, tensor: Tensor) -> Tensor:
        """The tensor, which now holds the sum over all ranks."""

    def sum_gradients(self, totals_X: Tensor, parameters: Sequence[Tensor]) -> Tensor:
        """The totals, summed over all ranks. The same exchange sums the parameters' gradients."""

    def largest(self, tensor: Tensor) -> Tensor:
        """The tensor, which now holds the maximum over all ranks."""

    def shard(self, num_rows: int) -> "Shard":
        """Which of all rows belong to this rank, which has `num_rows` rows."""


class Shard(NamedTuple):
    """A rank's rows among all rows, which stand in the order of the ranks."""

    first: int
    num_rows: int
    total: int
    """The number of rows on all ranks."""


class Alone:
    """A single Learner: `Ranks` without other ranks."""

    def take_exchanges(self) -> list[Exchange]:
        """An empty list: there are no exchanges."""
        return []

    def probe(self, num_floats: int) -> float:  # noqa: ARG002 - several ranks need it
        """0: there are no other ranks."""
        return 0.0

    def sum(self, tensor: Tensor) -> Tensor:
        """The tensor as it is."""
        return tensor

    def sum_gradients(
        self,
        totals_X: Tensor,
        parameters: Sequence[Tensor],  # noqa: ARG002 - several ranks need them
    ) -> Tensor:
        """The totals as they are; the gradients do not change either."""
        return totals_X

    def largest(self, tensor: Tensor) -> Tensor:
        """The tensor as it is."""
        return tensor

    def shard(self, num_rows: int) -> Shard:
        """All rows."""
        return Shard(0, num_rows, num_rows)


class ProcessGroup:
    """The ranks of torch's default process group, gloo or NCCL. Every rank must construct its own.

    Args:
        device: The device of the exchanged tensors.
        timeout_s: A rank that waits longer than this in an exchange fails with torch's error.
    """

    def __init__(self, device: torch.device, timeout_s: float) -> None:
        self._device = device
        self._exchanges: list[Exchange] = []
        self._gradients: Tensor | None = None  # kept: a rank that has run out of memory must still be able to say so
        self._on_gpu: list[tuple[int, torch.cuda.Event, torch.cuda.Event]] = []
        # Our own group: Ray's waits for half an hour, and has no setting for that.
        self._group = torch.distributed.new_group(timeout=timedelta(seconds=timeout_s))

    def sum(self, tensor: Tensor) -> Tensor:
        """The tensor, which now holds the sum over all ranks."""
        return self._reduce(tensor, torch.distributed.ReduceOp.SUM)

    def sum_gradients(self, totals_X: Tensor, parameters: Sequence[Tensor]) -> Tensor:
        """The totals, summed over all ranks, as are the gradients. A rank without a gradient adds 0."""
        sizes = [len(totals_X), *(parameter.numel() for parameter in parameters)]
        if self._gradients is None:
            self._gradients = torch.empty(sum(sizes), device=self._device)
        pieces: list[Tensor] = list(self._gradients.split(sizes))
        pieces[0].copy_(totals_X)
        for parameter, gradient in zip(parameters, pieces[1:], strict=True):
            gradient.zero_() if parameter.grad is None else gradient.copy_(parameter.grad.flatten())
        self.sum(self._gradients)
        for parameter, gradient in zip(parameters, pieces[1:], strict=True):
            parameter.grad = gradient.view_as(parameter)
        return pieces[0]

    def largest(self, tensor: Tensor) -> Tensor:
        """The tensor, which now holds the maximum over all ranks."""
        return self._reduce(tensor, torch.distributed.ReduceOp.MAX)

    def _reduce(self, tensor: Tensor, operation: torch.distributed.ReduceOp.RedOpType) -> Tensor:
        with self._timed(tensor.nbytes):
            torch.distributed.all_reduce(tensor, operation, self._group)
        return tensor

    @contextmanager
    def _timed(self, num_bytes: int) -> Iterator[None]:
        """Records the exchange's time. The CPU only starts work on a GPU, so the GPU's own clock is read, later."""
        if self._device.type == "cuda":
            begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            begin.record()
            yield
            end.record()
            self._on_gpu.append((num_bytes, begin, end))
        else:
            begin_s = time.perf_counter()
            yield
            self._exchanges.append(Exchange(num_bytes, time.perf_counter() - begin_s))

    def take_exchanges(self) -> list[Exchange]:
        """This rank's exchanges since the last call. On a GPU it waits until they are done."""
        if self._on_gpu:
            torch.cuda.synchronize(self._device)
        on_gpu = [Exchange(size, begin.elapsed_time(end) / 1000.0) for size, begin, end in self._on_gpu]
        taken = self._exchanges + on_gpu
        self._exchanges, self._on_gpu = [], []
        return taken

    def probe(self, num_floats: int) -> float:
        """Bytes per second of the quickest of a few exchanges; all ranks must call it."""
        self.take_exchanges()
        tensor = torch.zeros(num_floats, device=self._device)
        for _ in range(PROBE_ROUNDS):
            self.sum(tensor)
        return tensor.nbytes / min(exchange.seconds for exchange in self.take_exchanges())

    def shard(self, num_rows: int) -> Shard:
        """Which of all rows belong to this rank, which has `num_rows` rows."""
        rows = torch.zeros(torch.distributed.get_world_size(), dtype=torch.int64, device=self._device)
        rows[torch.distributed.get_rank()] = num_rows
        counts = self.sum(rows).tolist()
        return Shard(sum(counts[: torch.distributed.get_rank()]), num_rows, sum(counts))


def find_ranks(device: torch.device, timeout_s: float) -> Ranks:
    """The ranks of torch's default process group if there is one, else this Learner alone."""
    has_group = torch.distributed.is_available() and torch.distributed.is_initialized()
    return ProcessGroup(device, timeout_s) if has_group and torch.distributed.get_world_size() > 1 else Alone()


class Moments(NamedTuple):
    """The moments of some numbers on all ranks; float64 scalars."""

    num: Tensor
    """How many numbers there are."""
    mean: Tensor
    """The mean; 0 if there are no numbers."""
    variance: Tensor
    """The variance over all numbers (no correction)."""


def masked_moments(x: Tensor, mask: Tensor, ranks: Ranks) -> Moments:
    """The moments of x (...) where the mask (...) is True, in two passes: sums of squares would cancel."""
    picked = x[mask].double()
    num, total = ranks.sum(torch.stack([picked.new_tensor(float(picked.numel())), picked.sum()]))
    divisor = num.clamp(min=1.0)
    mean = total / divisor
    (squares,) = ranks.sum((picked - mean).square().sum().reshape(1))
    return Moments(num, mean, squares / divisor)
