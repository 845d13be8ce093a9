"""The update learns, repeats itself, goes on from a saved state, and does not break on bad numbers."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from rl_cluster.config.schema import PPOConfig
from rl_cluster.errors import ConfigError
from rl_cluster.learning import update
from rl_cluster.learning.batch import TrainBatch, make_train_batch
from rl_cluster.learning.update import Updater
from rl_cluster.model.transformer_gnn import TransformerGNN
from rl_cluster.schedulers.learning_rate import schedule
from rl_cluster.types import Fragment, Observation

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")
ObservationFactory = Callable[..., Observation[Tensor]]
ModelFactory = Callable[..., TransformerGNN]
FragmentFactory = Callable[..., Fragment]


@pytest.fixture
def batch(
    make_fragment: FragmentFactory, make_model: ModelFactory, make_observation: ObservationFactory, ppo: PPOConfig
) -> TrainBatch:
    """48 rows that `make_model()` sampled."""
    return make_train_batch([make_fragment(make_model(), make_observation(num_graphs=48), 4)], ppo)


def _weights(model: TransformerGNN) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


@pytest.mark.parametrize("task", ["allocate", "navigate"])
@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-5), ("bf16", 1e-4)])
def test_first_minibatch__finds_the_rollouts_log_probabilities(
    make_fragment: FragmentFactory,
    make_model: ModelFactory,
    make_observation: ObservationFactory,
    ppo: PPOConfig,
    precision: str,
    tolerance: float,
    task: str,
) -> None:
    model = make_model(precision=precision, width=64, task=task)
    observation = make_observation(num_graphs=64, padded=(8, 8, 2), task=task)
    batch = make_train_batch([make_fragment(model, observation)], ppo)

    statistics = Updater(model, ppo, CPU).update(batch, schedule(ppo, 0.0), seed=0, iteration=0)

    assert statistics["first_ratio_deviation"] < tolerance


def test_update__learns_to_take_the_nearest_candidate(
    make_fragment: FragmentFactory, make_model: ModelFactory, make_observation: ObservationFactory, ppo: PPOConfig
) -> None:
    config = ppo.model_copy(update={"lr": (1e-2, 1e-3), "minibatch_rows": 32})
    model = make_model()
    updater = Updater(model, config, CPU)

    def observe(seed: int) -> Observation[Tensor]:
        observation = make_observation(num_graphs=64, seed=seed)
        rank_C = torch.arange(observation.pair.shape[2]).float()
        observation.pair[..., 0] = rank_C  # candidates stand by rising distance
        return observation

    for iteration in range(20):
        fragment = make_fragment(
            model, observe(iteration), seed=iteration, reward=lambda action: (action == 1).float(), ended_share=1.0
        )
        updater.update(
            make_train_batch([fragment], config), schedule(config, iteration / 20), seed=0, iteration=iteration
        )

    unseen = observe(seed=1000)
    takes_nearest = model(unseen).policy.mode()[unseen.decides] == 1
    assert takes_nearest.float().mean() > 0.95


def test_update__learns_controls_from_features_and_encounters(
    make_fragment: FragmentFactory, make_model: ModelFactory, make_observation: ObservationFactory, ppo: PPOConfig
) -> None:
    config = ppo.model_copy(update={"lr": (1e-2, 1e-3), "minibatch_rows": 64})
    model = make_model(task="navigate")
    updater = Updater(model, config, CPU)

    def observe(seed: int) -> tuple[Observation[Tensor], Tensor]:
        """The second feature of a UAV, and the first one of its nearest body, are what its controls should be."""
        observation = make_observation(num_graphs=64, seed=seed, num_candidates=1, task="navigate")
        return observation, 0.8 * torch.stack([observation.uav[..., 1], observation.pair[..., 0, 0]], dim=-1).tanh()

    def loss(u: Tensor, wanted: Tensor) -> Tensor:
        return (u.tanh() - wanted).square().sum(dim=-1)

    for iteration in range(40):
        observation, wanted = observe(iteration)
        fragment = make_fragment(
            model,
            observation,
            seed=iteration,
            reward=lambda u, wanted=wanted: -loss(u, wanted),
            ended_share=1.0,
        )
        updater.update(
            make_train_batch([fragment], config), schedule(config, iteration / 40), seed=0, iteration=iteration
        )

    unseen, wanted = observe(seed=1000)
    error = loss(model(unseen).policy.mode(), wanted)[unseen.decides].mean().item()
    constant = loss(torch.zeros_like(wanted), wanted)[unseen.decides].mean().item()
    assert error < 0.1 * constant


def test_update__learns_the_value_in_reward_units(
    make_fragment: FragmentFactory, make_model: ModelFactory, make_observation: ObservationFactory, ppo: PPOConfig
) -> None:
    model = make_model()
    config = ppo.model_copy(update={"lr": (1e-2, 1e-2)})
    updater = Updater(model, config, CPU)
    for iteration in range(12):
        observation = make_observation(num_graphs=64, seed=iteration)
        reward = 50.0 + 10.0 * observation.uav[..., 0]
        fragment = make_fragment(
            model, observation, reward=lambda _, reward=reward: reward, ended_share=1.0, seed=iteration
        )
        statistics = updater.update(
            make_train_batch([fragment], ppo), schedule(config, 0.0), seed=0, iteration=iteration
        )

    assert statistics["explained_variance"] > 0.8
    assert abs(model.denormalise(model(observation).value_BN)[observation.mask[:, :5]].mean().item() - 50.0) < 5.0


def test_update__repeats_itself_bit_for_bit(make_model: ModelFactory, ppo: PPOConfig, batch: TrainBatch) -> None:
    results = []
    for _ in range(2):
        model = make_model()
        statistics = Updater(model, ppo, CPU).update(batch, schedule(ppo, 0.0), seed=3, iteration=7)
        results.append((statistics, _weights(model)))

    assert results[0][0] == results[1][0]
    torch.testing.assert_close(results[0][1], results[1][1], rtol=0, atol=0)


@pytest.mark.parametrize("key", [{"seed": 4, "iteration": 7}, {"seed": 3, "iteration": 8}])
def test_update__orders_rows_by_seed_and_iteration(
    make_model: ModelFactory, ppo: PPOConfig, batch: TrainBatch, key: dict[str, int]
) -> None:
    model, other = make_model(), make_model()

    Updater(model, ppo, CPU).update(batch, schedule(ppo, 0.0), seed=3, iteration=7)
    Updater(other, ppo, CPU).update(batch, schedule(ppo, 0.0), **key)

    assert not torch.equal(model.norm.weight, other.norm.weight)


def test_minibatch__has_the_same_gradient_in_parts_and_as_a_whole(
    make_model: ModelFactory, ppo: PPOConfig, batch: TrainBatch
) -> None:
    gradients = []
    for part_rows in (4, 48):
        model = make_model()
        config = ppo.model_copy(update={"num_epochs": 1, "minibatch_rows": 48})
        updater = Updater(model, config, CPU, part_rows)
        updater.update(batch, schedule(config, 0.0), seed=0, iteration=0)
        gradients.append({name: parameter.grad for name, parameter in model.named_parameters()})

    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-4, atol=1e-6)


def test_saved_state__goes_on_as_if_never_interrupted(
    make_model: ModelFactory, ppo: PPOConfig, batch: TrainBatch
) -> None:
    model = make_model()
    updater = Updater(model, ppo, CPU)
    updater.update(batch, schedule(ppo, 0.0), seed=0, iteration=0)
    weights, state = _weights(model), updater.state_dict()
    updater.update(batch, schedule(ppo, 0.5), seed=0, iteration=1)

    resumed = make_model(seed=9)
    resumed.load_state_dict(weights)
    resumed_updater = Updater(resumed, ppo, CPU)
    resumed_updater.load_state_dict(state)
    resumed_updater.update(batch, schedule(ppo, 0.5), seed=0, iteration=1)

    torch.testing.assert_close(_weights(resumed), _weights(model), rtol=0, atol=0)


def test_state__is_a_flat_dictionary_of_copies(make_model: ModelFactory, ppo: PPOConfig, batch: TrainBatch) -> None:
    updater = Updater(make_model(), ppo, CPU)
    assert updater.state_dict() == {}
    updater.update(batch, schedule(ppo, 0.0), seed=0, iteration=0)

    state = updater.state_dict()
    before = {name: tensor.clone() for name, tensor in state.items()}
    updater.update(batch, schedule(ppo, 0.0), seed=0, iteration=1)

    # 48 rows in minibatches of 16, two epochs.
    assert state["norm.weight.step"].item() == 6.0
    torch.testing.assert_close(state, before, rtol=0, atol=0)


def test_loading_an_empty_state__forgets_the_moments(
    make_model: ModelFactory, ppo: PPOConfig, batch: TrainBatch
) -> None:
    updater = Updater(make_model(), ppo, CPU)
    updater.update(batch, schedule(ppo, 0.0), seed=0, iteration=0)

    updater.load_state_dict({})

    assert updater.state_dict() == {}


def test_state_of_another_network__is_refused(make_model: ModelFactory, ppo: PPOConfig, batch: TrainBatch) -> None:
    updater = Updater(make_model(), ppo, CPU)
    updater.update(batch, schedule(ppo, 0.0), seed=0, iteration=0)
    state = updater.state_dict()
    del state["norm.weight.exp_avg"]

    with pytest.raises(ValueError, match=r"norm\.weight\.exp_avg is missing or unknown"):
        updater.load_state_dict(state)


def test_gradients_that_are_not_finite__are_skipped_and_counted(
    make_model: ModelFactory, ppo: PPOConfig, batch: TrainBatch
) -> None:
    model = make_model()
    updater = Updater(model, ppo, CPU)
    logp_KN = batch.logp_KN.clone()
    logp_KN[batch.decides_KN] = -torch.inf

    statistics = updater.update(replace(batch, logp_KN=logp_KN), schedule(ppo, 0.0), seed=0, iteration=0)

    assert statistics["skipped_updates"] == 6.0
    assert math.isnan(statistics["policy_loss"])
    assert updater.state_dict() == {}
    assert all(torch.isfinite(tensor).all() for tensor in model.state_dict().values())


def test_one_bad_minibatch__leaves_the_others_and_their_means(
    make_model: ModelFactory, ppo: PPOConfig, batch: TrainBatch
) -> None:
    logp_KN = batch.logp_KN.clone()
    row, uav = batch.decides_KN.nonzero()[0].tolist()
    logp_KN[row, uav] = -torch.inf

    statistics = Updater(make_model(), ppo, CPU).update(
        replace(batch, logp_KN=logp_KN), schedule(ppo, 0.0), seed=0, iteration=0
    )

    # The row comes once an epoch, and there are two.
    assert statistics["skipped_updates"] == 2.0
    assert all(math.isfinite(statistics[name]) for name in ("policy_loss", "grad_norm", "approx_kl"))


@pytest.mark.parametrize(("progress", "lr"), [(0.0, 1e-3), (0.5, 5.5e-4), (1.0, 1e-4)])
def test_learning_rate__moves_linearly(
    make_model: ModelFactory, ppo: PPOConfig, batch: TrainBatch, progress: float, lr: float
) -> None:
    updater = Updater(make_model(), ppo, CPU)

    statistics = updater.update(batch, schedule(ppo, progress), seed=0, iteration=0)

    assert statistics["lr"] == pytest.approx(lr)
    assert updater.optimizer.param_groups[0]["lr"] == pytest.approx(lr)


def test_penalty_on_kl__keeps_the_policy_near(make_model: ModelFactory, ppo: PPOConfig, batch: TrainBatch) -> None:
    config = ppo.model_copy(update={"lr": (1e-2, 1e-2), "num_epochs": 6})
    kls = []
    for weight in (0.0, 1.0, 10.0):
        controls = schedule(config, 0.0)._replace(kl_weight=weight)
        statistics = Updater(make_model(), config, CPU).update(batch, controls, seed=0, iteration=0)
        assert statistics["kl_weight"] == weight
        kls.append(statistics["last_epoch_kl"])

    assert kls[0] > 1.5 * kls[1] > 1.5 * 1.5 * kls[2] > 0.0


def test_entropy_weight__moves_from_its_first_to_its_last_value(
    make_model: ModelFactory, ppo: PPOConfig, batch: TrainBatch
) -> None:
    config = ppo.model_copy(update={"entropy_weight": (100.0, 0.0), "num_epochs": 2, "lr": (1e-2, 1e-2)})

    entropies = [
        Updater(make_model(), config, CPU).update(batch, schedule(config, progress), seed=0, iteration=0)["entropy"]
        for progress in (0.0, 1.0)
    ]

    assert entropies[0] > entropies[1]


def _standardised(batch: TrainBatch, model: TransformerGNN, ppo: PPOConfig) -> Tensor:
    return Updater(model, ppo, CPU)._standardise(batch).advantage_KN


def test_advantages__are_standardised_over_deciding_uavs(
    batch: TrainBatch, make_model: ModelFactory, ppo: PPOConfig
) -> None:
    chosen = batch.advantage_KN[batch.decides_KN]

    standardised = _standardised(batch, make_model(), ppo)[batch.decides_KN]

    expected = (chosen - chosen.mean()) / chosen.std(correction=0)
    torch.testing.assert_close(standardised, expected, rtol=1e-4, atol=1e-5)


def test_advantages__stay_finite_where_nobody_decides_or_all_are_equal(
    batch: TrainBatch, make_model: ModelFactory, ppo: PPOConfig
) -> None:
    idle = replace(batch, observation=batch.observation._replace(decides=torch.zeros_like(batch.decides_KN)))
    equal = replace(batch, advantage_KN=torch.full_like(batch.advantage_KN, 3.0))

    assert torch.isfinite(_standardised(idle, make_model(), ppo)).all()
    assert _standardised(equal, make_model(), ppo).abs().max() == 0.0


def test_value_statistics__are_those_of_uavs_that_exist(
    batch: TrainBatch, make_model: ModelFactory, ppo: PPOConfig
) -> None:
    model = make_model()

    Updater(model, ppo, CPU)._standardise(batch)

    targets = batch.value_target_KN[batch.exists_KN]
    mean, std = model.value_head.popart.moments()
    torch.testing.assert_close(mean, targets.mean(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(std, targets.std(correction=0), rtol=1e-4, atol=1e-5)
    nobody = replace(batch, observation=batch.observation._replace(mask=torch.zeros_like(batch.observation.mask)))
    Updater(model, ppo, CPU)._standardise(nobody)
    assert torch.equal(model.value_head.popart.moments()[0], mean)


def test_parts__that_fit_into_less_memory_learn_the_same(
    batch: TrainBatch, make_model: ModelFactory, ppo: PPOConfig
) -> None:
    config = ppo.model_copy(update={"num_epochs": 1, "minibatch_rows": 48})
    whole, cut = make_model(), make_model()

    expected = Updater(whole, config, CPU).update(batch, schedule(config, 0.0), seed=0, iteration=0)
    updater = Updater(cut, config, CPU, part_rows=7)
    statistics = updater.update(batch, schedule(config, 0.0), seed=0, iteration=0)

    assert (expected["part_rows"], statistics["part_rows"]) == (48.0, 7.0)
    for name, weight in whole.state_dict().items():
        torch.testing.assert_close(cut.state_dict()[name], weight, rtol=0, atol=1e-5, msg=name)
    resumed = Updater(make_model(), config, CPU)
    resumed.load_state_dict(updater.state_dict())
    assert resumed.part_rows == 7


def test_parts__are_found_without_a_trace(batch: TrainBatch, make_model: ModelFactory, ppo: PPOConfig) -> None:
    """Trials leave weights, optimizer and gradients alone."""
    found, given = make_model(), make_model()
    updater = Updater(found, ppo, CPU)

    updater.update(batch, schedule(ppo, 0.0), seed=0, iteration=0)
    Updater(given, ppo, CPU, part_rows=ppo.minibatch_rows).update(batch, schedule(ppo, 0.0), seed=0, iteration=0)

    assert updater.part_rows == ppo.minibatch_rows
    assert all(torch.equal(weight, given.state_dict()[name]) for name, weight in found.state_dict().items())


def test_parts__are_refused_where_memory_holds_none(
    batch: TrainBatch, make_model: ModelFactory, ppo: PPOConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(update, "available_bytes", lambda device: 100)
    weights = _weights(model := make_model())

    with pytest.raises(ConfigError, match=r"learners: a step of training on one graph takes"):
        Updater(model, ppo, CPU).update(batch, schedule(ppo, 0.0), seed=0, iteration=0)

    assert all(
        torch.equal(weights[name], weight) for name, weight in model.state_dict().items() if "popart" not in name
    )
