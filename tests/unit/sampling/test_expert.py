"""The expert is asked where the policy has come to, and changes nothing of where it goes."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.environment.allocate.plans import AllocatePlanning
from rl_cluster.environment.allocate.worlds import AllocateWorlds
from rl_cluster.sampling.episodes import ModelPolicy
from rl_cluster.sampling.expert import make_expert
from rl_cluster.sampling.network import make_model
from rl_cluster.sampling.rollout import Rollout, make_rollout
from rl_cluster.types import Fragment
from tests.conftest import TINY

IMITATING = ("ppo.imitation_weight=1.0", "sampling.searched_share=0.5", "sampling.search_plans=4")
SMALL = (*TINY, "generator.num_targets=[2, 3]", "sampling.worlds_per_runner=6")


def rollout_of(*settings: str) -> Rollout:
    config = load_config("debug", [*SMALL, *settings])
    return make_rollout(config, 0, make_model(config))


def columns(fragment: Fragment) -> dict[str, NDArray[Any]]:
    names = ("action", "logp", "value", "next_value", "reward", "ended")
    return {name: getattr(fragment, name) for name in names} | fragment.observation._asdict()


@pytest.mark.parametrize("in_turn", ["true", "false"])
def test_expert__advises_the_first_worlds_and_changes_no_other_column(in_turn: str) -> None:
    settings = ("world.training_intent_rounds=2", f"world.choose_in_turn={in_turn}")
    plain, searched = rollout_of(*settings).sample(8), rollout_of(*settings, *IMITATING).sample(8)

    for name, column in columns(plain).items():
        np.testing.assert_array_equal(column, columns(searched)[name], err_msg=name)
    assert plain.expert is None
    assert searched.expert is not None
    assert (searched.expert[:, 3:] == -1).all()
    decides = searched.observation.decides[:, :3]
    assert (searched.expert[:, :3] > 0)[decides].any()
    if in_turn == "false":  # nothing has been taken from the legal actions since
        chosen = np.maximum(searched.expert[:, :3], 0)[..., None]
        is_legal = np.take_along_axis(searched.observation.action_mask[:, :3], chosen, axis=-1)[..., 0]
        assert is_legal[searched.expert[:, :3] >= 0].all()


def test_expert__of_a_rollout_that_goes_on_advises_as_if_it_had_never_stopped() -> None:
    first, other = rollout_of(*IMITATING), rollout_of(*IMITATING)
    first.sample(5)
    other.load_state_dict(first.state_dict())

    expected, resumed = first.sample(6), other.sample(6)

    assert expected.expert is not None
    assert resumed.expert is not None
    np.testing.assert_array_equal(resumed.expert, expected.expert)


def test_expert__knows_no_hidden_future() -> None:
    """Targets that appear: the choice is the same, whatever the real future holds."""
    settings = ("generator.appearing_share=0.6", *IMITATING)
    one, other = rollout_of(*settings), rollout_of(*settings)
    assert isinstance(other.worlds, AllocateWorlds)
    hidden = other.worlds.state.target_appears_s > 0.0
    assert hidden.any()
    other.worlds.state.target_position_m[hidden] *= 0.5

    expected, seen = one.sample(1), other.sample(1)

    assert expected.expert is not None
    np.testing.assert_array_equal(seen.expert, expected.expert)


def test_expert__of_one_plan_chooses_as_the_policy_does_now() -> None:
    rollout = rollout_of(*IMITATING)
    expert = make_expert(load_config("debug", [*SMALL, *IMITATING, "sampling.search_plans=1"]))
    fork = rollout.worlds.fork(np.arange(3))
    own = ModelPolicy(rollout.model, "argmax").act(fork, fork.observation)
    assert expert is not None

    advised = expert.advise(rollout.worlds, rollout.model)

    np.testing.assert_array_equal(advised, AllocatePlanning().choices(fork.observation, own))


def test_make_expert__makes_none_where_nothing_is_imitated(tiny: Config) -> None:
    imitating = tiny.model_copy(update={"ppo": tiny.ppo.model_copy(update={"imitation_weight": 1.0})})
    unsearched = tiny.sampling.model_copy(update={"searched_share": 0.0})

    assert make_expert(tiny) is None
    assert make_expert(imitating) is not None
    assert make_expert(imitating.model_copy(update={"sampling": unsearched})) is None


def test_fragment__cut_to_some_worlds_keeps_their_experts() -> None:
    fragment = rollout_of(*IMITATING).sample(3)

    cut = fragment.of_worlds(1, 4)

    assert fragment.expert is not None
    assert cut.expert is not None
    np.testing.assert_array_equal(cut.expert, fragment.expert[:, 1:4])
    assert replace(fragment, expert=None).of_worlds(1, 4).expert is None
