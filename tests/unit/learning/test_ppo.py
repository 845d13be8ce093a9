"""The loss against numbers by hand; which UAVs count in it; what its gradient does."""

import math

import pytest
import torch
from torch import Tensor

from rl_cluster.learning.ppo import PPOSample, PPOWeights, explained_variance, ppo_loss
from rl_cluster.learning.ranks import Alone
from rl_cluster.model.distributions import MaskedCategorical, SquashedGaussian
from rl_cluster.model.transformer_gnn import PolicyOutput


def _probabilities(*rows: list[float]) -> Tensor:
    """(1, N, A) logits of a policy with these probabilities."""
    return torch.tensor([rows]).log().requires_grad_()


def _sample(
    logits: Tensor, ratios: list[float], advantages: list[float], decides: list[bool], exists: list[bool] | None = None
) -> PPOSample:
    """A sample of action 0 whose ratios to the given policy are as given; value targets 1, 2, 3..."""
    logp_BN = logits.detach().log_softmax(-1)[..., 0] - torch.tensor([ratios]).log()
    return PPOSample(
        action=torch.zeros(1, len(ratios), dtype=torch.int16),
        logp_BN=logp_BN,
        advantage_BN=torch.tensor([advantages]),
        value_target_BN=torch.arange(1.0, len(ratios) + 1).unsqueeze(0),
        decides_BN=torch.tensor([decides]),
        exists_BN=torch.tensor([exists or [True] * len(ratios)]),
    )


def _cut(sample: PPOSample, part: slice) -> PPOSample:
    return PPOSample(*(x[part] for x in sample if x is not None))


def test_imitation__of_three_uavs_by_hand() -> None:
    """-(ln 1/4 + ln 1/2) / 2: the third was not searched, and the advantages of all are 0."""
    logits = _probabilities([0.75, 0.25], [0.5, 0.5], [0.5, 0.5])
    plain = _sample(logits, [1.0] * 3, [0.0] * 3, [True] * 3)
    sample = plain._replace(expert_BN=torch.tensor([[1, 0, -1]]), imitates_BN=torch.tensor([[True, True, False]]))
    weights = PPOWeights(0.2, 0.0, 0.0, 0.0, 3.0, 3.0, imitation_weight=0.5, num_imitating=2.0)

    loss, statistics = ppo_loss(PolicyOutput(MaskedCategorical(logits), torch.zeros(1, 3)), sample, weights)
    loss.backward()

    expected = (math.log(4.0) + math.log(2.0)) / 2
    assert statistics["imitation_loss"].item() == pytest.approx(expected)
    assert loss.item() == pytest.approx(0.5 * expected)
    assert logits.grad is not None
    assert logits.grad[0, 0, 1] < 0 < logits.grad[0, 0, 0]
    assert logits.grad[0, 2].tolist() == [0.0, 0.0]


def test_loss__of_three_uavs_by_hand() -> None:
    logits = _probabilities([0.5, 0.5], [0.25, 0.75], [0.5, 0.5])
    sample = _sample(logits, [1.5, 0.5, 9.0], [2.0, -1.0, 5.0], [True, True, False])
    weights = PPOWeights(
        clip=0.2, value_weight=0.5, entropy_weight=0.01, kl_weight=0.7, num_deciding=2.0, num_existing=3.0
    )

    loss, statistics = ppo_loss(
        PolicyOutput(MaskedCategorical(logits), torch.tensor([[0.0, 2.0, 1.0]])), sample, weights
    )

    # UAV 0: min(1.5 * 2, 1.2 * 2) = 2.4.  UAV 1: min(.5 * -1, .8 * -1) = -.8.  UAV 2 does not decide.
    # policy_loss = -(2.4 - .8) / 2 = -.8.
    # value errors -1, 0, -2: (1 + 0 + 4) / 2 / 3 = 5/6.
    # entropy = (ln 2 + H(1/4)) / 2, H(1/4) = ln 4 - 3/4 ln 3.
    entropy = (math.log(2.0) + math.log(4.0) - 0.75 * math.log(3.0)) / 2
    # k3: (1.5 - 1 - ln 1.5 + .5 - 1 - ln .5) / 2 = -ln(.75) / 2. Both ratios are off by more than .2.
    expected = {
        "policy_loss": -0.8,
        "value_loss": 5.0 / 6.0,
        "entropy": entropy,
        "approx_kl": -math.log(0.75) / 2,
        "clip_fraction": 1.0,
        "imitation_loss": 0.0,
        "ratio_deviation": 0.5,
    }
    assert {name: value.item() for name, value in statistics.items()} == pytest.approx(expected, abs=1e-6)
    penalty = 0.7 * expected["approx_kl"]
    assert loss.item() == pytest.approx(-0.8 + 0.5 * 5.0 / 6.0 - 0.01 * entropy + penalty, abs=1e-6)


