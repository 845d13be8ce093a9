"""Laws of the batch: batch size, padding, order, resets, and what is refused."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rl_cluster.environment.navigate.observation import empty_observation
from rl_cluster.environment.navigate.worlds import NavigateWorlds

MakeWorlds = Callable[..., NavigateWorlds]
NUM_STEPS = 60
PER_UAV = ("uav_position_m", "uav_heading_rad", "uav_velocity_mps", "uav_arrived", "uav_collisions", "uav_flown_m")
DYNAMICS = ("unicycle", "double_integrator")


def controls_of(worlds: NavigateWorlds, first_world: int, step: int) -> NDArray[np.float32]:
    """Controls that depend on the world's number, the step and the UAV alone."""
    num_worlds, num_uavs = worlds.state.uav_exists.shape
    world = np.arange(first_world, first_world + num_worlds)[:, None, None]
    phase = 1.7 * world + 0.3 * step * (1 + np.arange(num_uavs)[:, None] % 3) + np.array([0.0, 2.0])
    return np.sin(phase).astype(np.float32)


def assert_equal_states(one: NavigateWorlds, other: NavigateWorlds) -> None:
    for name, array in one.state.state_dict().items():
        np.testing.assert_array_equal(array, getattr(other.state, name), err_msg=name)


@pytest.mark.parametrize("num_worlds", [1, 7])
def test_step__does_not_depend_on_the_batch(generated: MakeWorlds, num_worlds: int) -> None:
    whole = generated(64, world__time_limit_sides=1.0)
    parts = [generated(num_worlds, first_world=first, world__time_limit_sides=1.0) for first in (0, 21)]
    ended = 0
    for step in range(NUM_STEPS):
        observation, result, _ = whole.step(controls_of(whole, 0, step))
        ended += int((result.terminated | result.truncated).sum())
        for part in parts:
            rows = slice(part.first_world, part.first_world + num_worlds)
            part_observation, part_result, _ = part.step(controls_of(part, part.first_world, step))
            for name, array in part_observation._asdict().items():
                np.testing.assert_array_equal(array, getattr(observation, name)[rows], err_msg=name)
            np.testing.assert_array_equal(part_result.reward, result.reward[rows])
    assert ended > 64, "no world was reset"


def scene(num_uavs: int, seed: int) -> list[tuple[float, float, float, float, float]]:
    """UAVs near to each other, with goals beyond the zones below."""
    rng = np.random.default_rng(seed)
    low, high = [300.0, 285.0, -3.0, 300.0, 360.0], [380.0, 325.0, 3.0, 380.0, 400.0]
    return [tuple(row) for row in rng.uniform(low, high, (num_uavs, 5)).tolist()]


TRIANGLE = {"kind": "polygon", "vertices_m": [[330.0, 330.0], [350.0, 335.0], [340.0, 350.0]]}
SQUARE = {"kind": "polygon", "vertices_m": [[300.0, 330.0], [310.0, 330.0], [310.0, 340.0], [300.0, 340.0]]}
CIRCLE = {"kind": "circle", "center_m": [370.0, 338.0], "radius_m": 8.0}
WEIGHTS = {"progress": 1.0, "arrival": 1.0, "collision": 1.0, "warning": 0.5, "time": 0.1, "own_weight": 0.3}


@pytest.mark.parametrize("dynamics", DYNAMICS)
def test_padding__changes_no_bit(scenario: Callable[..., Any], played: MakeWorlds, dynamics: str) -> None:
    small = scenario(scene(3, seed=1), [TRIANGLE])
    large = scenario(scene(21, seed=2), [CIRCLE, SQUARE, TRIANGLE])
    changes: dict[str, object] = {"world__dynamics": dynamics, "world__formation_radius_m": 40.0}
    alone, padded = played([small], WEIGHTS, **changes), played([small, large], WEIGHTS, **changes)
    for step in range(NUM_STEPS):
        seen, padded_seen = alone.observe(), padded.observe()
        num_encounters = seen.pair.shape[2]
        np.testing.assert_array_equal(seen.uav[0], padded_seen.uav[0, :3])
        np.testing.assert_array_equal(seen.pair[0], padded_seen.pair[0, :3, :num_encounters])
        np.testing.assert_array_equal(seen.neighbours[0, :, :2], padded_seen.neighbours[0, :3, :2])
        assert not padded_seen.pair[0, :3, num_encounters:].any()
        assert not padded_seen.uav[0, 3:].any()
        assert padded_seen.mask[0].tolist() == [True] * 3 + [False] * 18 + [True, False, False]
        controls = controls_of(padded, 0, step)
        result, padded_result = alone.advance(controls[:1, :3]), padded.advance(controls)
        np.testing.assert_array_equal(result.reward[0], padded_result.reward[0, :3])
    for name in PER_UAV:
        np.testing.assert_array_equal(getattr(alone.state, name)[0], getattr(padded.state, name)[0, :3], err_msg=name)
    outcomes, padded_outcomes = alone.outcomes(np.array([True])), padded.outcomes(np.array([True, False]))
    np.testing.assert_equal(outcomes, padded_outcomes)
    assert outcomes["collisions_per_uav"] > 0.0


