"""Trimming cuts padding and nothing else; minibatches are random, complete and repeatable."""

import itertools
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor

from rl_cluster.learning.minibatch import GraphSizes, draw_minibatches, measure_rows, trim_observation
from rl_cluster.learning.ranks import Shard
from rl_cluster.model.attention import NeighbourAttention
from rl_cluster.model.attention_backend import AttentionBackend, make_neighbourhood
from rl_cluster.model.distributions import ActionDistribution, MaskedCategorical
from rl_cluster.model.encounters import EncounterEncoder
from rl_cluster.model.transformer_gnn import TransformerGNN
from rl_cluster.types import Observation, map_observation

ObservationFactory = Callable[..., Observation[Tensor]]
ModelFactory = Callable[..., TransformerGNN]


def _log_probabilities(policy: ActionDistribution, action: Tensor) -> Tensor:
    """(B, N, X): of all legal actions of a choice; else of the controls."""
    if isinstance(policy, MaskedCategorical):
        return policy.logp_all
    return policy.log_prob(action).unsqueeze(-1)


@pytest.mark.parametrize("task", ["allocate", "navigate"])
@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-5), ("bf16", 1e-4)])
def test_log_probabilities__survive_minibatches_and_trimming(
    make_observation: ObservationFactory, make_model: ModelFactory, precision: str, tolerance: float, task: str
) -> None:
    model = make_model(width=64, precision=precision, task=task)
    observation = make_observation(num_graphs=256, padded=(9, 7, 2), num_candidates=7, task=task)
    policy = model(observation).policy
    action = policy.sample(torch.rand(policy.noise_shape))
    padded_logp = _log_probabilities(policy, action)
    num_trimmed = 0
    minibatches = draw_minibatches(measure_rows(observation), 256, 16, np.random.default_rng(0))
    for part in (part for parts in minibatches for part in parts):
        rows, num_uavs = torch.from_numpy(part.rows), part.sizes.num_uavs

        trimmed = trim_observation(
            map_observation(partial(torch.index_select, dim=0, index=rows), observation), part.sizes
        )

        logp = _log_probabilities(model(trimmed).policy, action[rows][:, :num_uavs])
        expected = padded_logp[rows][:, :num_uavs, : logp.shape[2]]
        torch.testing.assert_close(logp[trimmed.decides], expected[trimmed.decides], rtol=0, atol=tolerance)
        num_trimmed += trimmed.position.shape[1] < observation.position.shape[1]
    assert num_trimmed > 0


# A last bit that changed below would, now and then, be rounded up to one of 2^-8 by the bf16 layer that follows.


def _pick_fitting(observation: Observation[Tensor], sizes: GraphSizes) -> Observation[Tensor]:
    fits_B = torch.from_numpy((measure_rows(observation) <= np.array(sizes)).all(axis=1))
    return map_observation(lambda x: x[fits_B], observation)


@pytest.mark.parametrize("backend", ["dense", "sparse"])
@pytest.mark.parametrize(
    ("task", "sizes", "kept"),
    [
        ("allocate", GraphSizes(5, 6, 1, 4), [*range(5), *range(9, 15), 16]),
        ("navigate", GraphSizes(5, 0, 1, 4), [*range(5), 9]),
    ],
)
def test_trimming__changes_no_bit_of_the_attention(
    make_observation: ObservationFactory, task: str, sizes: GraphSizes, kept: list[int], backend: AttentionBackend
) -> None:
    torch.manual_seed(0)
    observation = _pick_fitting(make_observation(num_graphs=200, padded=(9, 7, 2), task=task), sizes)
    attention, kept_S = NeighbourAttention(16, 2), torch.tensor(kept)
    qkv_BS3Hd = torch.randn(*observation.mask.shape, 3, 2, 8)

    trimmed = make_neighbourhood(trim_observation(observation, sizes), backend)

    attended = attention._attend(qkv_BS3Hd[:, kept_S], trimmed)

    expected = attention._attend(qkv_BS3Hd, make_neighbourhood(observation, backend))[:, kept_S]
    assert len(attended) > 20
    assert torch.equal(attended, expected)


@pytest.mark.parametrize(("trimmed", "padded"), [(4, 7), (9, 16), (17, 32)])
def test_trimming__changes_no_bit_of_the_encounters(
    make_observation: ObservationFactory, trimmed: int, padded: int
) -> None:
    torch.manual_seed(0)
    sizes = GraphSizes(20, 0, 20, trimmed)
    observation = make_observation(num_graphs=200, padded=(20, 0, 20), num_candidates=padded, task="navigate")
    observation = _pick_fitting(observation, sizes)
    encoder = EncounterEncoder(64, 4, observation.pair.shape[-1])
    uav_BND = torch.randn(*observation.uav.shape[:2], 64)

    encoded = encoder(uav_BND, trim_observation(observation, sizes))

    assert len(encoded) > 3
    assert torch.equal(encoded, encoder(uav_BND, observation))


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


def test_trimming__renumbers_encounters_as_entities() -> None:
    # Sizes (3, 0, 2) -> (2, 0, 1): obstacle 0 moves from 3 to 2.
    def zeros(*shape: int) -> Tensor:
        return torch.zeros(1, *shape)

    observation = Observation(
        uav=zeros(3, 5),
        target=zeros(0, 0),
        obstacle=zeros(2, 2),
        position=zeros(5, 2),
        mask=torch.tensor([[1, 1, 0, 1, 0]]).bool(),
        neighbours=torch.tensor([[[1, 3], [0, 3], [-1, -1]]], dtype=torch.int16),
        candidates=torch.tensor([[[1, 3, -1], [3, 0, -1], [-1, -1, -1]]], dtype=torch.int16),
        pair=zeros(3, 3, 7),
        action_mask=torch.tensor([[[1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]]).bool(),
        decides=torch.tensor([[True, True, False]]),
    )

    (sizes,) = measure_rows(observation)
    trimmed = trim_observation(observation, GraphSizes(*sizes))

    assert tuple(sizes) == (2, 0, 1, 2)
    assert trimmed.neighbours.tolist() == [[[1, 2], [0, 2]]]
    assert trimmed.candidates.tolist() == [[[1, 2], [2, 0]]]
    assert trimmed.target.shape == (1, 0, 0)
    assert trimmed.mask.tolist() == [[True] * 3]


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


@pytest.mark.parametrize("bounds", [(0, 64), (0, 20, 64), (0, 1, 63, 64)])
def test_minibatches__are_the_same_however_many_ranks_share_the_rows(bounds: tuple[int, ...]) -> None:
    sizes_K4 = np.random.default_rng(0).integers(1, 9, size=(64, 4))

    def minibatches(shard: Shard) -> list[set[int]]:
        own = sizes_K4[shard.first : shard.first + shard.num_rows]
        drawn = draw_minibatches(own, 16, 4, np.random.default_rng(5), shard)
        return [{int(row) + shard.first for part in parts for row in part.rows} for parts in drawn]

    shards = [Shard(first, end - first, 64) for first, end in itertools.pairwise(bounds)]
    together = [set.union(*parts) for parts in zip(*map(minibatches, shards), strict=True)]

    assert together == minibatches(Shard(0, 64, 64))
    assert [len(rows) for rows in together] == [16] * 4
