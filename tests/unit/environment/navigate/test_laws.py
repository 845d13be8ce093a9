"""What holds of every legal scenario and all legal controls in task `navigate`."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.environment.faces.face import to_dict
from rl_cluster.environment.faces.spaces import observation_space
from rl_cluster.environment.scenario.scenario_file import Scenario
from tests.unit.environment.any_scenario import (
    NUM_STEPS,
    SEEDS,
    assert_stands_still,
    doubles,
    extremes,
    play,
    scenarios,
    worlds_of,
)

NAVIGATE = load_config("navigate_demo")


@st.composite
def navigate_settings(draw: st.DrawFn) -> Config:
    """The demo's, with another world."""
    low, high = sorted((draw(extremes(0.01, 1e3)), draw(extremes(0.01, 1e3))))
    collision_m, band_m = draw(extremes(0.01, 1e3)), draw(st.just(0.0) | extremes(0.01, 1e3))
    changes = {
        "dynamics": draw(st.sampled_from(("unicycle", "double_integrator"))),
        "step_s": draw(extremes(0.01, 10.0)),
        "speed_mps": (draw(st.sampled_from((0.0, low))), high),
        "max_acceleration_mps2": draw(extremes(0.01, 1e3)),
        "max_turn_rate_radps": draw(extremes(0.01, 1e3)),
        "arrival_radius_m": draw(extremes(0.01, 1e4)),
        "collision_distance_m": collision_m,
        "warning_distance_m": collision_m + band_m,
        "formation_radius_m": draw(st.just(0.0) | extremes(0.1, 1e4)),
        "sensing_radius_m": draw(extremes(1.0, 1e5)),
        "num_encounters": draw(st.sampled_from((1, 8, 64))),
    }
    return NAVIGATE.model_copy(update={"world": NAVIGATE.world.model_copy(update=changes)})


@given(scenarios(), navigate_settings(), SEEDS)
def test_navigate__observation_is_finite_and_as_declared(scenario: Scenario, config: Config, seed: int) -> None:
    for step in play(worlds_of(config, scenario), seed):
        seen = {name: array[0] for name, array in to_dict(step.observation).items()}
        assert observation_space(step.observation).contains(seen)
        assert all(np.isfinite(array).all() for array in step.observation)
        assert step.observation.mask.all()
        np.testing.assert_array_equal(step.observation.decides, ~step.before["uav_arrived"])
        assert step.observation.action_mask[..., 0].all()
        assert not step.observation.action_mask[..., 1:].any()


@given(scenarios(), navigate_settings(), SEEDS)
def test_navigate__motion_is_within_its_limits(scenario: Scenario, config: Config, seed: int) -> None:
    world = config.world
    (low, high), step_s, is_unicycle = world.speed_mps, world.step_s, world.dynamics == "unicycle"
    rounding_m = 4.0 * np.spacing(np.float32(scenario.area_m.max() + NUM_STEPS * high * step_s))

    for step in play(worlds_of(config, scenario), seed):
        before, after = doubles(step.before), doubles(step.after)
        flies, was_flying = after["uav_arrived"] == 0.0, before["uav_arrived"] == 0.0
        speeds_mps = np.hypot(*after["uav_velocity_mps"].T)
        assert (speeds_mps <= high * (1 + 1e-6)).all()
        assert not is_unicycle or (speeds_mps[flies] >= low * (1 - 1e-6)).all()
        assert not speeds_mps[~flies].any()

        gained_mps = np.hypot(*(after["uav_velocity_mps"] - before["uav_velocity_mps"]).T)
        most_mps = world.max_acceleration_mps2 * step_s * (1.0 if is_unicycle else math.sqrt(2.0))
        if is_unicycle:
            gained_mps = np.abs(after["uav_speed_mps"] - before["uav_speed_mps"])
        assert (gained_mps[flies] <= most_mps * (1 + 1e-5) + 1e-5 * high).all()

        moved_m = np.hypot(*(after["uav_position_m"] - before["uav_position_m"]).T)
        flown_m = after["uav_flown_m"] - before["uav_flown_m"]
        np.testing.assert_allclose(moved_m, flown_m, 1e-5, rounding_m)
        assert not moved_m[~was_flying].any()


@given(scenarios(), navigate_settings(), SEEDS)
def test_navigate__what_has_happened_stays(scenario: Scenario, config: Config, seed: int) -> None:
    for step in play(worlds_of(config, scenario), seed):
        assert (step.after["uav_arrived"] >= step.before["uav_arrived"]).all()
        assert (step.after["uav_collisions"] >= step.before["uav_collisions"]).all()
        assert (step.after["uav_flown_m"] >= step.before["uav_flown_m"]).all()
        assert (step.after["time_s"] > step.before["time_s"]).all()


@given(scenarios(), navigate_settings(), SEEDS)
def test_navigate__ends_once_and_stands_still(scenario: Scenario, config: Config, seed: int) -> None:
    worlds = worlds_of(config, scenario)

    for step in play(worlds, seed, num_steps=40):
        ended = step.after["ended"][0]
        assert not step.before["ended"][0]
        assert step.result.terminated[0] + step.result.truncated[0] == ended
        assert step.result.terminated[0] == step.after["uav_arrived"].all()
        assert np.isfinite(step.result.reward).all()
        assert ended or step.after["time_s"][0] < step.after["time_limit_s"][0]

    if ended:
        assert_stands_still(worlds)


@pytest.mark.slow
@given(scenarios(num_kinds=2), scenarios(num_kinds=2), navigate_settings(), SEEDS)
def test_navigate__a_larger_world_beside_it_changes_no_bit(
    scenario: Scenario, other: Scenario, config: Config, seed: int
) -> None:
    alone, beside = play(worlds_of(config, scenario), seed), play(worlds_of(config, scenario, other), seed)

    for one, padded in zip(alone, beside, strict=False):
        np.testing.assert_array_equal(one.observation.uav[0], padded.observation.uav[0, : scenario.sizes.num_uavs])
        np.testing.assert_array_equal(one.result.reward[0], padded.result.reward[0, : scenario.sizes.num_uavs])
        for name in ("uav_position_m", "uav_collisions", "uav_arrived"):
            array = one.after[name][0]
            np.testing.assert_array_equal(padded.after[name][0, : len(array)], array)
