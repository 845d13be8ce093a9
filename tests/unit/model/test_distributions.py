"""Illegal actions never happen, and what is left is an ordinary categorical; controls are a squashed Gaussian."""

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Independent, Normal, TransformedDistribution, kl_divergence
from torch.distributions.transforms import TanhTransform

from rl_cluster.model.distributions import MaskedCategorical, SquashedGaussian


def test_sample__never_takes_a_masked_action() -> None:
    torch.manual_seed(0)
    logits = torch.randn(100_000, 6) * 3
    mask = torch.rand(100_000, 6) < 0.4
    mask[:, 2] = True

    action = MaskedCategorical(logits, mask).sample(torch.rand(100_000, 6))

    assert mask.gather(1, action.unsqueeze(1)).all()


@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_sample__keeps_to_legal_actions_at_the_ends_of_the_noise(noise: float) -> None:
    policy = MaskedCategorical(torch.tensor([0.0, 5.0]), torch.tensor([True, False]))

    action = policy.sample(torch.tensor([1.0 - noise, noise]))

    assert action == 0


def test_sample__has_the_frequencies_of_the_probabilities() -> None:
    torch.manual_seed(0)
    probability = torch.tensor([0.1, 0.2, 0.0, 0.7])
    policy = MaskedCategorical(probability.log().nan_to_num().expand(40_000, 4), probability > 0)

    frequency = torch.bincount(policy.sample(torch.rand(40_000, 4)), minlength=4) / 40_000

    # Three standard deviations of a share of 0.7 among 40,000 draws are 0.007.
    assert torch.allclose(frequency, probability, atol=0.007)


def test_sample__does_not_depend_on_the_rest_of_the_batch() -> None:
    torch.manual_seed(0)
    logits, noise = torch.randn(9, 5), torch.rand(9, 5)

    together = MaskedCategorical(logits).sample(noise)

    assert torch.equal(together[4:5], MaskedCategorical(logits[4:5]).sample(noise[4:5]))


def test_single_legal_action__has_log_probability_and_entropy_zero_exactly() -> None:
    policy = MaskedCategorical(torch.tensor([[3.7, -41.3, 0.1]]), torch.tensor([[False, True, False]]))

    assert policy.log_prob(torch.tensor([1])).item() == 0.0
    assert policy.entropy().item() == 0.0
    assert policy.mode().item() == 1
    assert policy.log_prob(torch.tensor([0])).item() < -1e8


def test_all_false_mask__counts_as_all_true() -> None:
    logits = torch.tensor([0.0, 1.0, 2.0])

    masked = MaskedCategorical(logits, torch.zeros(3, dtype=torch.bool))

    assert torch.equal(masked.logp_all, MaskedCategorical(logits).logp_all)


def test_log_prob_entropy_and_kl__are_those_of_a_categorical_over_legal_actions() -> None:
    torch.manual_seed(0)
    logits, other_logits = torch.randn(2, 50, 4)
    mask = torch.tensor([True, False, True, True])
    policy, other = MaskedCategorical(logits, mask.expand(50, 4)), MaskedCategorical(other_logits, mask.expand(50, 4))
    legal = torch.distributions.Categorical(logits=logits[:, mask])
    other_legal = torch.distributions.Categorical(logits=other_logits[:, mask])
    action = torch.randint(3, (50,))

    torch.testing.assert_close(policy.log_prob(torch.tensor([0, 2, 3])[action]), legal.log_prob(action))
    torch.testing.assert_close(policy.entropy(), legal.entropy())
    torch.testing.assert_close(policy.kl(other), torch.distributions.kl_divergence(legal, other_legal))


def test_kl__of_a_hand_computed_pair() -> None:
    # KL([1/2, 1/2] || [1/4, 3/4]) = 1/2 ln(2) + 1/2 ln(2/3) = 1/2 ln(4/3).
    policy = MaskedCategorical(torch.tensor([0.5, 0.5]).log())
    other = MaskedCategorical(torch.tensor([0.25, 0.75]).log())

    assert policy.kl(other).item() == pytest.approx(0.5 * math.log(4.0 / 3.0), abs=1e-6)


