"""Laws of the network: what it must not depend on, whatever its weights are.

Letters: B graphs, N UAVs, M targets, O obstacles, S entities, C candidates.
"""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from rl_cluster.model.distributions import ActionDistribution, MaskedCategorical, SquashedGaussian
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


def _columns(policy: ActionDistribution) -> Tensor:
    """(B, N, X): log-probabilities of all actions, or means and deviations of the controls."""
    if isinstance(policy, MaskedCategorical):
        return policy.logp_all
    assert isinstance(policy, SquashedGaussian)
    return torch.cat([policy.mean, policy.log_std], dim=-1)


def _assert_same_of_existing(output: PolicyOutput, expected: PolicyOutput, mask_BN: Tensor, tolerance: float) -> None:
    """Of categoricals the expected actions; there may be more, behind them."""
    want_BNX = _columns(expected.policy)
    got_BNX = _columns(output.policy)[:, : mask_BN.shape[1], : want_BNX.shape[2]]
    torch.testing.assert_close(got_BNX[mask_BN], want_BNX[mask_BN], rtol=tolerance, atol=tolerance)
    got_BN = output.value_BN[:, : mask_BN.shape[1]]
    torch.testing.assert_close(got_BN[mask_BN], expected.value_BN[mask_BN], rtol=tolerance, atol=tolerance)


BOTH_TASKS = pytest.mark.parametrize("task", ["allocate", "navigate"])


@BOTH_TASKS
def test_outputs__are_permuted_with_the_uavs(
    make_observation: ObservationFactory, make_model: ModelFactory, task: str
) -> None:
    model, observation = make_model(task=task), make_observation(num_graphs=8, task=task)
    order_N = torch.tensor([3, 0, 4, 2, 1])

    output = model(_permute_uavs(observation, order_N))

    expected = model(observation)
    torch.testing.assert_close(_columns(output.policy), _columns(expected.policy)[:, order_N], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(output.value_BN, expected.value_BN[:, order_N], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("num_encounters", [1, 5, 12])
def test_outputs__do_not_depend_on_the_order_of_encounters(
    make_observation: ObservationFactory, make_model: ModelFactory, num_encounters: int
) -> None:
    observation = make_observation(num_graphs=8, padded=(9, 0, 4), num_candidates=num_encounters, task="navigate")
    model, order_C = make_model(task="navigate"), torch.randperm(num_encounters)

    shuffled = observation._replace(
        candidates=observation.candidates[:, :, order_C], pair=observation.pair[:, :, order_C]
    )

    _assert_same_of_existing(model(shuffled), model(observation), observation.mask[:, :9], 1e-5)


def test_encounters__reach_policy_and_value_of_the_uav_alone_without_neighbours(
    make_observation: ObservationFactory, make_model: ModelFactory
) -> None:
    model, observation = make_model(task="navigate"), make_observation(num_graphs=1, padded=(6, 0, 2), task="navigate")
    observation = observation._replace(neighbours=torch.full_like(observation.neighbours, -1))
    observation.candidates[:, :, 0] = 0
    before, pair = model(observation), observation.pair.clone()
    pair[:, 2, 0] += 1.0

    after = model(observation._replace(pair=pair))

    is_other_N = (_columns(after.policy) != _columns(before.policy)).any(dim=-1)[0]
    assert is_other_N.tolist() == [i == 2 for i in range(6)]
    assert after.value_BN[0, 2] != before.value_BN[0, 2]


@BOTH_TASKS
@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-5), ("bf16", 1e-4)])
@pytest.mark.parametrize("more", [(0, 0, 3), (4, 0, 0), (0, 9, 0), (15, 20, 6)])
def test_padding__changes_nothing(
    make_observation: ObservationFactory,
    make_model: ModelFactory,
    more: tuple[int, int, int],
    precision: str,
    tolerance: float,
    task: str,
) -> None:
    model = make_model(width=64, precision=precision, task=task)
    observation = make_observation(num_graphs=32, task=task)
    if task == "navigate":
        more = (more[0], 0, more[2])

    output = model(_pad(observation, more, candidates=3, slots=5))

    _assert_same_of_existing(output, model(observation), observation.mask[:, :5], tolerance)


