"""Laws of the network: what it must not depend on, whatever its weights are.

Letters: B graphs, N UAVs, M targets, O obstacles, S entities, C candidates.
"""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from rl_cluster.model.distributions import MaskedCategorical
from rl_cluster.model.transformer_gnn import PolicyOutput, TransformerGNN
from rl_cluster.types import Observation, map_observation

ObservationFactory = Callable[..., Observation[Tensor]]
ModelFactory = Callable[..., TransformerGNN]


def _sizes(observation: Observation[Tensor]) -> tuple[int, int, int]:
    return observation.uav.shape[1], observation.target.shape[1], observation.obstacle.shape[1]


def _renumber(indices: Tensor, places: Tensor) -> Tensor:
    """The indices after entity e has moved to places[e]; -1 stays."""
    return torch.where(indices < 0, indices, places[indices.long().clamp(min=0)]).to(indices.dtype)


def _permute_uavs(observation: Observation[Tensor], order_N: Tensor) -> Observation[Tensor]:
    """UAV i of the result is UAV order[i] of the observation."""
    N, S = len(order_N), observation.position.shape[1]
    order_S = torch.cat([order_N, torch.arange(N, S)])
    order_E = order_S[: observation.neighbours.shape[1]]
    return Observation(
        uav=observation.uav[:, order_N],
        target=observation.target,
        obstacle=observation.obstacle,
        position=observation.position[:, order_S],
        mask=observation.mask[:, order_S],
        neighbours=_renumber(observation.neighbours[:, order_E], order_S.argsort()),
        candidates=observation.candidates[:, order_N],
        pair=observation.pair[:, order_N],
        action_mask=observation.action_mask[:, order_N],
        decides=observation.decides[:, order_N],
    )


def _pad(
    observation: Observation[Tensor], more: tuple[int, int, int], candidates: int, slots: int
) -> Observation[Tensor]:
    """The observation with more rows of each kind, more candidates and more neighbour slots, none of which exists."""
    (N, M, num_obstacles), (n, m, o) = _sizes(observation), more

    def pad_rows(x: Tensor, num: int, value: float = 0.0) -> Tensor:
        return functional.pad(x, (*[0, 0] * (x.ndim - 2), 0, num), value=value)

    def pad_entities(x: Tensor) -> Tensor:
        kinds = zip(x.split([N, M, num_obstacles], dim=1), more, strict=True)
        return torch.cat([pad_rows(kind, num) for kind, num in kinds], dim=1)

    places = torch.cat([torch.arange(N), torch.arange(M) + N + n, torch.arange(num_obstacles) + N + n + M + m])
    uav_rows, target_rows = functional.pad(_renumber(observation.neighbours, places), (0, slots), value=-1).split(
        [N, M], 1
    )
    return Observation(
        uav=pad_rows(observation.uav, n),
        target=pad_rows(observation.target, m),
        obstacle=pad_rows(observation.obstacle, o),
        position=pad_entities(observation.position),
        mask=pad_entities(observation.mask),
        neighbours=torch.cat([pad_rows(uav_rows, n, -1), pad_rows(target_rows, m, -1)], dim=1),
        candidates=pad_rows(functional.pad(observation.candidates, (0, candidates), value=-1), n, -1),
        pair=pad_rows(functional.pad(observation.pair, (0, 0, 0, candidates)), n),
        action_mask=pad_rows(functional.pad(observation.action_mask, (0, candidates)), n),
        decides=pad_rows(observation.decides.unsqueeze(-1), n).squeeze(-1),
    )


def _assert_same_of_existing(output: PolicyOutput, expected: PolicyOutput, mask_BN: Tensor, tolerance: float) -> None:
    for got, want in zip(output, expected, strict=True):
        torch.testing.assert_close(got[mask_BN], want[mask_BN], rtol=tolerance, atol=tolerance)


def test_logits__are_permuted_with_the_uavs(make_observation: ObservationFactory, make_model: ModelFactory) -> None:
    model, observation = make_model(), make_observation(num_graphs=8)
    order_N = torch.tensor([3, 0, 4, 2, 1])

    output = model(_permute_uavs(observation, order_N))

    expected = model(observation)
    torch.testing.assert_close(output.logits_BNA, expected.logits_BNA[:, order_N], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(output.value_BN, expected.value_BN[:, order_N], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-5), ("bf16", 1e-4)])
@pytest.mark.parametrize("more", [(0, 0, 3), (4, 0, 0), (0, 9, 0), (15, 20, 6)])
def test_padding__changes_nothing(
    make_observation: ObservationFactory,
    make_model: ModelFactory,
    more: tuple[int, int, int],
    precision: str,
    tolerance: float,
) -> None:
    model, observation = make_model(width=64, precision=precision), make_observation(num_graphs=32)
    N, C = observation.candidates.shape[1:]

    output = model(_pad(observation, more, candidates=3, slots=5))

    cut = PolicyOutput(output.logits_BNA[:, :N, : C + 1], output.value_BN[:, :N])
    _assert_same_of_existing(cut, model(observation), observation.mask[:, :N], tolerance)


