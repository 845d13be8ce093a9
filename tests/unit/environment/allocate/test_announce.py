"""Announcements: they are seen as choices are, they move nothing, and they leave nothing behind."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rl_cluster.config.schema import Config
from rl_cluster.environment.allocate.generator import AllocateGenerator
from rl_cluster.environment.allocate.worlds import AllocateWorlds
from rl_cluster.types import IntArray, Observation

NUM_WORLDS, NUM_STEPS = 16, 12


def generated(config: Config) -> AllocateWorlds:
    source = AllocateGenerator(config.generator, config.world, seed=8, is_training=False)
    return AllocateWorlds(source, config.world, config.reward, NUM_WORLDS)


def any_legal(observation: Observation[NDArray[Any]], generator: np.random.Generator) -> IntArray:
    """A random legal action for every UAV."""
    drawn = generator.random(observation.action_mask.shape) * observation.action_mask
    return drawn.argmax(axis=2).astype(np.int16)


def nearest_legal(observation: Observation[NDArray[Any]]) -> IntArray:
    """The nearest legal target, which does not hang on anybody's choice; else the only legal action."""
    mask = observation.action_mask
    return np.where(mask[..., 1], 1, mask.argmax(axis=2)).astype(np.int16)


def copies(worlds: AllocateWorlds) -> dict[str, NDArray[Any]]:
    return {name: np.array(array) for name, array in zip(worlds.state._fields, worlds.state, strict=True)}


def test_announce__changes_no_flight(ruled: Config) -> None:
    """Whatever is announced, the next choice has the same consequences, bit for bit."""
    plain, talking, generator = generated(ruled), generated(ruled), np.random.default_rng(0)
    plain_sees, sees = plain.reset(), talking.reset()

    for _ in range(NUM_STEPS):
        for _ in range(3):
            sees = talking.announce(any_legal(sees, generator))
        plain_sees, expected, _ = plain.step(nearest_legal(plain_sees))
        sees, result, _ = talking.step(nearest_legal(sees))
        np.testing.assert_array_equal(result.reward, expected.reward)
        for name, array in plain.state_dict().items():
            np.testing.assert_array_equal(talking.state_dict()[name], array, err_msg=name)


def test_announce__touches_nothing_but_what_a_choice_changes(ruled: Config) -> None:
    worlds, generator = generated(ruled), np.random.default_rng(1)
    sees = worlds.reset()
    for _ in range(4):
        sees, _, _ = worlds.step(nearest_legal(sees))
    before = copies(worlds)

    worlds.announce(any_legal(sees, generator))

    after = copies(worlds)
    changed = {name for name, array in before.items() if not np.array_equal(array, after[name])}
    assert "uav_choice" in changed
    assert changed <= {"uav_choice", "uav_present", "uav_service_ends_s"}
    worlds.retract()
    for name, array in copies(worlds).items():
        np.testing.assert_array_equal(array, before[name], err_msg=name)


def test_announce__is_seen_as_a_choice_is(ruled: Config) -> None:
    """What is seen of a plan is what would be seen if it had been chosen long ago."""
    announced, chosen = generated(ruled), generated(ruled)
    sees = announced.reset()
    chosen.reset()
    actions = any_legal(sees, np.random.default_rng(2))
    targets = np.take_along_axis(sees.candidates, np.maximum(actions, 1)[..., None] - 1, axis=2)[..., 0]
    chosen.state.uav_choice[...] = np.where(actions > 0, targets, -1)

    sees, expected = announced.announce(actions), chosen.observe()

    for name, array in expected._asdict().items():
        np.testing.assert_array_equal(getattr(sees, name), array, err_msg=name)
    assert announced.observation is sees


def test_announce__refuses_what_is_masked(ruled: Config) -> None:
    worlds = generated(ruled)
    sees = worlds.reset()

    with pytest.raises(ValueError, match="is masked; choose where action_mask is True"):
        worlds.announce(np.full(sees.decides.shape, 1 + worlds.num_candidates, dtype=np.int16))


@pytest.mark.parametrize("begin", ["reset", "load"])
def test_announce__is_forgotten_where_worlds_begin_anew(ruled: Config, begin: str) -> None:
    worlds, expected = generated(ruled), generated(ruled)
    seen = expected.reset()
    state = expected.state_dict()
    worlds.announce(nearest_legal(worlds.step(nearest_legal(worlds.reset()))[0]))

    again = worlds.reset() if begin == "reset" else worlds.load_state_dict(state)

    for name, array in seen._asdict().items():
        np.testing.assert_array_equal(getattr(again, name), array, err_msg=name)
    result, plain = worlds.advance(nearest_legal(again)), expected.advance(nearest_legal(seen))
    np.testing.assert_array_equal(result.reward, plain.reward)
    for name, array in expected.state_dict().items():
        np.testing.assert_array_equal(worlds.state_dict()[name], array, err_msg=name)


def test_state__is_not_kept_between_announcement_and_choice(ruled: Config) -> None:
    worlds = generated(ruled)
    worlds.announce(nearest_legal(worlds.reset()))

    with pytest.raises(AssertionError, match="retract"):
        worlds.state_dict()
