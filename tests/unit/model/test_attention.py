"""Attention of either backend is the formula of its docstring, over exactly the neighbours and the row itself."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from rl_cluster.model.attention import NeighbourAttention
from rl_cluster.model.attention_backend import SPARSE_FROM, AttentionBackend, make_neighbourhood
from rl_cluster.types import Observation


def _attend_one_by_one(attention: NeighbourAttention, x_BSD: Tensor, observation: Observation[Tensor]) -> Tensor:
    """The docstring's formula in float64, row by row, without folding, masks or padding."""
    attention = attention.double()
    H = attention.num_heads
    q_BSHd, k_BSHd, v_BSHd = attention.qkv(x_BSD.double()).unflatten(-1, (3, H, -1)).unbind(2)
    slope_H, position_BS2 = functional.softplus(attention.inverse_softplus_slope_H), observation.position.double()
    output_BSHd = torch.zeros_like(v_BSHd)
    for b in range(x_BSD.shape[0]):
        for i in range(x_BSD.shape[1]):
            listed = observation.neighbours[b, i].tolist() if i < observation.neighbours.shape[1] else []
            keys = sorted({i, *(j for j in listed if j >= 0)})
            content_KH = (q_BSHd[b, i] * k_BSHd[b, keys]).sum(-1) / math.sqrt(q_BSHd.shape[-1])
            square_K = (position_BS2[b, i] - position_BS2[b, keys]).square().sum(-1)
            logit_KH = attention.scale_H * math.log(1 + len(keys)) * content_KH - slope_H * square_K[:, None]
            output_BSHd[b, i] = (logit_KH.softmax(0)[..., None] * v_BSHd[b, keys]).sum(0)
    return attention.output(output_BSHd.flatten(2))


BOTH_BACKENDS = pytest.mark.parametrize("backend", ["dense", "sparse"])


@BOTH_BACKENDS
@pytest.mark.parametrize("padded", [(5, 6, 2), (1, 1, 0), (9, 4, 3), (20, 18, 1)])
def test_attention__is_the_formula_row_by_row(
    make_observation: Callable[..., Observation[Tensor]], padded: tuple[int, int, int], backend: AttentionBackend
) -> None:
    torch.manual_seed(0)
    observation = make_observation(num_graphs=3, padded=padded)
    attention, x_BSD = NeighbourAttention(16, 4), torch.randn(3, sum(padded), 16)

    output = attention(x_BSD, make_neighbourhood(observation, backend))

    expected = _attend_one_by_one(attention, x_BSD, observation)
    torch.testing.assert_close(output.double(), expected, rtol=1e-5, atol=1e-5)


@BOTH_BACKENDS
def test_attention__sees_a_row_through_its_neighbours_only(
    make_observation: Callable[..., Observation[Tensor]], backend: AttentionBackend
) -> None:
    torch.manual_seed(0)
    observation = make_observation(num_graphs=1, padded=(6, 6, 2), k=2)
    attention, x_BSD = NeighbourAttention(16, 2), torch.randn(1, 14, 16)
    graph = make_neighbourhood(observation, backend)
    before = attention(x_BSD, graph)
    for changed in range(14):
        other_BSD = x_BSD.clone()
        other_BSD[0, changed] += 1.0

        is_changed_S = (attention(other_BSD, graph) != before).any(dim=-1)[0]

        sees = [changed in observation.neighbours[0, i].tolist() if i < 12 else False for i in range(14)]
        sees[changed] = True
        assert is_changed_S.tolist() == sees


def test_auto__is_sparse_for_large_graphs_only(make_observation: Callable[..., Observation[Tensor]]) -> None:
    observation = make_observation(num_graphs=1, padded=(3, 4, 2))

    def chosen(num_entities: int) -> str:
        position_BS2 = functional.pad(observation.position, (0, 0, 0, num_entities - 9))
        return type(make_neighbourhood(observation._replace(position=position_BS2), "auto")).__name__

    assert chosen(SPARSE_FROM - 1) == "DenseNeighbourhood"
    assert chosen(SPARSE_FROM) == "SparseNeighbourhood"


def test_attention__content_is_unscaled_at_nine_keys_at_the_start() -> None:
    attention = NeighbourAttention(16, 2)

    # t ln(1 + k) = 1 at k = 9.
    torch.testing.assert_close(attention.scale_H * math.log(10.0), torch.ones(2))


def test_attention__slopes_start_between_one_and_a_hundredth() -> None:
    slope_H = functional.softplus(NeighbourAttention(16, 3 + 1).inverse_softplus_slope_H)

    torch.testing.assert_close(slope_H, torch.tensor([1.0, 10 ** (-2 / 3), 10 ** (-4 / 3), 0.01]))