@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-5), ("bf16", 1e-4)])
@pytest.mark.parametrize("num_rows", [1, 5, 17])
def test_log_probabilities__do_not_depend_on_the_batch(
    make_observation: ObservationFactory, make_model: ModelFactory, num_rows: int, precision: str, tolerance: float
) -> None:
    model, observation = make_model(width=64, precision=precision), make_observation(num_graphs=64)
    expected = MaskedCategorical(model(observation).logits_BNA).logp_all[:num_rows]

    few = model(map_observation(lambda rows: rows[:num_rows], observation))

    torch.testing.assert_close(MaskedCategorical(few.logits_BNA).logp_all, expected, rtol=0, atol=tolerance)


def test_translation__changes_nothing(make_observation: ObservationFactory, make_model: ModelFactory) -> None:
    model, observation = make_model(), make_observation()

    moved = observation._replace(position=observation.position + torch.tensor([3.0, -2.0]))

    _assert_same_of_existing(model(moved), model(observation), observation.mask[:, :5], 1e-5)


def _chain(observation: Observation[Tensor]) -> Observation[Tensor]:
    """A graph in which UAV i sees UAV i + 1 and no other entity, and all choose among copies of target 0."""
    neighbours = torch.full_like(observation.neighbours, -1)
    N = observation.uav.shape[1]
    neighbours[:, : N - 1, 0] = torch.arange(1, N, dtype=torch.int16)
    candidates = torch.zeros_like(observation.candidates)
    return observation._replace(
        neighbours=neighbours, candidates=candidates, decides=torch.ones_like(observation.decides)
    )


@pytest.mark.parametrize("num_layers", [1, 2, 3])
def test_logits__do_not_see_beyond_as_many_hops_as_layers(
    make_observation: ObservationFactory, make_model: ModelFactory, num_layers: int
) -> None:
    model, observation = make_model(num_layers=num_layers), _chain(make_observation(num_graphs=1, padded=(6, 2, 1)))
    before = model(observation).logits_BNA
    uav = observation.uav.clone()
    uav[:, 5] += 1.0

    after = model(observation._replace(uav=uav)).logits_BNA

    is_changed_N = (after != before).any(dim=-1)[0]
    # UAV 5 is seen by UAV 4 in one hop, by 3 in two...
    assert is_changed_N.tolist() == [i >= 5 - num_layers for i in range(6)]


def test_checkpointing__leaves_outputs_and_gradients_as_they_are(
    make_observation: ObservationFactory, make_model: ModelFactory
) -> None:
    observation = make_observation()
    gradients = []
    for is_on in (False, True):
        model = make_model(gradient_checkpointing=is_on)
        output = model(observation)
        (output.logits_BNA[observation.action_mask].square().sum() + output.value_BN.square().sum()).backward()
        gradients.append({name: parameter.grad for name, parameter in model.named_parameters()})

    assert all(gradient is not None for gradient in gradients[0].values())
    torch.testing.assert_close(gradients[1], gradients[0])


def test_state_dict__runs_at_any_size(make_observation: ObservationFactory, make_model: ModelFactory) -> None:
    small, large = make_observation(padded=(2, 3, 0), num_candidates=2), make_observation(padded=(24, 30, 4), k=7)
    model = make_model(seed=1)
    model(small)

    other = make_model(seed=2)
    other.load_state_dict(model.state_dict())

    for observation in (small, large):
        output, expected = other(observation), model(observation)
        assert output.logits_BNA.shape == observation.action_mask.shape
        assert torch.equal(output.logits_BNA, expected.logits_BNA)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_all_zero_observation__gives_finite_outputs_and_gradients(
    make_observation: ObservationFactory, make_model: ModelFactory, precision: str
) -> None:
    model = make_model(precision=precision)

    output = model(map_observation(torch.zeros_like, make_observation()))
    (output.logits_BNA.sum() + output.value_BN.sum()).backward()

    assert torch.isfinite(output.logits_BNA).all()
    assert (output.logits_BNA > -1e6).all(), "a row without a legal action counts as all legal"
    assert torch.isfinite(output.value_BN).all()
    for parameter in model.parameters():
        assert parameter.grad is not None
        assert torch.isfinite(parameter.grad).all()


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_outputs__are_float32(make_observation: ObservationFactory, make_model: ModelFactory, precision: str) -> None:
    output = make_model(precision=precision)(make_observation())

    assert output.logits_BNA.dtype == output.value_BN.dtype == torch.float32


def test_bf16__is_close_to_fp32_and_not_the_same(
    make_observation: ObservationFactory, make_model: ModelFactory
) -> None:
    observation = make_observation()
    exact, rounded = (make_model(precision=precision)(observation).value_BN for precision in ("fp32", "bf16"))

    assert 0.0 < (exact - rounded).abs().max() < 0.1


def test_demo_network__has_about_a_hundred_thousand_parameters(make_model: ModelFactory) -> None:
    num_parameters = sum(parameter.numel() for parameter in make_model(width=64, num_heads=4).parameters())

    assert 90_000 < num_parameters < 120_000
