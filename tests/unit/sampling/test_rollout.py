"""Rollouts: same seed, same columns, however the worlds are shared out; the learner sees what the policy saw."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.environment.tasks import make_source, make_worlds
from rl_cluster.errors import ScenarioError
from rl_cluster.learning.batch import make_train_batch
from rl_cluster.learning.update import Updater
from rl_cluster.sampling.network import make_model
from rl_cluster.sampling.rollout import Rollout, make_rollout
from rl_cluster.schedulers.learning_rate import schedule
from rl_cluster.types import Fragment


def _with_sampling(config: Config, **values: int) -> Config:
    return config.model_copy(update={"sampling": config.sampling.model_copy(update=values)})


def _columns(fragment: Fragment) -> dict[str, NDArray[Any]]:
    names = ("action", "logp", "value", "next_value", "reward", "ended")
    return {name: getattr(fragment, name) for name in names} | fragment.observation._asdict()


@pytest.fixture(params=["allocate", "allocate, three rounds of intent", "allocate, in turn", "navigate"])
def tiny_of_task(request: pytest.FixtureRequest, tiny: Config, tiny_navigate: Config) -> Config:
    """Hides the fixture of all tests: rounds of intent are played here alone."""
    if request.param == "navigate":
        return tiny_navigate
    rounds = 3 if "rounds" in request.param else 1
    world = {"training_intent_rounds": rounds, "choose_in_turn": "in turn" in request.param}
    return tiny.model_copy(update={"world": tiny.world.model_copy(update=world)})


@pytest.fixture
def rollout(tiny_of_task: Config) -> Rollout:
    return make_rollout(_with_sampling(tiny_of_task, worlds_per_runner=6), 0, make_model(tiny_of_task))


def test_rollout__same_seed_same_columns(tiny_of_task: Config, rollout: Rollout) -> None:
    again = make_rollout(_with_sampling(tiny_of_task, worlds_per_runner=6), 0, make_model(tiny_of_task))

    first, second = _columns(rollout.sample(8)), _columns(again.sample(8))

    for name, column in first.items():
        assert np.array_equal(column, second[name]), name


def test_rollout__worlds_play_the_same_however_runners_share_them(tiny_of_task: Config, rollout: Rollout) -> None:
    shared = _with_sampling(tiny_of_task, worlds_per_runner=3)
    model = make_model(tiny_of_task)

    whole = _columns(rollout.sample(8))
    parts = [_columns(make_rollout(shared, runner, model).sample(8)) for runner in (0, 1)]

    for name, column in whole.items():
        joined = np.concatenate([part[name] for part in parts], axis=1)
        assert np.allclose(joined, column, atol=1e-5), name


def test_rollout__goes_on_from_its_state_as_if_it_had_never_stopped(tiny_of_task: Config, rollout: Rollout) -> None:
    rollout.sample(5)
    state = rollout.state_dict()
    other = make_rollout(_with_sampling(tiny_of_task, worlds_per_runner=6), 0, make_model(tiny_of_task))
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

    assert fragment.ended.any()
    for values in fragment.outcomes.values():
        assert values.shape == (fragment.ended.sum(),)
        assert not np.isinf(values).any()
    assert np.isfinite(fragment.outcomes["per_agent_reward"]).all()


def test_rollout__who_does_not_decide_has_log_probability_zero(rollout: Rollout) -> None:
    fragment = rollout.sample(40)

    assert (~fragment.observation.decides).any()
    assert (fragment.logp[~fragment.observation.decides] == 0.0).all()
    assert (fragment.logp[fragment.observation.decides] != 0.0).any()


def test_rollout__stores_controls_whose_squashed_values_fly_the_same_episodes(tiny_navigate: Config) -> None:
    config = _with_sampling(tiny_navigate, worlds_per_runner=6)
    fragment = make_rollout(config, 0, make_model(config)).sample(12)
    worlds = make_worlds(config, make_source(config, config.seed, is_training=True), 6, is_training=True)
    worlds.reset()

    rewards = [worlds.step(np.tanh(controls))[1].reward for controls in fragment.action]

    assert fragment.action.shape == (12, 6, 3, 2)
    assert fragment.action.dtype == np.float32
    assert np.abs(fragment.action).max() > 1.0
    np.testing.assert_allclose(np.stack(rewards), fragment.reward, atol=1e-4)


def test_rollout__last_value_is_that_of_the_state_after_all_announcements(tiny_of_task: Config) -> None:
    """What stands at the end of a fragment is what the next one begins with."""
    config = _with_sampling(tiny_of_task, worlds_per_runner=6)
    rollout = make_rollout(config, 0, make_model(config))

    first, second = rollout.sample(4), rollout.sample(4)

    goes_on = ~first.ended[-1]
    assert goes_on.any()
    assert np.array_equal(first.next_value[-1][goes_on], second.value[0][goes_on])


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        ["quick_demo"],
        ["quick_demo", "world.training_intent_rounds=1"],
        ["quick_demo", "world.choose_in_turn=true"],
        ["navigate_demo"],
    ],
)
@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-5), ("bf16", 1e-4)])
def test_learner__log_probabilities_equal_the_rollouts_with_k_jitter_on(
    settings: list[str], precision: str, tolerance: float
) -> None:
    config = _with_sampling(load_config(settings[0], settings[1:]), worlds_per_runner=48)
    config = config.model_copy(
        update={
            "model": config.model.model_copy(update={"precision": precision}),
            "ppo": config.ppo.model_copy(update={"minibatch_rows": 768, "lr": (0.0, 0.0), "num_epochs": 1}),
        }
    )
    assert config.world.k_jitter > 0
    model = make_model(config)
    head = model.control_head if model.spec.num_controls else model.pointer_head
    with torch.no_grad():  # an untrained head hardly tells its actions apart
        for parameter in head.parameters():
            parameter.mul_(3.0)
    batch = make_train_batch([make_rollout(config, 0, model).sample(16)], config.ppo)

    statistics = Updater(model, config.ppo, torch.device("cpu")).update(
        batch, schedule(config.ppo, 0.0), config.seed, 0
    )

    assert statistics["first_ratio_deviation"] < tolerance


def _break(rollout: Rollout, worlds: list[int], is_seen: bool) -> None:
    """A position that is no number, as an integrator that diverges would leave it; announcements would show it."""
    rollout.worlds.state.uav_position_m[worlds, 0] = np.nan
    if is_seen or rollout.worlds.intent_rounds > 1:
        rollout.load_state_dict(rollout.state_dict())


@pytest.mark.parametrize("is_seen", [True, False])
def test_rollout__gives_up_episodes_whose_numbers_are_not_finite(
    tiny_of_task: Config, rollout: Rollout, caplog: pytest.LogCaptureFixture, is_seen: bool
) -> None:
    model = make_model(tiny_of_task)
    whole = make_rollout(_with_sampling(tiny_of_task, worlds_per_runner=6), 0, model).sample(4)
    episodes = rollout.worlds.state.episode.copy()

    _break(rollout, [1, 4], is_seen)
    fragment = rollout.sample(4)

    assert fragment.num_broken == 2
    assert "2 episodes of 6 worlds were given up" in caplog.text
    columns, expected = _columns(fragment), _columns(whole)
    sound = [0, 2, 3, 5]
    for name, column in columns.items():
        assert np.isfinite(column).all(), name
        np.testing.assert_array_equal(column[:, sound], expected[name][:, sound], err_msg=name)
    assert (rollout.worlds.state.episode[[1, 4]] > episodes[[1, 4]]).all()
    first = make_train_batch([fragment], tiny_of_task.ppo)
    assert all(torch.isfinite(column).all() for column in (first.advantage_KN, first.value_target_KN))


def test_rollout__that_breaks_over_and_over_says_so(rollout: Rollout) -> None:
    _break(rollout, [0, 1, 2, 3], is_seen=True)

    with pytest.raises(ScenarioError, match="4 episodes of 6 worlds gave numbers that are not finite; look for"):
        rollout.sample(2)
