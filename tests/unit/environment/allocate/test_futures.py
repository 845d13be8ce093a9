"""Drawn futures: they hold as much as is to be expected, and nothing of what will happen."""

import numpy as np

from rl_cluster.config.load import load_config
from rl_cluster.environment.allocate.futures import redraw
from rl_cluster.environment.allocate.state import AllocateState
from rl_cluster.environment.allocate.worlds import AllocateWorlds
from rl_cluster.environment.tasks import make_source, make_worlds

CONFIG = load_config(
    "quick_demo",
    ["generator.appearing_share=0.5", "generator.failing_share=0.4", "generator.num_uavs=[8, 8]",
     "generator.num_targets=[6, 6]"],
)  # fmt: skip
NUM_WORLDS = 400


def begun() -> AllocateWorlds:
    worlds = make_worlds(CONFIG, make_source(CONFIG, 0, is_training=False), NUM_WORLDS)
    worlds.reset()
    assert isinstance(worlds, AllocateWorlds)
    return worlds


def redrawn(worlds: AllocateWorlds, first_key: int = 0) -> AllocateState:
    fork = worlds.fork(np.arange(worlds.state.num_worlds))
    numbers = np.arange(worlds.state.num_worlds)
    shares = worlds.source.hidden_shares(numbers, worlds.state.episode)
    assert shares is not None
    redraw(fork.state, shares, first_key + numbers)
    return fork.state


def test_redraw__keeps_all_that_is_known() -> None:
    worlds = begun()
    state = redrawn(worlds)

    seen = worlds.state.target_exists & (worlds.state.target_appears_s <= 0.0)
    for field in ("target_position_m", "target_demand", "target_remaining", "target_value", "target_appears_s"):
        np.testing.assert_array_equal(getattr(state, field)[seen], getattr(worlds.state, field)[seen], err_msg=field)
    np.testing.assert_array_equal(state.uav_position_m, worlds.state.uav_position_m)
    observation = worlds.fork(np.arange(NUM_WORLDS))
    observation.state.load_state_dict(state.state_dict())
    for name, array in observation.observe()._asdict().items():
        np.testing.assert_array_equal(array, getattr(worlds.observation, name), err_msg=name)


def test_redraw__expects_as_much_as_the_generator_draws() -> None:
    worlds = begun()
    state = redrawn(worlds)

    def late(drawn: AllocateState) -> float:
        return float((drawn.target_exists & (drawn.target_appears_s > 0.0)).sum() / NUM_WORLDS)

    # where many have appeared, there is no room for as many more
    assert 0.6 * late(worlds.state) < late(state) < 1.1 * late(worlds.state)
    failing = np.isfinite(state.uav_fails_s).mean()
    assert abs(failing - np.isfinite(worlds.state.uav_fails_s).mean()) < 0.05
    appears_s = state.target_appears_s[state.target_exists & (state.target_appears_s > 0.0)]
    assert (appears_s <= 0.5 * state.time_limit_s.max()).all()


def test_redraw__does_not_depend_on_what_will_happen() -> None:
    worlds = begun()
    other = begun()
    hidden = other.state.target_appears_s > 0.0
    other.state.target_position_m[hidden] += 100.0
    other.state.target_demand[hidden] *= 3.0
    other.state.target_remaining[hidden] *= 3.0
    other.state.target_exists[:, -2:] &= ~hidden[:, -2:]
    other.state.uav_fails_s[:] = 17.0

    for name, array in redrawn(worlds)._asdict().items():
        np.testing.assert_array_equal(array, getattr(redrawn(other), name), err_msg=name)


def test_redraw__draws_another_future_for_each_key() -> None:
    worlds = begun()

    one, two = redrawn(worlds), redrawn(worlds, NUM_WORLDS)

    assert (one.uav_fails_s != two.uav_fails_s).any(axis=1).mean() > 0.9
    assert (one.target_position_m != two.target_position_m).any(axis=(1, 2)).mean() > 0.9
