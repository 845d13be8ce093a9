"""What holds of every legal scenario and all legal actions in task `allocate`."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.environment.allocate.state import EPSILON
from rl_cluster.environment.faces.face import to_dict
from rl_cluster.environment.faces.spaces import observation_space
from rl_cluster.environment.scenario.scenario_file import Scenario, parse_scenario
from tests.unit.environment.any_scenario import (
    SEEDS,
    Step,
    assert_stands_still,
    doubles,
    extremes,
    play,
    scenarios,
    worlds_of,
)

ALLOCATE = load_config("quick_demo")


@st.composite
def allocate_settings(
    draw: st.DrawFn, substeps: tuple[int, ...] = (1, 20), kinds: tuple[str, ...] = ("consumed", "capability")
) -> Config:
    """The demo's, with another world."""
    changes = {
        "decision_interval_s": float(draw(st.sampled_from(substeps))),
        "obstacle_clearance_m": draw(st.just(0.0) | extremes(0.1, 1e3)),
        "sensing_radius_m": draw(extremes(1.0, 1e5)),
        "num_candidates": draw(st.sampled_from((1, 2, 16))),
        "coalition": draw(st.sampled_from(("sum", "sync"))),
        "resource_kind": draw(st.sampled_from(kinds)),
        "replan": draw(st.booleans()),
    }
    return ALLOCATE.model_copy(update={"world": ALLOCATE.world.model_copy(update=changes)})


@given(scenarios(has_rules=True), allocate_settings(), SEEDS)
def test_allocate__observation_is_finite_and_as_declared(scenario: Scenario, config: Config, seed: int) -> None:
    worlds = worlds_of(config, scenario)

    for step in play(worlds, seed):
        seen = {name: array[0] for name, array in to_dict(step.observation).items()}
        assert observation_space(step.observation).contains(seen)
        assert all(np.isfinite(array).all() for array in step.observation)


@given(scenarios(), allocate_settings(), SEEDS)
def test_allocate__masks_agree(scenario: Scenario, config: Config, seed: int) -> None:
    num_uavs, num_targets, *_ = scenario.sizes

    for step in play(worlds_of(config, scenario), seed):
        mask, candidates = step.observation.mask[0], step.observation.candidates[0]
        legal = step.observation.action_mask[0]
        is_open = (step.before["target_remaining"][0] > EPSILON).any(axis=1)
        is_open &= scenario.target_appears_s <= step.before["time_s"][0] * (1 + 1e-6)
        is_grounded = step.before["uav_range_left_m"][0] <= 0.0
        assert mask[:num_uavs].all()
        assert mask[num_uavs + num_targets :].all()
        np.testing.assert_array_equal(mask[num_uavs : num_uavs + num_targets], is_open)
        for row in candidates:
            offered = row[row >= 0]
            assert len(set(offered)) == len(offered)
            assert mask[num_uavs + offered].all()
        assert not (legal[:, 1:] & (candidates < 0)).any()
        assert not legal[is_grounded, 1:].any()
        assert legal.any(axis=1).all()
        np.testing.assert_array_equal(step.observation.decides[0], legal.sum(axis=1) > 1)


@given(scenarios(), allocate_settings(kinds=("consumed",)), SEEDS)
def test_allocate__what_is_delivered_is_taken_off_uav_and_target(scenario: Scenario, config: Config, seed: int) -> None:
    for step in play(worlds_of(config, scenario), seed):
        after = doubles(step.after)
        works = after["uav_fails_s"] > after["time_s"]  # who fails loses what it carries
        accounted = after["uav_resources"] + after["delivered"].sum(axis=1)
        served = after["target_remaining"] + after["delivered"].sum(axis=0)
        np.testing.assert_allclose(accounted[works], after["uav_initial_resources"][works], 1e-5, EPSILON)
        np.testing.assert_allclose(served, after["target_demand"], 1e-5, 2 * EPSILON)
        for name in ("uav_resources", "target_remaining", "delivered", "uav_range_left_m"):
            assert (after[name] >= 0.0).all()


@given(scenarios(), allocate_settings(kinds=("capability",)), SEEDS)
def test_allocate__capabilities_stay_and_serve_a_target_once(scenario: Scenario, config: Config, seed: int) -> None:
    for step in play(worlds_of(config, scenario), seed):
        before, after = doubles(step.before), doubles(step.after)
        works = after["uav_fails_s"] > after["time_s"]
        np.testing.assert_array_equal(after["uav_resources"][works], after["uav_initial_resources"][works])
        assert (after["delivered"] <= after["uav_initial_resources"][:, None] * (1 + 1e-6)).all()
        has_served = np.any(before["delivered"] > EPSILON, axis=2)
        uavs, slots = np.nonzero(step.observation.candidates[0] >= 0)
        assert not has_served[uavs, step.observation.candidates[0, uavs, slots]].any()


