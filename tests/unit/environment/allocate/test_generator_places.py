"""Where UAVs start: on pads, in rows, apart; always clear of zones, and inside the area."""

import numpy as np
import pytest

from rl_cluster.config.schema import Config
from rl_cluster.environment.allocate.state import AllocateState
from rl_cluster.environment.shared.obstacles import gap_m
from rl_cluster.types import FloatArray
from tests.unit.environment.allocate.drawn_states import draw, with_settings

STARTS = ("scattered", "pad", "pads", "row", "mixed")
MANY_ZONES = {"num_obstacles": (12, 20), "obstacle_radius_m": (50.0, 150.0), "polygon_share": 0.5}


def _points(state: AllocateState, row: int) -> FloatArray:
    """(P, 3) distinct x, y and heading of the UAVs of a world."""
    exists = state.uav_exists[row]
    starts = np.column_stack([state.uav_position_m[row, exists], state.uav_heading_rad[row, exists]])
    points: FloatArray = np.unique(starts, axis=0)
    return points


def test_scattered__is_no_other_than_before(quick_demo: Config) -> None:
    state = draw(quick_demo, 100)

    assert [len(_points(state, row)) for row in range(100)] == state.uav_exists.sum(axis=1).tolist()


def test_pad__is_one_point_with_one_heading(quick_demo: Config) -> None:
    state = draw(with_settings(quick_demo, uav_start="pad"), 100)

    assert {len(_points(state, row)) for row in range(100)} == {1}


def test_pads__are_a_few_points_each_of_which_has_a_uav(quick_demo: Config) -> None:
    state = draw(with_settings(quick_demo, uav_start="pads", num_pads=(2, 3)), 300)
    num_uavs = state.uav_exists.sum(axis=1)
    num_pads = np.array([len(_points(state, row)) for row in range(300)])

    assert set(num_pads) == {2, 3}
    assert (num_pads <= num_uavs).all()
    assert 0.4 < (num_pads[num_uavs > 2] == 3).mean() < 0.6
    _, sizes = np.unique(state.uav_position_m[num_uavs == 8][0], axis=0, return_counts=True)
    assert sizes.sum() == 8


def test_row__is_a_line_in_equal_gaps_with_one_heading(quick_demo: Config) -> None:
    state = draw(with_settings(quick_demo, uav_start="row", row_gap_m=30.0), 200)

    for row in range(200):
        exists = state.uav_exists[row]
        steps = np.diff(state.uav_position_m[row, exists].astype(np.float64), axis=0)
        np.testing.assert_allclose(np.hypot(*steps.T), 30.0, atol=0.01)
        np.testing.assert_allclose(steps, np.broadcast_to(steps[0], steps.shape), atol=0.01)
        assert len(np.unique(state.uav_heading_rad[row, exists])) == 1
    first = state.uav_position_m[:, 1] - state.uav_position_m[:, 0]
    angles_rad = np.arctan2(first[:, 1], first[:, 0]) % np.pi
    assert np.histogram(angles_rad, bins=4, range=(0.0, np.pi))[0].min() > 30


def test_row__that_is_too_long_fits_its_cell(quick_demo: Config) -> None:
    state = draw(with_settings(quick_demo, uav_start="row", row_gap_m=1e6), 200)
    num_others = state.target_exists.sum(axis=1) + state.obstacle_exists.sum(axis=1)
    cell_m = state.area_m[:, 0] / np.ceil(np.sqrt(1 + num_others))

    for row in range(200):
        position_m = state.uav_position_m[row, state.uav_exists[row]]
        assert np.linalg.norm(position_m[-1] - position_m[0]) == pytest.approx(0.9 * cell_m[row], rel=1e-4)
        cells = np.unique(np.floor(position_m / cell_m[row]), axis=0)
        assert len(cells) == 1


def test_mixed__draws_each_start_as_often(quick_demo: Config) -> None:
    mixed = draw(with_settings(quick_demo, uav_start="mixed", num_uavs=(8, 8)), 800)
    num_points = np.array([len(np.unique(mixed.uav_position_m[row], axis=0)) for row in range(800)])
    num_headings = np.array([len(np.unique(mixed.uav_heading_rad[row])) for row in range(800)])

    shares = [
        ((num_points == 8) & (num_headings == 8)).mean(),  # scattered
        (num_points == 1).mean(),  # pad
        ((num_points > 1) & (num_points < 8)).mean(),  # pads
        ((num_points == 8) & (num_headings == 1)).mean(),  # row
    ]
    assert sum(shares) == pytest.approx(1.0)
    np.testing.assert_allclose(shares, 0.25, atol=0.06)


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("num_uavs", [(1, 2), (2, 8)])
def test_starts__are_clear_of_many_zones_and_inside_the_area(
    quick_demo: Config, start: str, num_uavs: tuple[int, int]
) -> None:
    config = with_settings(quick_demo, uav_start=start, num_uavs=num_uavs, row_gap_m=1e6, **MANY_ZONES)
    if num_uavs == (1, 2):
        config = with_settings(config, num_targets=(2, 2), obstacle_radius_m=(50.0, 100.0))
    assert config.generator.smallest_cell_m / 2 >= config.generator.obstacle_radius_m[1] + 50.0
    state = draw(config, 60)

    assert set(state.obstacle_exists.sum(axis=1)) <= set(range(12, 21))
    for b in range(60):
        uavs, targets = state.uav_position_m[b, state.uav_exists[b]], state.target_position_m[b, state.target_exists[b]]
        for x, y in np.concatenate([uavs, targets]).tolist():
            assert min(x, y) >= 0.0
            assert max(x, y) <= state.area_m[b, 0]
            for o in np.flatnonzero(state.obstacle_exists[b]):
                assert gap_m(state, b, o, x, y) > config.world.obstacle_clearance_m - 0.01


def test_many_zones__stand_between_a_pad_and_its_targets(quick_demo: Config) -> None:
    state = draw(with_settings(quick_demo, uav_start="pad", **MANY_ZONES), 100)
    is_blocked = []
    for b in range(100):
        pad, centers_m = state.uav_position_m[b, 0], state.obstacle_center_m[b, state.obstacle_exists[b]]
        for target in state.target_position_m[b, state.target_exists[b]]:
            along = np.clip(((centers_m - pad) @ (target - pad)) / ((target - pad) @ (target - pad)), 0.0, 1.0)
            off_m = np.linalg.norm(pad + along[:, None] * (target - pad) - centers_m, axis=1)
            is_blocked.append((off_m < state.obstacle_radius_m[b, state.obstacle_exists[b]]).any())

    assert np.mean(is_blocked) > 0.25


def test_depot__has_a_cell_beside_a_pad(quick_demo: Config) -> None:
    config = with_settings(quick_demo, uav_start="pad", has_depot=True, obstacle_radius_m=(50.0, 150.0))
    state = draw(config, 200)
    depot_m = state.depot_position_m[:, 0]
    apart_m = np.linalg.norm(depot_m - state.uav_position_m[:, 0], axis=1)

    assert (apart_m > 0.0).all()
    assert ((depot_m >= 0.0) & (depot_m <= state.area_m)).all()
