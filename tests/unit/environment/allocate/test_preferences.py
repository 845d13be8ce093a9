"""Preferences: drawn per training episode, seen by every UAV, and multiplied into the reward."""

import numpy as np
import pytest

from rl_cluster.config.load import load_config
from rl_cluster.environment.allocate.columns import UavBlock, UavColumn
from rl_cluster.environment.allocate.preferences import as_feature, told
from rl_cluster.environment.allocate.worlds import AllocateWorlds
from rl_cluster.environment.tasks import make_source, make_worlds
from tests.unit.environment.allocate.given_world import fly, given, target, uav

RANGES = ("generator.prefer_crowding=[0.25, 4.0]", "generator.prefer_time=[1.0, 8.0]")
COLUMNS = (UavColumn.PREFER_CROWDING, UavColumn.PREFER_TIME, UavColumn.PREFER_DISTANCE)


def worlds_of(num_worlds: int, *, is_training: bool, first_world: int = 0) -> AllocateWorlds:
    config = load_config("quick_demo", RANGES)
    source = make_source(config, 5, is_training)
    worlds = make_worlds(config, source, num_worlds, first_world, is_training)
    assert isinstance(worlds, AllocateWorlds)
    worlds.reset()
    return worlds


def test_preferences__of_training_episodes_are_log_uniform_within_their_ranges() -> None:
    drawn = worlds_of(2000, is_training=True).state.preference

    crowding = np.log(drawn[:, 0]) / np.log(4.0)
    assert -1.0 <= crowding.min() < -0.99
    assert 0.99 < crowding.max() <= 1.0 + 1e-6
    assert abs(crowding.mean()) < 3 * np.sqrt(1 / 3 / 2000)
    assert drawn[:, 1].min() >= 1.0
    assert drawn[:, 1].max() <= 8.0 + 1e-5
    assert (drawn[:, 2] == 1.0).all()
    assert abs(np.corrcoef(np.log(drawn[:, 0]), np.log(drawn[:, 1]))[0, 1]) < 0.1


def test_preferences__of_episodes_for_evaluation_are_one() -> None:
    assert (worlds_of(20, is_training=False).state.preference == 1.0).all()


def test_preferences__of_an_episode_do_not_depend_on_the_batch() -> None:
    together, alone = worlds_of(8, is_training=True), worlds_of(1, is_training=True, first_world=6)

    np.testing.assert_array_equal(alone.state.preference[0], together.state.preference[6])


def test_told__is_what_worlds_with_that_preference_show() -> None:
    """Whoever plays writes into the observation what training worlds have in their state."""
    worlds = worlds_of(8, is_training=False)
    plain = worlds.observe()
    weights = np.array([0.5, 2.0, 4.0], dtype=np.float32)

    seen = told(plain, weights, 2)

    worlds.state.preference[:] = weights
    for name, array, expected in zip(plain._fields, seen, worlds.observe(), strict=True):
        np.testing.assert_array_equal(array, expected, err_msg=name)
    own = plain.uav[..., [2 * len(UavBlock) + column for column in COLUMNS]]
    assert (own == 0.0).all()


@pytest.mark.parametrize(("weight", "feature"), [(1.0, 0.0), (4.0, 1.0), (0.25, -1.0), (1e-9, -3.0), (1e9, 3.0)])
def test_as_feature__is_half_the_logarithm(weight: float, feature: float) -> None:
    assert as_feature(weight) == pytest.approx(feature)


def test_reward__multiplies_each_group_by_its_weight() -> None:
    """One UAV flies 500 m in 20 s: path -1/3 of the sensing radius, time -1."""
    config = load_config("quick_demo")
    worlds = given(config, [uav(1000.0, [50.0, 50.0])], [target(4000.0, [50.0, 50.0])], weights={"time": 1.0})
    pathy = given(config, [uav(1000.0, [50.0, 50.0])], [target(4000.0, [50.0, 50.0])], weights={"path": 3.0})
    for each in (worlds, pathy):
        each.state.preference[:] = [7.0, 2.0, 0.5]

    assert fly(worlds, [0])[0] == pytest.approx(-2.0)
    assert fly(pathy, [0])[0] == pytest.approx(-0.5, rel=1e-3)
