"""PopArt changes units without changing meaning; the policy's heads start almost indifferent."""

from collections.abc import Callable

import pytest
import torch
from torch.nn import functional

from rl_cluster.environment.allocate.columns import FEATURES
from rl_cluster.model.distributions import ILLEGAL_LOGIT, MaskedCategorical
from rl_cluster.model.heads import EMA_STEP, MEAN_BOUND, MIN_STD, STD_INIT, STD_RANGE, ControlHead, PointerHead, PopArt
from rl_cluster.types import Observation


def test_popart__keeps_denormalised_outputs_when_statistics_change() -> None:
    torch.manual_seed(0)
    popart, x = PopArt(8), torch.randn(64, 8)
    for scale, shift in [(3.0, 10.0), (0.05, -2.0), (40.0, 0.0)]:
        before = popart.denormalise(popart(x))

        targets = torch.randn(500) * scale + shift
        popart.update_statistics(targets.mean(), targets.square().mean())

        torch.testing.assert_close(popart.denormalise(popart(x)), before, rtol=1e-5, atol=1e-5)


def test_popart__debiases_its_first_statistics() -> None:
    popart = PopArt(4)

    popart.update_statistics(torch.tensor(2.0), torch.tensor(5.0))

    # Of 1 and 3: mean 2, mean square 5, deviation 1.
    mean, std = popart.moments()
    assert mean.item() == pytest.approx(2.0, abs=1e-6)
    assert std.item() == pytest.approx(1.0, abs=1e-5)


def test_popart__weighs_batches_exponentially() -> None:
    popart = PopArt(4)

    popart.update_statistics(torch.tensor(0.0), torch.tensor(0.0))
    popart.update_statistics(torch.tensor(1.0), torch.tensor(1.0))

    # Weights a(1 - a) and a, normalised: mean = a / (a (1 - a) + a) = 1 / (2 - a).
    assert popart.moments()[0].item() == pytest.approx(1.0 / (2.0 - EMA_STEP), abs=1e-6)


def test_popart__normalise_undoes_denormalise() -> None:
    popart, value = PopArt(4), torch.randn(20)
    popart.update_statistics(torch.tensor(7.0), torch.tensor(58.0))

    torch.testing.assert_close(popart.normalise(popart.denormalise(value)), value)


def test_popart__of_constant_targets_stays_finite() -> None:
    popart = PopArt(4)

    popart.update_statistics(torch.tensor(5.0), torch.tensor(25.0))

    mean, std = popart.moments()
    assert mean.item() == pytest.approx(5.0, abs=1e-5)
    assert MIN_STD * 0.999 <= std.item() < 0.01
    assert torch.isfinite(popart(torch.ones(4)))


def test_popart__before_the_first_targets_is_the_identity() -> None:
    assert [moment.item() for moment in PopArt(4).moments()] == [0.0, 1.0]


def test_pointer__starts_nearly_uniform_over_legal_actions(
    make_observation: Callable[..., Observation[torch.Tensor]],
) -> None:
    torch.manual_seed(0)
    observation = make_observation(num_graphs=20)
    head = PointerHead(16, FEATURES.pair.width(2))
    embedding = torch.randn(20, 6, 16)

    logits = head(embedding[:, :5], embedding, observation)

    assert torch.equal(logits == ILLEGAL_LOGIT, ~observation.action_mask)
    num_legal = observation.action_mask.sum(dim=-1).float()
    assert (MaskedCategorical(logits).entropy() - num_legal.log()).abs().max() < 1e-4


def test_pointer__gives_every_chooser_its_own_formula(
    make_observation: Callable[..., Observation[torch.Tensor]],
) -> None:
    torch.manual_seed(0)
    observation = make_observation(num_graphs=4)
    head = PointerHead(16, FEATURES.pair.width(2))
    uav, target = torch.randn(4, 5, 16), torch.randn(4, 6, 16)

    logits = head(uav, target, observation)

    for b, i in observation.decides.nonzero().tolist():
        query = head.query(uav[b, i])
        wait = head.score(functional.gelu(query + head.wait_key_D))
        torch.testing.assert_close(logits[b, i, 0], wait[0])
        for c in (observation.candidates[b, i] >= 0).nonzero().flatten().tolist():
            key = head.key(target[b, int(observation.candidates[b, i, c])])
            score = head.score(functional.gelu(query + key + head.pair(observation.pair[b, i, c])))
            torch.testing.assert_close(logits[b, i, c + 1], score[0])
    idle = ~observation.decides
    assert (MaskedCategorical(logits).mode()[idle] == observation.action_mask.int().argmax(dim=-1)[idle]).all()


def test_control__starts_at_rest_with_its_first_deviation() -> None:
    torch.manual_seed(0)
    head = ControlHead(16, 2)

    mean, log_std = head(torch.randn(20, 5, 16))

    assert mean.shape == (20, 5, 2)
    assert mean.abs().max() < 0.02
    torch.testing.assert_close(log_std.exp(), torch.full((2,), STD_INIT))


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_control__stays_within_its_bounds_and_can_come_back(sign: float) -> None:
    torch.manual_seed(0)
    head = ControlHead(16, 2)
    with torch.no_grad():
        head.mean.bias.fill_(sign * 6.0)
        head.std_logit_K.fill_(sign * 8.0)

    mean, log_std = head(torch.randn(20, 5, 16))
    (mean.sum() + log_std.sum()).backward()

    assert mean.abs().max() <= MEAN_BOUND
    assert STD_RANGE[0] < log_std.exp().min() <= log_std.exp().max() < STD_RANGE[1]
    assert head.mean.bias.grad is not None
    assert head.std_logit_K.grad is not None
    assert (head.mean.bias.grad > 0).all()
    assert (head.std_logit_K.grad > 0).all()
