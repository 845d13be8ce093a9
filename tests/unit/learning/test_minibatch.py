"""Trimming cuts padding and nothing else; minibatches are random, complete and repeatable."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor

from rl_cluster.learning.minibatch import GraphSizes, draw_minibatches, measure_rows, trim_observation
from rl_cluster.model.attention import NeighbourAttention, make_neighbourhood
from rl_cluster.model.distributions import MaskedCategorical
from rl_cluster.model.transformer_gnn import TransformerGNN
from rl_cluster.types import Observation, map_observation

ObservationFactory = Callable[..., Observation[Tensor]]


@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-5), ("bf16", 1e-4)])
def test_log_probabilities__survive_minibatches_and_trimming(
    make_observation: ObservationFactory, make_model: Callable[..., TransformerGNN], precision: str, tolerance: float
) -> None:
    model = make_model(width=64, precision=precision)
    observation = make_observation(num_graphs=256, padded=(9, 7, 2), num_candidates=7)
    padded_logp = MaskedCategorical(model(observation).logits_BNA).logp_all
    num_trimmed = 0
    minibatches = draw_minibatches(measure_rows(observation), 256, 16, np.random.default_rng(0))
    for part in (part for parts in minibatches for part in parts):
        rows = torch.from_numpy(part.rows)

        trimmed = trim_observation(
            map_observation(partial(torch.index_select, dim=0, index=rows), observation), part.sizes
        )

        logp = MaskedCategorical(model(trimmed).logits_BNA).logp_all
        expected = padded_logp[rows][:, : part.sizes.num_uavs, : part.sizes.num_candidates + 1]
        torch.testing.assert_close(logp[trimmed.decides], expected[trimmed.decides], rtol=0, atol=tolerance)
        num_trimmed += trimmed.position.shape[1] < observation.position.shape[1]
    assert num_trimmed > 0


def test_trimming__changes_no_bit_of_the_attention(make_observation: ObservationFactory) -> None:
    # A last bit that changed here would, now and then, be rounded up to one of 2^-8 by the bf16 layer that follows.
    torch.manual_seed(0)
    observation, sizes = make_observation(num_graphs=200, padded=(9, 7, 2)), GraphSizes(5, 6, 1, 4)
    fits_B = torch.from_numpy((measure_rows(observation) <= np.array(sizes)).all(axis=1))
    observation = map_observation(lambda x: x[fits_B], observation)
    attention = NeighbourAttention(16, 2)
    qkv_BS3Hd = torch.randn(int(fits_B.sum()), 18, 3, 2, 8)
    kept_S = torch.tensor([*range(5), *range(9, 15), 16])

    attended = attention._attend(qkv_BS3Hd[:, kept_S], make_neighbourhood(trim_observation(observation, sizes)))

    expected = attention._attend(qkv_BS3Hd, make_neighbourhood(observation))[:, kept_S]
    assert len(attended) > 20
    assert torch.equal(attended, expected)


def test_trimming__renumbers_entities() -> None:
    # Sizes (3, 4, 2) -> (1, 2, 1): targets move from 3.. to 1.., obstacles from 7.. to 3...
    def zeros(*shape: int) -> Tensor:
        return torch.zeros(1, *shape)

    neighbours = torch.full((1, 7, 3), -1, dtype=torch.int16)
    neighbours[0, 0] = torch.tensor([3, 4, 7])
    neighbours[0, 3] = torch.tensor([0, -1, -1])
    observation = Observation(
        uav=zeros(3, 5),
        target=zeros(4, 6),
        obstacle=zeros(2, 2),
        position=torch.arange(9.0).reshape(1, 9, 1).expand(1, 9, 2),
        mask=torch.tensor([[1, 0, 0, 1, 1, 0, 0, 1, 0]]).bool(),
        neighbours=neighbours,
        candidates=torch.tensor([[[1, 0, -1], [-1, -1, -1], [-1, -1, -1]]], dtype=torch.int16),
        pair=zeros(3, 3, 7),
        action_mask=torch.tensor([[[1, 1, 1, 0], [1, 0, 0, 0], [1, 0, 0, 0]]]).bool(),
        decides=torch.tensor([[True, False, False]]),
    )

    trimmed = trim_observation(observation, GraphSizes(*measure_rows(observation)[0]))

    assert trimmed.neighbours.tolist() == [[[1, 2, 3], [0, -1, -1], [-1, -1, -1]]]
    assert trimmed.neighbours.dtype == torch.int16
    assert trimmed.position[0, :, 0].tolist() == [0, 3, 4, 7]
    assert trimmed.mask.tolist() == [[True] * 4]
    assert trimmed.candidates.tolist() == [[[1, 0]]]
    assert trimmed.action_mask.tolist() == [[[True] * 3]]
    assert [tuple(x.shape) for x in (trimmed.uav, trimmed.target, trimmed.obstacle, trimmed.pair, trimmed.decides)] == [
        (1, 1, 5),
        (1, 2, 6),
        (1, 1, 2),
        (1, 1, 2, 7),
        (1, 1),
    ]


def test_sizes__count_to_the_last_that_exists(make_observation: ObservationFactory) -> None:
    observation = make_observation(num_graphs=40, padded=(5, 6, 2))

    for sizes, mask, actions in zip(measure_rows(observation), observation.mask, observation.action_mask, strict=True):
        for size, exists in zip(sizes, (*mask.split([5, 6, 2]), actions.any(dim=0)[1:]), strict=True):
            assert not exists[size:].any()
            assert size <= 1 or exists[size - 1]


def test_sizes__of_an_empty_graph_leave_something_to_index(make_observation: ObservationFactory) -> None:
    empty = map_observation(torch.zeros_like, make_observation(num_graphs=1))

    assert measure_rows(empty).tolist() == [[1, 1, 0, 1]]


@pytest.mark.parametrize(
    ("num_rows", "minibatch_rows", "part_rows"), [(96, 32, 8), (96, 96, 200), (50, 16, 5), (3, 8, 8)]
)
def test_epoch__holds_every_row_once_in_minibatches_of_equal_size(
    num_rows: int, minibatch_rows: int, part_rows: int
) -> None:
    sizes_K4 = np.random.default_rng(0).integers(1, 9, size=(num_rows, 4))

    minibatches = list(draw_minibatches(sizes_K4, minibatch_rows, part_rows, np.random.default_rng(1)))

    counts = [sum(len(part.rows) for part in parts) for parts in minibatches]
    assert max(counts) <= minibatch_rows
    assert max(counts) - min(counts) <= 1
    rows = np.concatenate([part.rows for parts in minibatches for part in parts])
    assert sorted(rows) == list(range(num_rows))
    for part in (part for parts in minibatches for part in parts):
        assert tuple(sizes_K4[part.rows].max(axis=0)) == part.sizes
        assert len(part.rows) <= part_rows + 1


def test_minibatches__are_as_random_whatever_the_parts() -> None:
    sizes_K4 = np.random.default_rng(0).integers(1, 9, size=(64, 4))

    def minibatch_rows(part_rows: int) -> list[set[int]]:
        drawn = draw_minibatches(sizes_K4, 16, part_rows, np.random.default_rng(5))
        return [set(np.concatenate([part.rows for part in parts]).tolist()) for parts in drawn]

    assert minibatch_rows(4) == minibatch_rows(16)


def test_parts__hold_less_padding_than_whole_minibatches() -> None:
    sizes_K4 = np.random.default_rng(0).integers(1, 9, size=(512, 4))

    def padded_tokens(part_rows: int) -> int:
        drawn = draw_minibatches(sizes_K4, 128, part_rows, np.random.default_rng(0))
        return sum(len(part.rows) * sum(part.sizes[:2]) for parts in drawn for part in parts)

    # Sizes of 1 to 8 average 4.5, and two halves of each kind are padded to about 4.5 and 8.
    assert padded_tokens(32) < 0.85 * padded_tokens(128)