def test_loss__of_parts_adds_up_to_that_of_the_whole() -> None:
    torch.manual_seed(0)
    logits, value = torch.randn(6, 4, 3), torch.randn(6, 4)
    sample = PPOSample(
        action=torch.randint(3, (6, 4)),
        logp_BN=-torch.rand(6, 4),
        advantage_BN=torch.randn(6, 4),
        value_target_BN=torch.randn(6, 4),
        decides_BN=torch.rand(6, 4) < 0.5,
        exists_BN=torch.rand(6, 4) < 0.8,
        expert_BN=torch.randint(-1, 3, (6, 4)),
        imitates_BN=torch.rand(6, 4) < 0.5,
    )
    assert sample.imitates_BN is not None
    counts = [float(mask.sum()) for mask in (sample.decides_BN, sample.exists_BN, sample.imitates_BN)]
    weights = PPOWeights(0.2, 0.5, 0.01, 0.3, counts[0], counts[1], 0.4, counts[2])

    whole, _ = ppo_loss(PolicyOutput(MaskedCategorical(logits), value), sample, weights)

    parts = [slice(0, 1), slice(1, 4), slice(4, 6)]
    losses = [
        ppo_loss(PolicyOutput(MaskedCategorical(logits[part]), value[part]), _cut(sample, part), weights)[0]
        for part in parts
    ]
    torch.testing.assert_close(sum(losses), whole)


def test_gradient__pushes_towards_good_actions_and_stops_where_clipped() -> None:
    logits = _probabilities([0.5, 0.5], [0.5, 0.5], [0.5, 0.5], [0.5, 0.5])
    sample = _sample(logits, [1.0, 1.0, 1.3, 0.7], [1.0, -1.0, 1.0, -1.0], [True] * 4)

    loss, _ = ppo_loss(
        PolicyOutput(MaskedCategorical(logits), torch.zeros(1, 4)), sample, PPOWeights(0.2, 0.0, 0.0, 0.0, 4.0, 4.0)
    )
    loss.backward()

    assert logits.grad is not None
    down_N = logits.grad[0, :, 0]
    assert down_N[0] < 0 < down_N[1]
    assert down_N[2:].tolist() == [0.0, 0.0]


def test_loss__of_controls_by_hand() -> None:
    # Old policy N(0, 1), new one N(1/2, 1), one control: ln rho(u) = (u^2 - (u - 1/2)^2) / 2 = u / 2 - 1/8.
    mean = torch.tensor([[[0.5], [0.5], [0.5]]])
    decides = torch.tensor([[True, True, False]])
    action = torch.tensor([[[0.5], [-0.75], [9.0]]])
    old = SquashedGaussian(torch.zeros(1, 3, 1), torch.zeros(1), decides)
    sample = PPOSample(
        action=action,
        logp_BN=old.log_prob(action),
        advantage_BN=torch.tensor([[2.0, -1.0, 7.0]]),
        value_target_BN=torch.zeros(1, 3),
        decides_BN=decides,
        exists_BN=decides,
    )
    policy = SquashedGaussian(mean, torch.zeros(1), decides)

    _, statistics = ppo_loss(PolicyOutput(policy, torch.zeros(1, 3)), sample, PPOWeights(0.2, 0.5, 0.0, 0.0, 2.0, 2.0))

    # rho = e^.125 = 1.133 (not clipped) and e^-.5 = .607 (clipped to .8, and the worse of the two counts).
    assert statistics["policy_loss"].item() == pytest.approx(-(2.0 * math.exp(0.125) - 0.8) / 2, abs=1e-6)
    assert statistics["clip_fraction"].item() == pytest.approx(0.5)
    assert statistics["ratio_deviation"].item() == pytest.approx(1.0 - math.exp(-0.5), abs=1e-6)