@given(scenarios(), allocate_settings(), SEEDS)
def test_allocate__targets_are_served_when_they_may_be(scenario: Scenario, config: Config, seed: int) -> None:
    """Not before they have appeared and the service time is over; under sync, all at once."""
    earliest_s = scenario.target_appears_s + scenario.target_service_s
    for step in play(worlds_of(config, scenario), seed):
        after = doubles(step.after)
        is_served = (after["delivered"] > 0.0).any(axis=(0, 2))
        assert not (is_served & (earliest_s > after["time_s"] * (1 + 1e-6))).any()
        if config.world.coalition == "sync":
            assert not (is_served & (after["target_remaining"] > EPSILON).any(axis=1)).any()


@given(scenarios(), allocate_settings(substeps=(1,)), SEEDS)
def test_allocate__path_is_the_sum_of_all_moves(scenario: Scenario, config: Config, seed: int) -> None:
    moved_m = np.zeros(scenario.sizes.num_uavs)

    for num_steps, step in enumerate(play(worlds_of(config, scenario), seed), start=1):
        before, after = doubles(step.before), doubles(step.after)
        moves_m = np.hypot(*(after["uav_position_m"] - before["uav_position_m"]).T)
        moved_m += moves_m
        used_m, works = scenario.uav_range_m - after["uav_range_left_m"], after["uav_fails_s"] > after["time_s"]

        # float32: a position is rounded in every step, and so are the sums
        rounding_m = num_steps * np.spacing(np.float32(2.0 * scenario.area_m.max()))
        range_rounding_m = num_steps * np.spacing(np.float32(scenario.uav_range_m.max()))
        np.testing.assert_allclose(after["uav_flown_m"], moved_m, 1e-5, 2.0 * rounding_m)
        np.testing.assert_allclose(used_m[works], after["uav_flown_m"][works], 1e-5, range_rounding_m)
        assert not moves_m[before["uav_range_left_m"] <= 0.0].any()


def is_home(scenario: Scenario, step: Step) -> bool:
    """True = all UAVs that can fly and have a depot are there."""
    after, number = doubles(step.after), scenario.depots[1]
    flies = (number > 0) & (step.after["uav_range_left_m"][0] > 0.0)
    from_depot_m = np.hypot(*(after["uav_position_m"][flies] - after["depot_position_m"][number[flies] - 1]).T)
    return bool((from_depot_m <= 100.0).all())


@given(scenarios(), allocate_settings(), SEEDS)
def test_allocate__ends_once_and_stands_still(scenario: Scenario, config: Config, seed: int) -> None:
    worlds = worlds_of(config, scenario)

    for step in play(worlds, seed, num_steps=40):
        ended, terminated = step.after["ended"][0], step.result.terminated[0]
        assert not step.before["ended"][0]
        assert terminated + step.result.truncated[0] == ended
        assert np.isfinite(step.result.reward).all()
        is_met = (step.after["target_remaining"][0] <= EPSILON).all()
        assert terminated == (is_met and is_home(scenario, step))
        assert ended or step.after["time_s"][0] < step.after["time_limit_s"][0]

    if ended:
        assert_stands_still(worlds)
        outcomes = worlds.outcomes(worlds.state.ended)
        undefined = {name for name, values in outcomes.items() if not np.isfinite(values).all()}
        is_served, has_flown = outcomes["satisfied_rate"][0] > 0.0, outcomes["path_km_per_uav"][0] > 0.0
        without_flight = set() if has_flown else {"efficiency_per_km"}
        assert undefined == (without_flight if is_served else {"last_service_s"})


@pytest.mark.slow
@given(scenarios(num_kinds=2, has_rules=True), scenarios(num_kinds=2, has_rules=True), allocate_settings(), SEEDS)
def test_allocate__a_larger_world_beside_it_changes_no_bit(
    scenario: Scenario, other: Scenario, config: Config, seed: int
) -> None:
    alone, beside = play(worlds_of(config, scenario), seed), play(worlds_of(config, scenario, other), seed)

    for one, padded in zip(alone, beside, strict=False):
        np.testing.assert_array_equal(one.observation.uav[0], padded.observation.uav[0, : scenario.sizes.num_uavs])
        np.testing.assert_array_equal(one.result.reward[0], padded.result.reward[0, : scenario.sizes.num_uavs])
        for name in ("uav_position_m", "uav_resources", "target_remaining"):
            array = one.after[name][0]
            np.testing.assert_array_equal(padded.after[name][0, : len(array)], array)


def test_allocate__one_uav_and_one_target_have_only_each_other() -> None:
    """k = 4 neighbours are asked for, and 16 candidates."""
    uav = {"id": "u", "position_m": [0, 0], "heading_rad": 0.0, "resources": [1], "range_m": 1e4}
    scenario = parse_scenario(
        {
            "name": "two",
            "area": {"width_m": 1e3, "height_m": 1e3},
            "uavs": [{**uav, "speed_mps": [10, 30], "cruise_mps": 20}],
            "targets": [{"id": "t", "position_m": [900, 0], "demand": [1], "value": 1.0}],
        },
        "two",
    )

    observation = worlds_of(ALLOCATE, scenario).reset()

    assert observation.neighbours.tolist() == [[[-1, 1], [0, -1]]]
    assert observation.candidates.tolist() == [[[0]]]
    assert observation.action_mask.tolist() == [[[True, True]]]
