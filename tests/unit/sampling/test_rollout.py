"""Rollouts: same seed, same columns, however the worlds are shared out; the learner sees what the policy saw."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from rl_cluster.config.schema import Config
from rl_cluster.learning.batch import make_train_batch
from rl_cluster.learning.update import Updater
from rl_cluster.sampling.rollout import Rollout, make_rollout
from rl_cluster.training.engine import make_model
from rl_cluster.types import Fragment


def _with_sampling(config: Config, **values: int) -> Config:
    return config.model_copy(update={"sampling": config.sampling.model_copy(update=values)})


def _columns(fragment: Fragment) -> dict[str, NDArray[Any]]:
    names = ("action", "logp", "value", "next_value", "reward", "ended")
    return {name: getattr(fragment, name) for name in names} | fragment.observation._asdict()


@pytest.fixture
def rollout(tiny: Config) -> Rollout:
    return make_rollout(_with_sampling(tiny, worlds_per_runner=6), 0, make_model(tiny))


def test_rollout__same_seed_same_columns(tiny: Config, rollout: Rollout) -> None:
    again = make_rollout(_with_sampling(tiny, worlds_per_runner=6), 0, make_model(tiny))

    first, second = _columns(rollout.sample(8)), _columns(again.sample(8))

    for name, column in first.items():
        assert np.array_equal(column, second[name]), name


def test_rollout__worlds_play_the_same_however_runners_share_them(tiny: Config, rollout: Rollout) -> None:
    shared = _with_sampling(tiny, worlds_per_runner=3)
    model = make_model(tiny)

    whole = _columns(rollout.sample(8))
    parts = [_columns(make_rollout(shared, runner, model).sample(8)) for runner in (0, 1)]

    for name, column in whole.items():
        joined = np.concatenate([part[name] for part in parts], axis=1)
        assert np.allclose(joined, column, atol=1e-5), name


def test_rollout__goes_on_from_its_state_as_if_it_had_never_stopped(tiny: Config, rollout: Rollout) -> None:
    rollout.sample(5)
    state = rollout.state_dict()
    other = make_rollout(_with_sampling(tiny, worlds_per_runner=6), 0, make_model(tiny))
    other.load_state_dict(state)

    expected, resumed = _columns(rollout.sample(7)), _columns(other.sample(7))

    for name, column in expected.items():
        assert np.array_equal(column, resumed[name]), name


def test_rollout__next_value_is_the_successors_or_zero_at_the_end(rollout: Rollout) -> None:
    fragment = rollout.sample(40)

    assert fragment.ended[:-1].any()
    assert (fragment.next_value[fragment.ended] == 0.0).all()
    goes_on = ~fragment.ended[:-1]
    assert np.array_equal(fragment.next_value[:-1][goes_on], fragment.value[1:][goes_on])


def test_rollout__reports_every_episode_that_ends(rollout: Rollout) -> None:
    fragment = rollout.sample(40)

    for values in fragment.outcomes.values():
        assert values.shape == (fragment.ended.sum(),)
        assert np.isfinite(values).all()


def test_rollout__who_does_not_choose_has_log_probability_zero(rollout: Rollout) -> None:
    fragment = rollout.sample(40)

    assert (~fragment.observation.decides).any()
    assert (fragment.logp[~fragment.observation.decides] == 0.0).all()
    assert (fragment.logp[fragment.observation.decides] < 0.0).any()


@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-5), ("bf16", 1e-4)])
def test_learner__log_probabilities_equal_the_rollouts_with_k_jitter_on(
    quick_demo: Config, precision: str, tolerance: float
) -> None:
    config = _with_sampling(quick_demo, worlds_per_runner=48)
    config = config.model_copy(
        update={
            "model": config.model.model_copy(update={"precision": precision}),
            "ppo": config.ppo.model_copy(update={"minibatch_rows": 768, "lr": (0.0, 0.0), "num_epochs": 1}),
        }
    )
    assert config.world.k_jitter > 0
    model = make_model(config)
    with torch.no_grad():  # an untrained pointer hardly tells its actions apart
        for parameter in model.pointer_head.parameters():
            parameter.mul_(3.0)
    batch = make_train_batch([make_rollout(config, 0, model).sample(16)], config.ppo)

    statistics = Updater(model, config.ppo, torch.device("cpu")).update(batch, 0.0, config.seed, 0)

    assert statistics["first_ratio_deviation"] < tolerance