def test_uavs_that_do_not_exist__count_nowhere() -> None:
    logits = _probabilities([0.5, 0.5], [0.5, 0.5])
    weights = PPOWeights(0.2, 1.0, 0.1, 0.0, 1.0, 1.0)
    sample = _sample(logits, [1.1, 1.0], [1.0, 3.0], [True, False], [True, False])
    wild = sample._replace(
        advantage_BN=torch.tensor([[1.0, 1e30]]),
        logp_BN=sample.logp_BN - torch.tensor([[0.0, 500.0]]),
        value_target_BN=torch.tensor([[1.0, torch.inf]]),
    )

    loss, _ = ppo_loss(PolicyOutput(MaskedCategorical(logits), torch.zeros(1, 2)), sample, weights)
    wild_loss, _ = ppo_loss(PolicyOutput(MaskedCategorical(logits), torch.zeros(1, 2)), wild, weights)

    assert torch.equal(loss, wild_loss)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([1.0, 2.0, 3.0], 1.0),
        # A constant offset is no unexplained variance.
        ([4.0, 5.0, 6.0], 1.0),
        ([2.0, 2.0, 2.0], 0.0),
        # Residuals 2, 0, -2 have four times the variance of the targets: 1 - 4.
        ([3.0, 2.0, 1.0], -3.0),
    ],
)
def test_explained_variance__by_hand(value: list[float], expected: float) -> None:
    target = torch.tensor([1.0, 2.0, 3.0, 50.0])
    mask = torch.tensor([True, True, True, False])

    explained = explained_variance(torch.tensor([*value, 0.0]), target, mask, Alone())

    assert explained.item() == pytest.approx(expected, abs=1e-6)


def test_explained_variance__of_constant_targets_is_zero() -> None:
    assert explained_variance(torch.randn(5), torch.ones(5), torch.ones(5, dtype=torch.bool), Alone()).item() == 0.0


def test_penalty__has_the_gradient_of_the_exact_divergence() -> None:
    torch.manual_seed(2)
    old, logits = torch.randn(1, 1, 4), torch.randn(1, 1, 4, requires_grad=True)
    new = MaskedCategorical(logits)
    (exact,) = torch.autograd.grad((old.softmax(-1) * (old.log_softmax(-1) - logits.log_softmax(-1))).sum(), logits)

    # the mean over all actions, each as often as the old policy takes it
    estimate = torch.zeros_like(logits)
    for action in range(4):
        share = old.softmax(-1)[0, 0, action]
        sample = PPOSample(
            action=torch.tensor([[action]]),
            logp_BN=share.log().view(1, 1),
            advantage_BN=torch.zeros(1, 1),
            value_target_BN=torch.zeros(1, 1),
            decides_BN=torch.ones(1, 1, dtype=torch.bool),
            exists_BN=torch.ones(1, 1, dtype=torch.bool),
        )
        loss, _ = ppo_loss(PolicyOutput(new, torch.zeros(1, 1)), sample, PPOWeights(0.2, 0.0, 0.0, 1.0, 1.0, 1.0))
        estimate += share * torch.autograd.grad(loss, logits, retain_graph=True)[0]

    torch.testing.assert_close(estimate, exact)
