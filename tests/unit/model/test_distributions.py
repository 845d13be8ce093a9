"""Illegal actions never happen, and what is left is an ordinary categorical."""

import math

import pytest
import torch

from rl_cluster.model.distributions import MaskedCategorical


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
    assert policy.argmax().item() == 1
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