def test_gradients__are_finite_where_actions_are_illegal() -> None:
    logits = torch.zeros(2, 3, requires_grad=True)
    policy = MaskedCategorical(logits, torch.tensor([[True, False, False], [True, True, False]]))

    (policy.entropy().sum() + policy.log_prob(torch.tensor([0, 1])).sum()).backward()

    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
    assert (logits.grad[0] == 0).all()


def _gaussian(num: int = 500, seed: int = 0) -> SquashedGaussian:
    """Two controls each, all of them decided: means in [-3, 3], deviations in [0.05, 1]."""
    generator = torch.Generator().manual_seed(seed)
    mean = 6.0 * torch.rand(num, 2, generator=generator) - 3.0
    return SquashedGaussian(mean, (0.05 ** torch.rand(num, 2, generator=generator)).log(), torch.tensor(True))


def _reference(policy: SquashedGaussian) -> TransformedDistribution:
    base = Independent(Normal(policy.mean.double(), policy.log_std.double().exp()), 1)
    return TransformedDistribution(base, TanhTransform())


def test_squashed_log_prob__is_that_of_a_transformed_normal() -> None:
    policy = _gaussian()
    action = policy.sample(torch.rand(500, 2, generator=torch.Generator().manual_seed(1)))

    logp = policy.log_prob(action)

    expected = _reference(policy).log_prob(action.double().tanh())
    torch.testing.assert_close(logp.double(), expected, rtol=1e-4, atol=1e-4)


def test_squashed_log_prob__of_a_hand_computed_action() -> None:
    # u = 1 under N(0, 1/2): -2 - ln(sqrt(2 pi) / 2); tanh'(1) = 1 / cosh(1)^2.
    # The other control, 0 under N(0, 1), has slope 1.
    policy = SquashedGaussian(torch.tensor([0.0, 0.0]), torch.tensor([0.5, 1.0]).log(), torch.tensor(True))

    logp = policy.log_prob(torch.tensor([1.0, 0.0]))

    first = -2.0 - math.log(math.sqrt(2.0 * math.pi) / 2.0) + 2.0 * math.log(math.cosh(1.0))
    assert logp.item() == pytest.approx(first - math.log(math.sqrt(2.0 * math.pi)), abs=1e-6)


def test_squashed_log_prob__is_exact_where_the_control_is_rounded_to_one() -> None:
    policy = SquashedGaussian(torch.tensor([3.0]), torch.tensor([0.0]), torch.tensor(True))
    action = torch.tensor([12.0])
    assert policy.applied(action).item() == 1.0

    logp = policy.log_prob(action)

    # log(1 - tanh(u)^2) = 2 ln 2 - 2 u, but for e^-24.
    expected = -40.5 - 0.5 * math.log(2.0 * math.pi) - 2.0 * (math.log(2.0) - 12.0)
    assert logp.item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.slow
def test_squashed_entropy__is_that_of_many_samples() -> None:
    policy, num_samples = _gaussian(num=20), 200_000
    uniform = torch.rand(num_samples, 20, 2, generator=torch.Generator().manual_seed(1))

    entropy = policy.entropy()

    surprise = -policy.log_prob(policy.sample(uniform))
    error = surprise.std(dim=0) / math.sqrt(num_samples)
    assert ((entropy - surprise.mean(dim=0)).abs() < 4.0 * error + 1e-4).all()
    assert error.max() < 0.01


@pytest.mark.slow
def test_squashed_entropy__is_integrated_to_five_digits() -> None:
    policy, u = _gaussian(), torch.linspace(-12.0, 12.0, 20_001, dtype=torch.float64)[:, None, None]
    density = Normal(policy.mean.double(), policy.log_std.double().exp()).log_prob(u).exp()
    log_slope = -2.0 * torch.cosh(u).log()

    expected = Normal(policy.mean.double(), policy.log_std.double().exp()).entropy()
    expected = expected + (density * log_slope).sum(dim=0) * (24.0 / 20_000)

    torch.testing.assert_close(policy.entropy().double(), expected.sum(dim=-1), rtol=0, atol=1e-4)


