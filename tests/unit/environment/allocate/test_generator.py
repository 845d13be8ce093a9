"""Generated episodes: inside the ranges, at constant density, clear of obstacles, the same for the same key."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rl_cluster.config.allocate_generator import parts_of
from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.environment.allocate.generator import AllocateGenerator
from rl_cluster.environment.allocate.scenarios import ScenarioFiles, scenario_of
from rl_cluster.environment.allocate.state import AllocateState
from rl_cluster.environment.allocate.worlds import AllocateWorlds
from rl_cluster.environment.scenario.scenario_file import load_scenario, save_scenario
from rl_cluster.environment.shared.interface import Sizes
from rl_cluster.environment.shared.obstacles import gap_m
from rl_cluster.environment.tasks import make_source, make_worlds, saved_fault, saved_forms


def _worlds(
    config: Config, num_worlds: int, seed: int = 0, is_training: bool = False, episode: int = 0
) -> AllocateState:
    source = AllocateGenerator(config.generator, config.world, seed, is_training)
    state = AllocateState.empty(num_worlds, source.sizes)
    state.episode[:] = episode
    source.fill(state, np.arange(num_worlds), first_world=0)
    return state


@pytest.fixture(scope="module")
def state(quick_demo: Config) -> AllocateState:
    return _worlds(quick_demo, 300)


def test_generator__stays_in_its_ranges(quick_demo: Config, state: AllocateState) -> None:
    generator = quick_demo.generator
    exists = state.uav_exists

    for mask, (low, high) in (
        (exists, generator.num_uavs),
        (state.target_exists, generator.num_targets),
        (state.obstacle_exists, generator.num_obstacles),
    ):
        assert set(mask.sum(axis=1)) == set(range(low, high + 1))
    cruise_mps = state.uav_cruise_mps[exists]
    assert generator.cruise_mps[0] <= cruise_mps.min() < cruise_mps.max() <= generator.cruise_mps[1]
    carried = state.uav_resources[exists]
    assert generator.uav_resource[0] <= carried[carried > 0].min()
    assert carried.max() <= generator.uav_resource[1]


def test_generator__entities_stand_first(state: AllocateState) -> None:
    for mask in (state.uav_exists, state.target_exists, state.obstacle_exists):
        assert np.array_equal(mask, np.sort(mask, axis=1)[:, ::-1])


def test_generator__supply_over_demand_is_in_range_per_kind(quick_demo: Config, state: AllocateState) -> None:
    supply = state.uav_resources.sum(axis=1)
    ratio = (supply / np.maximum(state.target_demand.sum(axis=1), 1e-9))[supply > 0]
    low, high = quick_demo.generator.supply_demand_ratio

    assert low - 1e-4 <= ratio.min() < ratio.max() <= high + 1e-4


def test_generator__keeps_density_constant(quick_demo: Config, state: AllocateState) -> None:
    count = state.uav_exists.sum(axis=1) + state.target_exists.sum(axis=1)
    spacing_m = state.area_m[:, 0] / np.sqrt(count / 2)

    assert np.allclose(spacing_m, quick_demo.generator.spacing_m, rtol=1e-5)


def test_generator__keeps_everything_clear_of_obstacles(quick_demo: Config, state: AllocateState) -> None:
    kept_m = state.obstacle_radius_m + quick_demo.world.obstacle_clearance_m
    for position_m, exists in (
        (state.uav_position_m, state.uav_exists),
        (state.target_position_m, state.target_exists),
    ):
        gap_m = np.linalg.norm(position_m[:, :, None] - state.obstacle_center_m[:, None], axis=-1) - kept_m[:, None]
        assert gap_m[exists[:, :, None] & state.obstacle_exists[:, None]].min() > -0.01


def test_generator__polygons_take_the_place_of_circles_and_nothing_else_changes(
    quick_demo: Config, state: AllocateState
) -> None:
    generator = quick_demo.generator.model_copy(update={"polygon_share": 0.5})
    mixed = _worlds(quick_demo.model_copy(update={"generator": generator}), 300)

    is_polygon = mixed.obstacle_num_vertices > 0
    assert 0.4 < is_polygon[mixed.obstacle_exists].mean() < 0.6
    assert not state.obstacle_num_vertices.any()
    for name, array in mixed._asdict().items():
        if name in {"obstacle_center_m", "obstacle_radius_m"}:
            assert np.array_equal(array[~is_polygon], getattr(state, name)[~is_polygon])
        elif not name.startswith(("obstacle_num", "obstacle_vert", "waypoint")):
            assert np.array_equal(array, getattr(state, name)), name


def test_generator__keeps_everything_clear_of_polygons(quick_demo: Config) -> None:
    generator = quick_demo.generator.model_copy(update={"polygon_share": 1.0})
    mixed = _worlds(quick_demo.model_copy(update={"generator": generator}), 60)

    for b, o in np.argwhere(mixed.obstacle_exists):
        uavs, targets = mixed.uav_position_m[b, mixed.uav_exists[b]], mixed.target_position_m[b, mixed.target_exists[b]]
        for x, y in np.concatenate([uavs, targets]).tolist():
            assert gap_m(mixed, b, o, x, y) > quick_demo.world.obstacle_clearance_m - 0.01


OPTIONS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "values": ({"target_value": (0.5, 3.0)}, {"target_value"}),
    "service": ({"service_time_s": (10.0, 60.0)}, {"target_service_s"}),
    "appearing": ({"appearing_share": 0.3}, {"target_appears_s"}),
    "failing": ({"failing_share": 0.3}, {"uav_fails_s"}),
}
"""Name -> settings, and the fields of the state that they change."""


@pytest.mark.parametrize("option", OPTIONS)
def test_generator__an_option_changes_its_own_fields_only(
    quick_demo: Config, state: AllocateState, option: str
) -> None:
    settings, fields = OPTIONS[option]
    generator = quick_demo.generator.model_copy(update=settings)
    other = _worlds(quick_demo.model_copy(update={"generator": generator}), 300)

    changed = {name for name, array in other._asdict().items() if not np.array_equal(array, getattr(state, name))}
    assert changed == fields


def test_generator__draws_values_service_times_and_events_in_their_ranges(quick_demo: Config) -> None:
    settings = {name: value for options, _ in OPTIONS.values() for name, value in options.items()}
    generator = quick_demo.generator.model_copy(update=settings)
    drawn = _worlds(quick_demo.model_copy(update={"generator": generator}), 300)
    exists = drawn.target_exists

    for values, low, high in ((drawn.target_value[exists], 0.5, 3.0), (drawn.target_service_s[exists], 10.0, 60.0)):
        assert low <= values.min() < low + 0.02 * (high - low)
        assert high - 0.02 * (high - low) < values.max() <= high
    for time_s, is_event, last in (
        (drawn.target_appears_s, exists & (drawn.target_appears_s > 0.0), 0.5),
        (drawn.uav_fails_s, drawn.uav_exists & np.isfinite(drawn.uav_fails_s), 1.0),
    ):
        share_of_limit = (time_s / drawn.time_limit_s[:, None])[is_event]
        assert share_of_limit.min() < 0.02
        assert 0.96 * last < share_of_limit.max() <= last
        assert abs(share_of_limit.mean() - 0.5 * last) < 0.03
        assert abs(is_event.sum() / (exists if last < 1.0 else drawn.uav_exists).sum() - 0.3) < 0.03


def test_generator__depot_has_a_cell_of_its_own(quick_demo: Config) -> None:
    generator = quick_demo.generator.model_copy(update={"has_depot": True, "obstacle_radius_m": (50.0, 150.0)})
    config = quick_demo.model_copy(update={"generator": generator})
    drawn = _worlds(config, 300)

    assert (drawn.uav_depot == drawn.uav_exists).all()
    assert ((drawn.depot_position_m[:, 0] >= 0.0) & (drawn.depot_position_m[:, 0] <= drawn.area_m)).all()
    num_entities = sum(mask.sum(axis=1) for mask in (drawn.uav_exists, drawn.target_exists, drawn.obstacle_exists))
    cell_m = drawn.area_m[:, :1] / np.ceil(np.sqrt(num_entities + 1))[:, None]
    depot_cell = np.floor(drawn.depot_position_m[:, 0] / cell_m)[:, None]
    for position_m, exists in (
        (drawn.uav_position_m, drawn.uav_exists),
        (drawn.target_position_m, drawn.target_exists),
        (drawn.obstacle_center_m, drawn.obstacle_exists),
    ):
        is_beside = (np.floor(position_m / cell_m[:, None]) == depot_cell).all(axis=-1)
        assert not (is_beside & exists).any()
    gap_m = (
        np.linalg.norm(drawn.obstacle_center_m - drawn.depot_position_m[:, 0][:, None], axis=-1)
        - drawn.obstacle_radius_m
    )
    assert gap_m[drawn.obstacle_exists].min() > quick_demo.world.obstacle_clearance_m - 0.01


def test_generator__range_and_time_limit_scale_with_the_side(quick_demo: Config, state: AllocateState) -> None:
    sides = state.uav_range_left_m / state.area_m[:, :1]
    low, high = quick_demo.generator.range_sides
    mean_cruise_mps = state.uav_cruise_mps.sum(axis=1) / state.uav_exists.sum(axis=1)

    assert low <= sides[state.uav_exists].min() < sides[state.uav_exists].max() <= high
    flown_sides = state.time_limit_s * mean_cruise_mps / state.area_m[:, 0]
    assert np.allclose(flown_sides, quick_demo.world.time_limit_sides, rtol=1e-5)


@pytest.mark.parametrize("other", [{"seed": 1}, {"is_training": True}, {"episode": 1}])
def test_generator__same_key_same_episode_and_no_other(
    quick_demo: Config, state: AllocateState, other: dict[str, Any]
) -> None:
    again, different = _worlds(quick_demo, 20), _worlds(quick_demo, 20, **other)

    assert np.array_equal(again.uav_position_m, state.uav_position_m[:20])
    assert not np.array_equal(different.uav_position_m, again.uav_position_m)


def test_generator__own_depots_are_where_uavs_start_and_change_no_other_draw(quick_demo: Config) -> None:
    own = quick_demo.generator.model_copy(update={"has_depot": True, "depot_per_uav": True})
    states = []
    for generator in (quick_demo.generator, own):
        source = AllocateGenerator(generator, quick_demo.world, 4, is_training=True)
        states.append(AllocateState.empty(20, source.sizes))
        source.fill(states[-1], np.arange(20), first_world=0)
    without, drawn = states

    np.testing.assert_array_equal(drawn.depot_position_m, drawn.uav_position_m)
    np.testing.assert_array_equal(
        drawn.uav_depot, np.where(drawn.uav_exists, np.arange(1, 1 + drawn.sizes.num_uavs), 0)
    )
    for name, array in without.state_dict().items():
        if "depot" not in name and name != "waypoint_to_goal_m":
            np.testing.assert_array_equal(drawn.state_dict()[name], array, err_msg=name)


@pytest.fixture(scope="module")
def mixed() -> Config:
    """The mixture that ships."""
    return load_config("mixed")


def _source(config: Config) -> AllocateGenerator:
    return AllocateGenerator(config.generator, config.world, 0, is_training=False)


def test_mixture__is_padded_to_its_largest_part(mixed: Config, quick_demo: Config) -> None:
    assert _source(mixed).sizes == Sizes(8, 8, 20, 2, 8, 8)
    assert _source(quick_demo).sizes == Sizes(8, 8, 2, 2, 0)


def test_mixture__draws_each_part_by_its_weight(mixed: Config) -> None:
    weights = {"plain": 1.0, "swarm": 3.0}
    parts = tuple(
        part.model_copy(update={"weight": weights[part.name]})
        for part in mixed.generator.mixture
        if part.name in weights
    )
    config = mixed.model_copy(update={"generator": mixed.generator.model_copy(update={"mixture": parts})})
    drawn = _worlds(config, 400)
    is_swarm = [len(np.unique(drawn.uav_position_m[b, drawn.uav_exists[b]], axis=0)) == 1 for b in range(400)]

    assert np.mean(is_swarm) == pytest.approx(0.75, abs=0.01)
    names = _source(config).part_names(np.arange(400), np.zeros(400, dtype=np.int64))
    assert [name == "swarm" for name in names] == is_swarm


def test_mixture__episodes_are_those_of_their_parts_and_follow_their_rules(mixed: Config) -> None:
    worlds = AllocateWorlds(_source(mixed), mixed.world, mixed.reward, 140)
    worlds.reset()
    names = np.array(_source(mixed).part_names(np.arange(140), np.zeros(140, dtype=np.int64)))

    assert set(names) == {part.name for part in mixed.generator.mixture}
    for part in parts_of(mixed.generator, mixed.world):
        alone = AllocateGenerator(part.generator, part.world, 0, is_training=False)
        expected = AllocateState.empty(140, worlds.sizes)
        own = np.flatnonzero(names == part.name)
        alone.fill(expected, own, first_world=0)
        for name in (
            "uav_position_m",
            "uav_resources",
            "target_demand",
            "obstacle_vertices_m",
            "depot_position_m",
            "area_m",
        ):
            assert np.array_equal(getattr(worlds.state, name)[own], getattr(expected, name)[own]), (part.name, name)
        assert (worlds.state.is_sync[own] == (part.world.coalition == "sync")).all()
        assert (worlds.state.is_capability[own] == (part.world.resource_kind == "capability")).all()


def test_mixture__same_episode_whatever_the_batch_and_the_padding(mixed: Config) -> None:
    source = _source(mixed)
    n, m, o, r, c, d = source.sizes
    whole, wide = (
        AllocateState.empty(60, source.sizes),
        AllocateState.empty(60, Sizes(n + 3, m + 2, o + 1, r, c + 2, d + 1)),
    )
    for state in (whole, wide):
        state.episode[:] = 4
        source.fill(state, np.arange(60), first_world=0)
    for first in range(0, 60, 7):
        num_worlds = min(7, 60 - first)
        part = AllocateState.empty(num_worlds, source.sizes)
        part.episode[:] = 4
        source.fill(part, np.arange(num_worlds)[::-1].copy(), first_world=first)
        for name, array in part._asdict().items():
            assert np.array_equal(array, getattr(whole, name)[first : first + num_worlds]), name
    for name, array in wide._asdict().items():
        if name.startswith("waypoint"):
            continue
        inner = tuple(slice(0, length) for length in getattr(whole, name).shape)
        assert np.array_equal(array[inner], getattr(whole, name)), name
        assert np.count_nonzero(array) == np.count_nonzero(getattr(whole, name)), name


def test_mixture__parts_have_clocks_and_radii_of_their_own() -> None:
    parts = (
        "[{name: slow, weight: 1.0}, {name: quick, weight: 1.0, decision_interval_s: 10.0, substep_s: 0.5, "
        "capture_radius_m: 120.0, obstacle_clearance_m: 20.0}]"
    )
    config = load_config("quick_demo", [f"generator.mixture={parts}"])
    worlds = AllocateWorlds(_source(config), config.world, config.reward, 40)
    worlds.reset()
    is_quick = [name == "quick" for name in _source(config).part_names(np.arange(40), worlds.state.episode)]

    state = worlds.state
    assert set(is_quick) == {False, True}
    for array, slow, quick in (
        (state.decision_interval_s, 20.0, 10.0),
        (state.substep_s, 1.0, 0.5),
        (state.capture_radius_m, 100.0, 120.0),
        (state.clearance_m, 50.0, 20.0),
    ):
        assert np.array_equal(array, np.where(is_quick, quick, slow))
    worlds.advance(np.zeros((40, 8), dtype=np.int16))
    assert np.array_equal(state.time_s, np.where(is_quick, 10.0, 20.0))


def test_mixture__worlds_change_their_rules_from_episode_to_episode(mixed: Config) -> None:
    parts = tuple(part for part in mixed.generator.mixture if part.name in {"plain", "sync", "capability"})
    config = mixed.model_copy(update={"generator": mixed.generator.model_copy(update={"mixture": parts})})
    worlds = AllocateWorlds(_source(config), config.world, config.reward, 3)
    worlds.reset()
    seen = []
    for episode in range(40):
        assert (worlds.state.episode == episode).all()
        names = _source(config).part_names(np.arange(3), worlds.state.episode)
        assert worlds.state.is_sync.tolist() == [name == "sync" for name in names]
        assert worlds.state.is_capability.tolist() == [name == "capability" for name in names]
        seen += names
        worlds.give_up(np.ones(3, dtype=np.bool_))
        worlds.reset_ended()

    assert {name: abs(seen.count(name) / 120 - 1 / 3) < 0.05 for name in seen} == dict.fromkeys(seen, True)


def test_mixture__goes_on_from_saved_worlds_as_if_uninterrupted(mixed: Config) -> None:
    source = make_source(mixed, mixed.seed, is_training=True)
    worlds = make_worlds(mixed, source, 20, is_training=True)
    worlds.reset()
    saved = worlds.state_dict()
    again = make_worlds(mixed, source, 20, is_training=True)
    again.reset()
    again.load_state_dict(saved)

    assert {name: form.shape for name, form in saved_forms(mixed, 20).items()} == {
        name: array.shape for name, array in saved.items()
    }
    assert saved_fault(mixed, saved) is None
    for one in (worlds, again):
        one.give_up(np.ones(20, dtype=np.bool_))
        one.reset_ended()
    for name, array in worlds.state_dict().items():
        assert np.array_equal(array, again.state_dict()[name]), name


def test_mixture__every_episode_is_a_legal_scenario(mixed: Config, tmp_path: Path) -> None:
    worlds = AllocateWorlds(_source(mixed), mixed.world, mixed.reward, 140)
    worlds.reset()
    file = tmp_path / "drawn.json"

    for row in range(140):
        save_scenario(scenario_of(worlds.state, row), file)
        ScenarioFiles([load_scenario(file)], mixed.world, seed=0)


def test_parts__with_fewer_kinds_carry_and_demand_nothing_of_the_others() -> None:
    parts = "[{name: one-kind, weight: 1.0, num_resources: 1}]"
    drawn = _worlds(load_config("quick_demo", [f"generator.mixture={parts}"]), 20)

    assert not drawn.uav_resources[:, :, 1].any()
    assert not drawn.target_demand[:, :, 1].any()
    assert (drawn.target_demand[:, :, 0] > 0.0).sum() == drawn.target_exists.sum()