@BOTH_TASKS
@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-5), ("bf16", 1e-4)])
@pytest.mark.parametrize("num_rows", [1, 5, 17])
def test_log_probabilities__do_not_depend_on_the_batch(
    make_observation: ObservationFactory,
    make_model: ModelFactory,
    num_rows: int,
    precision: str,
    tolerance: float,
    task: str,
) -> None:
    model = make_model(width=64, precision=precision, task=task)
    observation = make_observation(num_graphs=64, task=task)
    expected = _columns(model(observation).policy)[:num_rows]

    few = model(map_observation(lambda rows: rows[:num_rows], observation))

    torch.testing.assert_close(_columns(few.policy), expected, rtol=0, atol=tolerance)


@BOTH_TASKS
@pytest.mark.parametrize("backend", ["dense", "sparse"])
@pytest.mark.parametrize("angle_rad", [0.0, 0.7, math.pi])
def test_translation_and_rotation__change_nothing(
    make_observation: ObservationFactory, make_model: ModelFactory, task: str, backend: str, angle_rad: float
) -> None:
    model, observation = make_model(task=task, attention=backend), make_observation(task=task)
    cos, sin = math.cos(angle_rad), math.sin(angle_rad)

    turned = observation.position @ torch.tensor([[cos, sin], [-sin, cos]])
    moved = observation._replace(position=turned + torch.tensor([3.0, -2.0]))

    _assert_same_of_existing(model(moved), model(observation), observation.mask[:, :5], 1e-5)


def _chain(observation: Observation[Tensor]) -> Observation[Tensor]:
    """A graph in which UAV i sees UAV i + 1 and no other entity, and all choose among copies of target 0."""
    neighbours = torch.full_like(observation.neighbours, -1)
    N = observation.uav.shape[1]
    neighbours[:, : N - 1, 0] = torch.arange(1, N, dtype=torch.int16)
    return observation._replace(
        neighbours=neighbours,
        candidates=torch.zeros_like(observation.candidates),
        action_mask=torch.ones_like(observation.action_mask),
        decides=torch.ones_like(observation.decides),
    )


@BOTH_TASKS
@pytest.mark.parametrize("num_layers", [1, 2, 3])
def test_outputs__do_not_see_beyond_as_many_hops_as_layers(
    make_observation: ObservationFactory, make_model: ModelFactory, num_layers: int, task: str
) -> None:
    model = make_model(num_layers=num_layers, task=task)
    observation = _chain(make_observation(num_graphs=1, padded=(6, 2, 1), task=task))
    before = _columns(model(observation).policy)
    uav = observation.uav.clone()
    uav[:, 5] += 1.0

    after = _columns(model(observation._replace(uav=uav)).policy)

    is_changed_N = (after != before).any(dim=-1)[0]
    # UAV 5 is seen by UAV 4 in one hop, by 3 in two...
    assert is_changed_N.tolist() == [i >= 5 - num_layers for i in range(6)]


@BOTH_TASKS
@pytest.mark.parametrize("num_layers", [1, 4])
def test_backends__have_equal_outputs_and_gradients(
    make_observation: ObservationFactory, make_model: ModelFactory, task: str, num_layers: int
) -> None:
    observation = make_observation(padded=(20, 18, 3), k=6, task=task)
    outputs, gradients = [], []
    for backend in ("dense", "sparse"):
        model = make_model(attention=backend, num_layers=num_layers, task=task)
        policy, value_BN = model(observation)
        noise = torch.rand(policy.noise_shape, generator=torch.Generator().manual_seed(0))
        logp_BN = policy.log_prob(policy.sample(noise).detach())
        (logp_BN.mean() + value_BN.square().mean()).backward()
        outputs.append((logp_BN, value_BN))
        gradients.append({name: parameter.grad for name, parameter in model.named_parameters()})

    assert all(gradient is not None and gradient.any() for gradient in gradients[0].values())
    torch.testing.assert_close(outputs[1], outputs[0], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-4, atol=1e-4)


