"""Finds by trial how many graphs can go through the network together: as many as fit into memory.

Gradients of a minibatch's parts add up (`update.py`), so the size of a part affects only memory and speed, never what
is learnt. A trial is a whole training step (forward, backward, optimizer) of a copy of the network, on graphs in which
everything exists.
"""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from rl_cluster.errors import ConfigError
from rl_cluster.learning.batch import TrainBatch

__all__ = ["find_batch_size", "first_guess", "full_rows"]

ROWS_BY_ENTITIES = ((8, 128), (16, 64), (24, 32))
"""The trials begin with this many graphs of up to this many entities."""
FEWEST_ROWS = 16
HEADROOM = 0.1
"""Share of the memory that stays free, because allocators fragment."""
RESOLUTION = 16
"""The search ends when the largest size that fits and the smallest that does not are within a sixteenth."""
GIB = 1 << 30


def first_guess(num_entities: int) -> int:
    """The number of graphs that the trials begin with."""
    return next((rows for most, rows in ROWS_BY_ENTITIES if num_entities <= most), FEWEST_ROWS)


def find_batch_size(need_bytes: Callable[[int], int], budget_bytes: int, first: int, most: int) -> int:
    """The most graphs that fit with a tenth of the budget to spare, to a sixteenth. Doubles, then bisects.

    Args:
        need_bytes: The memory that a training step on this many graphs adds. It may raise torch.OutOfMemoryError. It is
            first called with one graph, and never where its answers, extrapolated on a line, exceed the budget:
            without a GPU, Linux would kill this process.
        budget_bytes: The available memory.
        first: The number to try after one graph.
        most: The largest number to try.

    Raises:
        ConfigError: Not even one graph fits.
    """
    room_bytes = (1.0 - HEADROOM) * budget_bytes
    needs: dict[int, int] = {}
    fitting, failing, rows = 0, most + 1, 1
    while rows > fitting + fitting // RESOLUTION:
        if _try(need_bytes, rows, needs) <= room_bytes:
            fitting = rows
        else:
            failing = rows
        if failing == 1:
            raise _too_large(needs.get(1, budget_bytes), budget_bytes)
        is_bracketed = failing <= most
        further = (fitting + failing) // 2 if is_bracketed else first if fitting == 1 else 2 * fitting
        rows = min(max(further, fitting + 1), failing - 1, _reach(needs, room_bytes))
    return fitting


def _try(need_bytes: Callable[[int], int], rows: int, needs: dict[int, int]) -> float:
    try:
        needs[rows] = need_bytes(rows)
    except torch.OutOfMemoryError:
        return float("inf")
    return needs[rows]


def _reach(needs: dict[int, int], room_bytes: float) -> int:
    """The number at which the line through the two largest trials (or 0 and the only one) exceeds the room."""
    *lower, (high, high_bytes) = [(0, 0), *sorted(needs.items())]
    low, low_bytes = lower[-1] if lower else (0, 0)
    each_bytes = max(1.0, (high_bytes - low_bytes) / max(1, high - low))
    return high + int((room_bytes - high_bytes) // each_bytes)


def _too_large(need_bytes: int, budget_bytes: int) -> ConfigError:
    what = (
        f"a step of training on one graph takes {need_bytes / GIB:.2f} GiB, but {budget_bytes / GIB:.2f} may be taken"
    )
    return ConfigError("learners", what, "set model.gradient_checkpointing=true, a smaller model, or smaller teams")


def full_rows(batch: TrainBatch, rows: int) -> TrainBatch:
    """This many graphs of the batch's padded sizes, in which everything exists and is legal, and all UAVs decide."""

    def repeat(column: Tensor) -> Tensor:
        return column[:1].expand(rows, *column.shape[1:]).clone()

    full = batch.map(repeat)
    observation = full.observation
    num_entities = observation.position.shape[1]
    slots = torch.arange(observation.neighbours.shape[2], device=observation.neighbours.device) % num_entities
    everything = observation._replace(
        mask=torch.ones_like(observation.mask),
        action_mask=torch.ones_like(observation.action_mask),
        decides=torch.ones_like(observation.decides),
        neighbours=slots.to(observation.neighbours.dtype).expand_as(observation.neighbours).clone(),
        candidates=torch.zeros_like(observation.candidates),
    )
    return replace(full, observation=everything)
