"""The swarm as one agent: the team's value and the parameters of its distribution, by hand and against the network."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from rl_cluster.model.transformer_gnn import TransformerGNN
from rl_cluster.rllib.swarm_agent import distribution_parameters, observe, team_value
from rl_cluster.types import Observation

MakeObservation = Callable[..., Observation[Tensor]]
MakeModel = Callable[..., TransformerGNN]


def test_observation__comes_back_from_columns_of_bytes(make_observation: MakeObservation) -> None:
    """Gymnasium's spaces know no booleans."""
    observation = make_observation()
    columns = {
        name: array.to(torch.int8) if array.dtype is torch.bool else array
        for name, array in observation._asdict().items()
    }

    seen = observe(dict(reversed(columns.items())))

    for array, expected in zip(seen, observation, strict=True):
        assert array.dtype == expected.dtype
        torch.testing.assert_close(array, expected, rtol=0.0, atol=0.0)


def test_team_value__is_the_mean_over_who_exists(make_model: MakeModel, make_observation: MakeObservation) -> None:
    model, observation = make_model(), make_observation(num_graphs=8)
    output = model(observation)

    values = team_value(model, output, observation)

    each_BN = model.denormalise(output.value_BN)
    for b in range(8):
        exists_N = observation.mask[b, : each_BN.shape[1]]
        assert values[b].item() == pytest.approx(each_BN[b][exists_N].mean().item(), rel=1e-5, abs=1e-6)


def test_team_value__of_nobody_is_0(make_model: MakeModel, make_observation: MakeObservation) -> None:
    """RLlib's dummy batches hold zeros."""
    model, observation = make_model(), make_observation(num_graphs=1)
    output = model(observation)
    empty = observation._replace(mask=torch.zeros_like(observation.mask))

    assert team_value(model, output, empty).tolist() == [0.0]


@pytest.mark.parametrize("task", ["allocate", "navigate"])
def test_parameters__are_one_row_a_graph(make_model: MakeModel, make_observation: MakeObservation, task: str) -> None:
    model, observation = make_model(task=task), make_observation(task=task)
    policy = model(observation).policy

    parameters = distribution_parameters(policy)

    num_graphs, num_uavs = observation.decides.shape
    if task == "allocate":
        logp = parameters.reshape(num_graphs, num_uavs, -1)
        torch.testing.assert_close(logp.exp().sum(dim=2), torch.ones(num_graphs, num_uavs))
    else:
        assert parameters.shape == (num_graphs, 2 * num_uavs * 2)
        mean, _ = parameters.chunk(2, dim=1)
        torch.testing.assert_close(mean.reshape(num_graphs, num_uavs, 2), policy.mean)