@pytest.mark.parametrize("dynamics", DYNAMICS)
def test_order_of_uavs__does_not_matter(scenario: Callable[..., Any], played: MakeWorlds, dynamics: str) -> None:
    uavs, order = scene(7, seed=3), [3, 0, 6, 4, 1, 2, 5]
    worlds = played([scenario(uavs, [TRIANGLE, CIRCLE])], WEIGHTS, world__dynamics=dynamics)
    others = played([scenario([uavs[i] for i in order], [TRIANGLE, CIRCLE])], WEIGHTS, world__dynamics=dynamics)
    for step in range(NUM_STEPS):
        seen, others_seen = worlds.observe(), others.observe()
        np.testing.assert_array_equal(seen.uav[0, order], others_seen.uav[0])
        np.testing.assert_array_equal(seen.pair[0, order], others_seen.pair[0])
        controls = controls_of(worlds, 0, step)
        result, others_result = worlds.advance(controls), others.advance(controls[:, order])
        np.testing.assert_allclose(result.reward[0, order], others_result.reward[0], atol=1e-6)
    for name in PER_UAV:
        np.testing.assert_array_equal(getattr(worlds.state, name)[0, order], getattr(others.state, name)[0])
    assert worlds.state.uav_collisions.any()


def test_turning_the_world__changes_no_relative_feature(given: MakeWorlds) -> None:
    def turned(x: float, y: float) -> tuple[float, float]:
        return 1000.0 - y, x

    uavs = [(300.0, 300.0, 0.3, 500.0, 380.0), (330.0, 310.0, -2.0, 200.0, 700.0), (340.0, 290.0, 1.0, 340.0, 290.5)]
    zones: list[dict[str, Any]] = [{"kind": "circle", "center_m": [320.0, 340.0], "radius_m": 12.0}]
    worlds = given(uavs, zones, world__formation_radius_m=25.0)
    others = given(
        [(*turned(x, y), heading + math.pi / 2, *turned(gx, gy)) for x, y, heading, gx, gy in uavs],
        [{**zone, "center_m": list(turned(*zone["center_m"]))} for zone in zones],
        world__formation_radius_m=25.0,
    )
    for step in range(10):
        seen, others_seen = worlds.observe(), others.observe()
        for name in ("uav", "pair"):
            array: Any = getattr(seen, name)
            np.testing.assert_allclose(array, getattr(others_seen, name), atol=1e-3, err_msg=name)
        controls = controls_of(worlds, 0, step)
        worlds.advance(controls)
        others.advance(controls)


def test_ended_worlds__stand_still(generated: MakeWorlds) -> None:
    worlds = generated(16, world__time_limit_sides=1.0)
    while not worlds.state.ended.any():
        worlds.advance(controls_of(worlds, 0, int(worlds.state.decision.max())))
    ended = worlds.state.ended.copy()
    before = worlds.state.state_dict()
    outcomes = worlds.outcomes(ended)
    for step in range(5):
        result = worlds.advance(controls_of(worlds, 0, step))
        assert not result.reward[ended].any()
        assert not (result.terminated | result.truncated)[ended].any()
    assert not ended.all()
    for name, array in before.items():
        np.testing.assert_array_equal(getattr(worlds.state, name)[ended], array[ended], err_msg=name)
    assert worlds.outcomes(ended).keys() == outcomes.keys() == set(worlds.metrics)
    for name, values in worlds.outcomes(ended).items():
        np.testing.assert_array_equal(values, outcomes[name])


