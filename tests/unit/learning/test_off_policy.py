"""Rows of older weights: what the network says of them now, how much they count, and what is learnt from them."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from rl_cluster.config.schema import PPOConfig
from rl_cluster.learning.batch import make_train_batch
from rl_cluster.learning.off_policy import Current, effective_share, evaluate_current, importance
from rl_cluster.learning.ppo import PPOSample, PPOWeights, ppo_loss
from rl_cluster.learning.ranks import Alone
from rl_cluster.learning.update import Updater
from rl_cluster.learning.vtrace import vtrace
from rl_cluster.model.distributions import MaskedCategorical
from rl_cluster.model.transformer_gnn import PolicyOutput, TransformerGNN
from rl_cluster.types import Controls, Fragment, Observation

TASKS = pytest.mark.parametrize("task", ["allocate", "navigate"])


@pytest.fixture
def acted(
    make_fragment: Callable[..., Fragment],
    make_model: Callable[..., TransformerGNN],
    make_observation: Callable[..., Observation[Tensor]],
    request: pytest.FixtureRequest,
) -> tuple[TransformerGNN, Fragment]:
    """A model, and 3 steps of 4 worlds in which it has acted."""
    task = getattr(request, "param", "allocate")
    model = make_model(task=task)
    return model, make_fragment(model, make_observation(num_graphs=12, task=task), 3)


@pytest.mark.parametrize("acted", ["allocate", "navigate"], indirect=True)
def test_weights_that_have_acted__say_what_they_said(acted: tuple[TransformerGNN, Fragment]) -> None:
    model, fragment = acted

    current = evaluate_current(model, fragment)

    decides = fragment.observation.decides
    np.testing.assert_allclose(current.logp_TBN[decides], fragment.logp[decides], atol=1e-5)
    np.testing.assert_allclose(current.value_TBN, fragment.value, atol=1e-5)
    assert not current.logp_TBN[~decides].any()


def test_values__of_successors_are_those_of_the_next_step(acted: tuple[TransformerGNN, Fragment]) -> None:
    model, fragment = acted

    current = evaluate_current(model, fragment)

    for t in range(3):
        for world in range(4):
            known = current.value_TBN[t + 1, world] if t < 2 else fragment.next_value[t, world]
            expected = np.zeros_like(known) if fragment.ended[t, world] else known
            np.testing.assert_array_equal(current.next_value_TBN[t, world], expected)


def test_batch__of_fragments_by_the_same_weights_is_the_plain_one(
    acted: tuple[TransformerGNN, Fragment], ppo: PPOConfig
) -> None:
    _, fragment = acted
    plain, corrected = make_train_batch([fragment], ppo), make_train_batch([fragment], ppo, [None])

    assert plain.start_logp_KN is None
    assert corrected.start_logp_KN is not None
    torch.testing.assert_close(corrected.start_logp_KN, plain.logp_KN, rtol=0, atol=0)
    for one, other in ((plain.advantage_KN, corrected.advantage_KN), (plain.value_KN, corrected.value_KN)):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_batch__of_older_weights_has_the_estimates_of_vtrace(
    acted: tuple[TransformerGNN, Fragment], make_model: Callable[..., TransformerGNN], ppo: PPOConfig
) -> None:
    _, fragment = acted
    current = evaluate_current(make_model(seed=9), fragment)

    batch = make_train_batch([fragment, fragment], ppo, [None, current])

    ratio = importance(current.logp_TBN, fragment.logp)
    values = current.value_TBN, current.next_value_TBN
    advantage, target = vtrace(fragment.reward, *values, fragment.ended, ratio, ppo.gamma, ppo.gae_lambda)
    rows = slice(12, None)
    for column, expected in ((batch.advantage_KN, advantage), (batch.value_target_KN, target)):
        np.testing.assert_array_equal(column[rows], expected.swapaxes(0, 1).reshape(12, -1))
    np.testing.assert_array_equal(batch.value_KN[rows], current.value_TBN.swapaxes(0, 1).reshape(12, -1))
    assert batch.start_logp_KN is not None
    np.testing.assert_array_equal(batch.start_logp_KN[rows], current.logp_TBN.swapaxes(0, 1).reshape(12, -1))


def test_importance__is_finite_however_unlikely_a_choice_was() -> None:
    ratio = importance(np.array([0.0, -300.0, 0.0]), np.array([-300.0, 0.0, 0.0]))

    assert np.isfinite(ratio).all()
    assert ratio[2] == 1.0


def test_effective_share__by_hand() -> None:
    """Weights 1 and 3 of two choices: 4^2 / (2 * 10); the third UAV did not choose."""
    start = torch.tensor([[0.0, math.log(3.0), 5.0]])
    decides = torch.tensor([[True, True, False]])

    assert effective_share(start, torch.zeros(1, 3), decides, Alone()) == pytest.approx(0.8)
    assert effective_share(start, start, decides, Alone()) == pytest.approx(1.0)
    assert effective_share(start, start, torch.zeros_like(decides), Alone()) == 1.0


def _loss_and_gradient(start_logp: Tensor | None, logp: Tensor) -> tuple[float, Tensor]:
    """The loss of two UAVs with advantages 2 and -1 whose policy is (1/2, 1/2); both took action 0."""
    logits = torch.zeros(1, 2, 2, requires_grad=True)
    yes = torch.ones(1, 2, dtype=torch.bool)
    sample = PPOSample(
        action=torch.zeros(1, 2, dtype=torch.int16),
        logp_BN=logp,
        advantage_BN=torch.tensor([[2.0, -1.0]]),
        value_target_BN=torch.zeros(1, 2),
        decides_BN=yes,
        exists_BN=yes,
        start_logp_BN=start_logp,
    )
    weights = PPOWeights(0.2, 0.0, 0.0, 0.0, 2.0, 2.0)
    loss, _ = ppo_loss(PolicyOutput(MaskedCategorical(logits), torch.zeros(1, 2)), sample, weights)
    loss.backward()
    assert logits.grad is not None
    return loss.item(), logits.grad


def test_loss__of_fresh_rows_is_ppos() -> None:
    logp = torch.full((1, 2), math.log(0.5))

    plain, corrected = _loss_and_gradient(None, logp), _loss_and_gradient(logp, logp)

    assert corrected[0] == plain[0]
    torch.testing.assert_close(corrected[1], plain[1], rtol=0, atol=0)


def test_loss__of_older_rows_weighs_each_choice_by_how_likely_it_is_now_and_clips_none_at_first() -> None:
    """mu(a) was 1/4 and 1: weights min(1, 2) = 1 and 1/2. Around the older policy both would be clipped."""
    start = torch.full((1, 2), math.log(0.5))

    loss, gradient = _loss_and_gradient(start, torch.tensor([[math.log(0.25), 0.0]]))

    assert loss == pytest.approx(-(1.0 * 2.0 - 0.5 * 1.0) / 2)
    assert gradient[0, :, 0].tolist() == pytest.approx([-1.0 * 2.0 * 0.5 / 2, 0.5 * 1.0 * 0.5 / 2])


def test_update__on_older_rows_moves_from_the_current_policy_and_tells_how_much_the_rows_count(
    acted: tuple[TransformerGNN, Fragment], make_model: Callable[..., TransformerGNN], ppo: PPOConfig
) -> None:
    model, fragment = acted
    newer = make_model(seed=9)
    controls = Controls(1e-3, 0.0, 0.0)

    def update(current: Current | None) -> dict[str, float]:
        batch = make_train_batch([fragment], ppo, None if current is None else [current])
        learner = make_model(seed=9)
        return Updater(learner, replace_minibatch(ppo), torch.device("cpu"), 4).update(batch, controls, 0, 0)

    corrected, uncorrected = update(evaluate_current(newer, fragment)), update(None)

    assert corrected["first_ratio_deviation"] < 1e-4 < uncorrected["first_ratio_deviation"]
    assert 0.0 < corrected["effective_sample_share"] < 1.0
    assert "effective_sample_share" not in uncorrected
    same = make_train_batch([fragment], ppo, [evaluate_current(model, fragment)])
    assert effective_share(
        same.start_logp_KN if same.start_logp_KN is not None else same.logp_KN, same.logp_KN, same.decides_KN, Alone()
    ) == pytest.approx(1.0, abs=1e-4)


def replace_minibatch(ppo: PPOConfig) -> PPOConfig:
    """Minibatches of the few rows here."""
    return ppo.model_copy(update={"minibatch_rows": 12})
