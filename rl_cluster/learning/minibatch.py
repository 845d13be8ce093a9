"""Minibatches of graphs of different sizes: drawn at random, then cut into parts of similar size without padding.

Every minibatch is a uniformly random set of rows, so its gradient is as unbiased as without any sorting. Rows are
sorted by size only *within* a minibatch, and cut into parts, each trimmed to its largest graph. The gradients of the
parts add up to that of the minibatch. (Sorting the whole batch would make minibatches of small teams and of large ones,
whose gradients differ in kind.) `update.py` steps through the parts.

Letters: K rows, N UAVs, M targets, O obstacles, C candidates, S = N + M + O.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rl_cluster.learning.ranks import Shard
from rl_cluster.types import Observation

__all__ = ["GraphSizes", "MinibatchPart", "draw_minibatches", "measure_rows", "trim_observation"]


class GraphSizes(NamedTuple):
    """How much of the padded arrays is in use: everything that exists is in this many first rows of its kind."""

    num_uavs: int
    num_targets: int
    num_obstacles: int
    num_candidates: int


class MinibatchPart(NamedTuple):
    """Rows that go through the network together."""

    rows: NDArray[np.int64]
    sizes: GraphSizes
    """The smallest sizes that hold everything that exists in these rows."""

    def cut(self, most_rows: int) -> list["MinibatchPart"]:
        """The same rows in the fewest pieces of at most this many rows."""
        num_pieces = max(1, math.ceil(len(self.rows) / most_rows))
        return [MinibatchPart(rows, self.sizes) for rows in np.array_split(self.rows, num_pieces)]


def measure_rows(observation: Observation[Tensor]) -> NDArray[np.int64]:
    """(K, 4) sizes of each graph in the order of `GraphSizes`.

    Sizes of UAVs, targets and candidates are at least 1, except targets of a task that has none.
    """
    num_uavs, num_targets = observation.uav.shape[1], observation.target.shape[1]
    mask_KS = observation.mask
    # Only legal candidates of a choice are read; encounters are read wherever there is one.
    is_read_KNC = observation.action_mask[..., 1:] if num_targets else observation.candidates >= 0
    sizes_K4 = torch.stack(
        [
            _last_true(mask_KS[:, :num_uavs]).clamp(min=1),
            _last_true(mask_KS[:, num_uavs : num_uavs + num_targets]).clamp(min=min(1, num_targets)),
            _last_true(mask_KS[:, num_uavs + num_targets :]),
            _last_true(is_read_KNC.any(dim=1)).clamp(min=1),
        ],
        dim=1,
    )
    return sizes_K4.cpu().numpy()


def _last_true(mask_KX: Tensor) -> Tensor:
    """(K,) number of the last True entry, counted from 1; 0 if there is none."""
    ordinal_X1 = torch.arange(mask_KX.shape[1] + 1, device=mask_KX.device)
    padded_KX1 = torch.nn.functional.pad(mask_KX, (1, 0))
    return (padded_KX1 * ordinal_X1).amax(dim=1)


def draw_minibatches(
    sizes_K4: NDArray[np.int64],
    minibatch_rows: int,
    part_rows: int,
    generator: np.random.Generator,
    shard: Shard | None = None,
) -> Iterator[list[MinibatchPart]]:
    """One epoch: every row once, in minibatches of about `minibatch_rows`, each in parts of about `part_rows`.

    Args:
        sizes_K4: what `measure_rows` gives.
        minibatch_rows: rows of a minibatch; where it does not divide K, minibatches differ by at most one row.
        part_rows: rows that go through the network together.
        generator: draws the permutation, the same on all ranks.
        shard: which rows of all ranks these are; None: all. Minibatches are drawn from the rows of all ranks, so they
            do not depend on the number of ranks. Each rank takes the rows that it has, occasionally none.
    """
    first, num_rows, total = shard or (0, len(sizes_K4), len(sizes_K4))
    permutation = generator.permutation(total)
    for drawn in np.array_split(permutation, math.ceil(total / minibatch_rows)):
        rows = drawn[(drawn >= first) & (drawn < first + num_rows)] - first
        yield [
            MinibatchPart(part, GraphSizes(*map(int, sizes_K4[part].max(axis=0))))
            for part in _split_by_size(rows, sizes_K4, math.ceil(len(rows) / part_rows))
        ]


def _split_by_size(rows: NDArray[np.int64], sizes_K4: NDArray[np.int64], num_parts: int) -> Iterator[NDArray[np.int64]]:
    """Cuts by number of UAVs, then cuts each piece by number of targets: both matter and vary independently."""
    if num_parts == 0:
        return
    num_pieces = math.isqrt(num_parts)
    for i, piece in enumerate(np.array_split(rows[np.argsort(sizes_K4[rows, 0], kind="stable")], num_pieces)):
        num_cuts = num_parts // num_pieces + (i < num_parts % num_pieces)
        yield from np.array_split(piece[np.argsort(sizes_K4[piece, 1], kind="stable")], num_cuts)


def trim_observation(observation: Observation[Tensor], sizes: GraphSizes) -> Observation[Tensor]:
    """The observation cut to `sizes`, with entity indices renumbered. Everything that exists is kept. Slices are views.

    Where there are targets, candidates are indices of targets; else they are of entities, as neighbours are.
    """
    n, m, o, c = sizes
    num_uavs, num_targets = observation.uav.shape[1], observation.target.shape[1]
    num_both = num_uavs + num_targets

    def trim_entities(x_KS: Tensor) -> Tensor:
        return torch.cat([x_KS[:, :n], x_KS[:, num_uavs : num_uavs + m], x_KS[:, num_both : num_both + o]], dim=1)

    def renumber(index: Tensor) -> Tensor:
        index = index.where(index < num_both, index - (num_targets - m))
        return index.where(index < num_uavs, index - (num_uavs - n))

    neighbours = torch.cat([observation.neighbours[:, :n], observation.neighbours[:, num_uavs : num_uavs + m]], dim=1)
    candidates = observation.candidates[:, :n, :c]
    return Observation(
        uav=observation.uav[:, :n],
        target=observation.target[:, :m],
        obstacle=observation.obstacle[:, :o],
        position=trim_entities(observation.position),
        mask=trim_entities(observation.mask),
        neighbours=renumber(neighbours),
        candidates=candidates if num_targets else renumber(candidates),
        pair=observation.pair[:, :n, :c],
        action_mask=observation.action_mask[:, :n, : c + 1],
        decides=observation.decides[:, :n],
    )