@BOTH_TASKS
def test_checkpointing__leaves_outputs_and_gradients_as_they_are(
    make_observation: ObservationFactory, make_model: ModelFactory, task: str
) -> None:
    observation = make_observation(task=task)
    gradients = []
    for is_on in (False, True):
        model = make_model(gradient_checkpointing=is_on, task=task)
        policy, value_BN = model(observation)
        (policy.log_prob(policy.mode().detach() + 1)[observation.decides].sum() + value_BN.square().sum()).backward()
        gradients.append({name: parameter.grad for name, parameter in model.named_parameters()})

    assert all(gradient is not None and gradient.any() for gradient in gradients[0].values())
    torch.testing.assert_close(gradients[1], gradients[0])


@BOTH_TASKS
def test_state_dict__runs_at_any_size(
    make_observation: ObservationFactory, make_model: ModelFactory, task: str
) -> None:
    small = make_observation(padded=(2, 3, 0), num_candidates=2, task=task)
    large = make_observation(num_graphs=1, padded=(1024, 1024, 4), k=16, task=task)
    model = make_model(seed=1, task=task)
    model(small)

    other = make_model(seed=2, task=task)
    other.load_state_dict(model.state_dict())

    for observation in (small, large):
        output, expected = other(observation).policy, model(observation).policy
        assert output.mode().shape[:2] == observation.decides.shape
        assert torch.equal(_columns(output), _columns(expected))


@BOTH_TASKS
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_all_zero_observation__gives_finite_outputs_and_gradients(
    make_observation: ObservationFactory, make_model: ModelFactory, precision: str, task: str
) -> None:
    model = make_model(precision=precision, task=task)

    output = model(map_observation(torch.zeros_like, make_observation(task=task)))
    outputs_BNX = _columns(output.policy)
    (outputs_BNX.sum() + output.value_BN.sum()).backward()

    assert torch.isfinite(outputs_BNX).all()
    assert (outputs_BNX > -1e6).all(), "a row without a legal action counts as all legal"
    assert torch.isfinite(output.value_BN).all()
    for parameter in model.parameters():
        assert parameter.grad is not None
        assert torch.isfinite(parameter.grad).all()


@BOTH_TASKS
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_outputs__are_float32(
    make_observation: ObservationFactory, make_model: ModelFactory, precision: str, task: str
) -> None:
    output = make_model(precision=precision, task=task)(make_observation(task=task))

    assert _columns(output.policy).dtype == output.value_BN.dtype == torch.float32


def test_bf16__is_close_to_fp32_and_not_the_same(
    make_observation: ObservationFactory, make_model: ModelFactory
) -> None:
    observation = make_observation()
    exact, rounded = (make_model(precision=precision)(observation).value_BN for precision in ("fp32", "bf16"))

    assert 0.0 < (exact - rounded).abs().max() < 0.1


@BOTH_TASKS
def test_uav_that_does_not_decide__has_no_gradient_in_the_policy(
    make_observation: ObservationFactory, make_model: ModelFactory, task: str
) -> None:
    model, observation = make_model(task=task), make_observation(task=task)
    policy = model(observation).policy
    idle = ~observation.decides

    logp_BN, entropy_BN = policy.log_prob(policy.mode().detach()), policy.entropy()
    (logp_BN[idle].sum() + entropy_BN[idle].sum()).backward()

    assert (logp_BN[idle] == 0.0).all()
    assert (entropy_BN[idle] == 0.0).all()
    assert not any(parameter.grad.any() for parameter in model.parameters() if parameter.grad is not None)


def test_network_of_choices__has_the_parameters_of_earlier_checkpoints(make_model: ModelFactory) -> None:
    modules = {name.split(".")[0] for name in make_model().state_dict()}

    encoders = {"uav_encoder", "target_encoder", "obstacle_encoder"}
    assert modules == encoders | {"blocks", "norm", "pointer_head", "value_head"}


@BOTH_TASKS
def test_demo_network__has_about_a_hundred_thousand_parameters(make_model: ModelFactory, task: str) -> None:
    num_parameters = sum(parameter.numel() for parameter in make_model(width=64, num_heads=4, task=task).parameters())

    assert 90_000 < num_parameters < 120_000
