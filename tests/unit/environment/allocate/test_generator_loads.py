"""What UAVs carry and targets demand: equal fleets, single skills, scarce and rich supply."""

from typing import Any

import numpy as np
import pytest

from rl_cluster.config.schema import Config
from rl_cluster.environment.allocate.state import EPSILON, AllocateState
from rl_cluster.types import BoolArray
from tests.unit.environment.allocate.drawn_states import draw, with_settings

NUM_WORLDS = 400
OF_FLEET = ("uav_resources", "uav_cruise_mps", "uav_speed_mps", "uav_range_left_m")


@pytest.fixture(scope="module")
def plain(quick_demo: Config) -> AllocateState:
    return draw(quick_demo, NUM_WORLDS)


def _changed(state: AllocateState, plain: AllocateState) -> set[str]:
    return {name for name, array in state._asdict().items() if not np.array_equal(array, getattr(plain, name))}


def _are_equal(state: AllocateState) -> BoolArray:
    """(B,) whether all UAVs of a world have the same of everything."""
    return np.array([
        all(len(np.unique(getattr(state, name)[row, state.uav_exists[row]], axis=0)) == 1 for name in OF_FLEET)
        for row in range(state.num_worlds)
    ])  # fmt: skip


def test_equal_fleets__are_equal_and_as_frequent_as_asked(quick_demo: Config, plain: AllocateState) -> None:
    some, all_of_them = (draw(with_settings(quick_demo, equal_share=share), NUM_WORLDS) for share in (0.3, 1.0))

    assert not _are_equal(plain).any()
    assert _are_equal(all_of_them).all()
    is_equal = _are_equal(some)
    assert abs(is_equal.mean() - 0.3) < 0.07
    for name in ("uav_position_m", "uav_heading_rad", "target_position_m"):
        assert np.array_equal(getattr(some, name), getattr(plain, name))
    for name in OF_FLEET:
        assert np.array_equal(getattr(some, name)[~is_equal], getattr(plain, name)[~is_equal])
    assert len(np.unique(all_of_them.uav_cruise_mps[:, 0])) > NUM_WORLDS / 2  # episodes differ


@pytest.mark.parametrize("num_kinds", [2, 4])
def test_single_skill__is_one_kind_of_several(quick_demo: Config, num_kinds: int) -> None:
    config = with_settings(quick_demo, num_resources=num_kinds, specialist_share=0.0)
    single, some = (draw(with_settings(config, single_skill_share=share), NUM_WORLDS) for share in (1.0, 0.5))
    exists = single.uav_exists

    carries = single.uav_resources[exists] > 0.0
    assert (carries.sum(axis=1) == 1).all()
    np.testing.assert_allclose(carries.mean(axis=0), 1.0 / num_kinds, atol=0.04)
    num_carried = (some.uav_resources[exists] > 0.0).sum(axis=1)
    assert set(num_carried) == {1, num_kinds}
    assert abs((num_carried == 1).mean() - 0.5) < 0.04
    assert ((single.target_demand > EPSILON).any(axis=2) == single.target_exists).all()


def test_single_skill__has_no_meaning_for_one_kind(quick_demo: Config) -> None:
    config = with_settings(quick_demo, num_resources=1)
    single = draw(with_settings(config, single_skill_share=1.0), 50)

    assert not _changed(single, draw(config, 50))


@pytest.mark.parametrize(("supply_draw", "below_one"), [("uniform", 0.5 / 3.5), ("log", 1.0 / 3.0)])
def test_supply__reaches_both_ends(quick_demo: Config, supply_draw: str, below_one: float) -> None:
    state = draw(with_settings(quick_demo, supply_demand_ratio=(0.5, 4.0), supply_draw=supply_draw), 1000)
    supply, wanted = state.uav_resources.sum(axis=1), state.target_demand.sum(axis=1)
    ratio = supply[supply > 0.0] / wanted[supply > 0.0]

    assert 0.5 - 1e-4 < ratio.min() < 0.51
    assert 3.95 < ratio.max() < 4.0 + 1e-3
    assert abs((ratio < 1.0).mean() - below_one) < 0.03  # log: ln 2 / ln 8
    assert ((state.target_demand > EPSILON).any(axis=2) == state.target_exists).all()


def test_supply__that_is_drawn_in_logarithms_changes_demands_alone(quick_demo: Config, plain: AllocateState) -> None:
    assert _changed(draw(with_settings(quick_demo, supply_draw="log"), NUM_WORLDS), plain) == {"target_demand"}


@pytest.mark.parametrize(
    "off",
    [
        {"num_pads": (5, 9)},
        {"row_gap_m": 1.0},
        {"equal_share": 1e-12},
        {"single_skill_share": 1e-12},
    ],
)
def test_option_that_is_off__changes_no_bit(quick_demo: Config, plain: AllocateState, off: dict[str, Any]) -> None:
    assert not _changed(draw(with_settings(quick_demo, **off), NUM_WORLDS), plain)


def test_spacing_factor__is_drawn_in_logarithms_between_its_ends(quick_demo: Config) -> None:
    state = draw(with_settings(quick_demo, spacing_factor=(0.25, 4.0), num_obstacles=(0, 0)), 1000)
    count = state.uav_exists.sum(axis=1) + state.target_exists.sum(axis=1)
    factor = state.area_m[:, 0] / np.sqrt(count / 2) / quick_demo.generator.spacing_m

    assert 0.25 - 1e-6 < factor.min() < 0.26
    assert 3.9 < factor.max() < 4.0 + 1e-5
    assert abs((factor < 1.0).mean() - 0.5) < 0.04
    sides = state.uav_range_left_m / state.area_m[:, :1]
    assert sides[state.uav_exists].min() >= quick_demo.generator.range_sides[0] - 1e-5