def test_squashed_entropy__has_a_gradient_towards_more_of_it() -> None:
    mean, log_std = torch.tensor([[2.0, -2.0]], requires_grad=True), torch.full((2,), -2.0, requires_grad=True)

    SquashedGaussian(mean, log_std, torch.tensor([True])).entropy().sum().backward()

    assert mean.grad is not None
    assert log_std.grad is not None
    assert mean.grad[0, 0] < 0 < mean.grad[0, 1]
    assert (log_std.grad > 0).all()


def test_squashed_kl__is_that_of_the_normals_and_zero_to_itself() -> None:
    policy, other = _gaussian(seed=0), _gaussian(seed=1)

    divergence = policy.kl(other)

    bases = (_reference(policy).base_dist, _reference(other).base_dist)
    torch.testing.assert_close(divergence.double(), kl_divergence(*bases), rtol=1e-4, atol=1e-4)
    assert (policy.kl(policy) == 0.0).all()


@pytest.mark.parametrize("method", ["log_prob", "entropy", "kl"])
def test_squashed_uav_that_does_not_decide__counts_nothing_exactly(method: str) -> None:
    decides = torch.tensor([True, False])
    policy = SquashedGaussian(torch.randn(2, 2), torch.zeros(2), decides)
    other = SquashedGaussian(torch.randn(2, 2), torch.ones(2), decides)
    arguments: dict[str, tuple[object, ...]] = {"log_prob": (torch.randn(2, 2),), "entropy": (), "kl": (other,)}

    value = getattr(policy, method)(*arguments[method])

    assert value[0] != 0.0
    assert value[1] == 0.0


def test_squashed_sample__has_mean_and_deviation_of_the_normal() -> None:
    policy = SquashedGaussian(torch.tensor([0.7]), torch.tensor([0.3]).log(), torch.tensor(True))

    action = policy.sample(torch.rand(100_000, 1, generator=torch.Generator().manual_seed(0)))

    # Three standard errors: 3 * 0.3 / sqrt(1e5) = 0.003, and 0.002 for the deviation.
    assert action.mean().item() == pytest.approx(0.7, abs=0.003)
    assert action.std().item() == pytest.approx(0.3, abs=0.002)
    assert policy.sample(torch.tensor([[0.5]])).item() == pytest.approx(policy.mode().item(), abs=1e-6)


@pytest.mark.parametrize("uniform", [0.0, 1.0])
def test_squashed_sample__is_finite_at_the_ends_of_the_noise(uniform: float) -> None:
    policy = SquashedGaussian(torch.tensor([0.0]), torch.tensor([0.0]), torch.tensor(True))

    action = policy.sample(torch.tensor([uniform]))

    assert torch.isfinite(policy.log_prob(action))
    assert policy.applied(action).abs() <= 1.0


def test_squashed_sample__does_not_depend_on_the_rest_of_the_batch() -> None:
    policy, noise = _gaussian(num=9), torch.rand(9, 2)
    alone = SquashedGaussian(policy.mean[4:5], policy.log_std[4:5], torch.tensor(True))

    together = policy.sample(noise)

    assert torch.equal(together[4:5], alone.sample(noise[4:5]))


def test_distributions__say_what_noise_they_take() -> None:
    categorical, gaussian = MaskedCategorical(torch.zeros(3, 4, 5)), _gaussian(num=7)
    policies: list[tuple[MaskedCategorical | SquashedGaussian, tuple[int, ...]]] = [
        (categorical, (3, 4, 5)),
        (gaussian, (7, 2)),
    ]

    for policy, shape in policies:
        action: Tensor = policy.sample(torch.rand(policy.noise_shape))
        assert policy.noise_shape == shape
        assert policy.log_prob(action).shape == shape[:-1]
        assert action.shape == policy.mode().shape
