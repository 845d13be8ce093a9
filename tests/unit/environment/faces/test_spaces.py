"""What is declared: every field, as it comes; what is empty is legal, too."""

import numpy as np
import pytest
from gymnasium import spaces

from rl_cluster.config.load import load_config
from rl_cluster.environment.allocate.columns import FEATURES
from rl_cluster.environment.faces.face import Face, Setup, to_dict
from rl_cluster.environment.faces.spaces import mask_space, spaces_of
from rl_cluster.types import Observation

NO_ZONES = ("generator.num_obstacles=[0, 0]",)


def test_spaces__name_the_fields_of_an_observation() -> None:
    observation_space, action_space = spaces_of(load_config("quick_demo"))

    assert observation_space.spaces.keys() == set(Observation._fields)
    assert observation_space["pair"].shape == (8, 8, FEATURES.pair.width(2))
    assert observation_space["mask"] == spaces.MultiBinary((18,))
    assert isinstance(action_space, spaces.MultiDiscrete)
    np.testing.assert_array_equal(action_space.nvec, [9] * 8)


def test_spaces__hold_what_is_seen_where_there_are_no_zones() -> None:
    config = load_config("quick_demo", NO_ZONES)
    observation_space, _ = spaces_of(config)

    seen = to_dict(Face(Setup(config), num_worlds=1).observation)

    assert observation_space["obstacle"].shape == (0, 2)
    assert observation_space.contains({name: array[0] for name, array in seen.items()})
    assert observation_space.contains(observation_space.sample())


@pytest.mark.parametrize("shape", [(3,), (0,), (2, 0)])
def test_mask_space__holds_masks_of_any_size(shape: tuple[int, ...]) -> None:
    space = mask_space(shape)

    assert np.zeros(shape, dtype=np.int8) in space
    assert space.sample() in space
    assert np.full((4,), 2, dtype=np.int8) not in space