def test_state_dict__goes_on_exactly(generated: MakeWorlds) -> None:
    changes: dict[str, object] = {"world__time_limit_sides": 1.0, "world__formation_radius_m": 40.0}
    worlds, copy = generated(8, **changes), generated(8, **changes)
    for step in range(15):
        observation, *_ = worlds.step(controls_of(worlds, 0, step))
    loaded = copy.load_state_dict(worlds.state_dict())
    for name, array in loaded._asdict().items():
        np.testing.assert_array_equal(array, getattr(observation, name), err_msg=name)
    for step in range(40):
        _, result, outcomes = worlds.step(controls_of(worlds, 0, step))
        _, copy_result, copy_outcomes = copy.step(controls_of(copy, 0, step))
        np.testing.assert_array_equal(result.reward, copy_result.reward)
        for name, values in outcomes.items():
            np.testing.assert_array_equal(values, copy_outcomes[name])
    assert_equal_states(worlds, copy)


def test_load_state_dict__refuses_other_worlds(generated: MakeWorlds) -> None:
    arrays = generated(4).state_dict()
    with pytest.raises(ValueError, match="broadcast"):
        generated(3).load_state_dict(arrays)
    arrays.pop("uav_goal_m")
    with pytest.raises(KeyError, match="uav_goal_m"):
        generated(4).load_state_dict(arrays)


def test_out__is_written_whole(generated: MakeWorlds) -> None:
    worlds = generated(6, generator__num_obstacles=[1, 3])
    out = empty_observation(6, worlds.sizes, worlds.world.num_encounters)
    for step in range(5):
        for array in out:
            array[...] = True if array.dtype == np.bool_ else 77
        seen, *_ = worlds.step(controls_of(worlds, 0, step), out)
        assert seen is out
        for name, array in worlds.observe()._asdict().items():
            np.testing.assert_array_equal(array, getattr(out, name), err_msg=name)


@pytest.mark.parametrize("dynamics", DYNAMICS)
def test_one_uav_without_zones__flies(generated: MakeWorlds, dynamics: str) -> None:
    worlds = generated(3, generator__num_uavs=[1, 1], generator__num_obstacles=[0, 0], world__dynamics=dynamics)
    observation = worlds.observe()
    assert observation.candidates.tolist() == [[[-1]]] * 3
    assert observation.neighbours.tolist() == [[[-1]]] * 3
    assert not observation.pair.any()
    for step in range(10):
        observation, *_ = worlds.step(controls_of(worlds, 0, step))
    assert all(np.isfinite(array).all() for array in observation)
    assert not worlds.state.uav_collisions.any()


def test_resting_warning_band__is_allowed(given: MakeWorlds) -> None:
    uavs = [(300.0, 300.0, 0.0, 700.0, 300.0), (305.0, 300.0, 0.0, 700.0, 400.0), (306.0, 300.0, 0.0, 700.0, 500.0)]
    zones: list[dict[str, object]] = [{"kind": "circle", "center_m": [310.1, 300.0], "radius_m": 4.0}]
    worlds = given(uavs, zones, {"warning": 1.0}, world__warning_distance_m=6.0)
    for _ in range(3):
        assert np.isfinite(worlds.advance(np.zeros((1, 3, 2), dtype=np.float32)).reward).all()
    assert np.isfinite(worlds.observe().pair).all()


@pytest.mark.parametrize("bad", [1.5, -1.01, math.nan, math.inf])
def test_illegal_control__changes_nothing(generated: MakeWorlds, bad: float) -> None:
    worlds, untouched = generated(5), generated(5)
    controls = controls_of(worlds, 0, 0)
    controls[3, 0, 1] = bad
    with pytest.raises(ValueError, match=r"UAV 0 in world 3"):
        worlds.advance(controls)
    assert_equal_states(worlds, untouched)


def test_controls_of_another_shape__are_refused(generated: MakeWorlds) -> None:
    worlds = generated(5)
    with pytest.raises(ValueError, match=r"shape \(5, 4, 2\), but these worlds take \(5, 5, 2\)"):
        worlds.advance(np.zeros((5, 4, 2), dtype=np.float32))


def test_controls_of_double_precision__are_taken(generated: MakeWorlds) -> None:
    worlds, other = generated(5), generated(5)
    controls = controls_of(worlds, 0, 0)
    worlds.advance(controls)
    other.advance(controls.astype(np.float64))
    assert_equal_states(worlds, other)


def test_controls_of_who_does_not_decide__are_not_looked_at(generated: MakeWorlds) -> None:
    worlds, other = generated(30), generated(30)
    decides = worlds.observe().decides
    assert not decides.all()
    controls = controls_of(worlds, 0, 0)
    worlds.advance(np.where(decides[..., None], controls, np.float32(math.nan)))
    other.advance(controls)
    assert_equal_states(worlds, other)
