"""Generated episodes: inside the ranges, at constant density, clear of obstacles, the same for the same key."""

from typing import Any

import numpy as np
import pytest

from rl_cluster.config.schema import Config
from rl_cluster.environment.allocate.generator import AllocateGenerator
from rl_cluster.environment.allocate.state import AllocateState
from rl_cluster.environment.shared.obstacles import gap_m


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
