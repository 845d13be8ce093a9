"""Touches and depths in the warning band, by hand. Bodies touch below 6 m; the band is 4 m wide."""

from typing import Any

import numpy as np
import pytest

from rl_cluster.environment.navigate.contact import Contacts, find_contacts
from rl_cluster.environment.navigate.physics import physics_of
from tests.unit.environment.navigate.given_world import Start, make_given

CIRCLE: dict[str, Any] = {"kind": "circle", "center_m": [500.0, 500.0], "radius_m": 50.0}


def contacts(xs: list[float], *zones: dict[str, Any], num_gone: int = 0) -> tuple[list[bool], Any]:
    """Of UAVs side by side on a line; the last ones do not exist."""
    uavs: list[Start] = [(100.0 + 20.0 * i, 900.0, 0.0, 300.0, 100.0) for i in range(len(xs))]
    worlds = make_given(uavs, zones)
    state = worlds.state
    state.uav_position_m[0] = np.stack([xs, np.full(len(xs), 500.0)], axis=1)
    state.uav_exists[0, len(xs) - num_gone :] = False
    found = Contacts(np.ones(len(xs), dtype=np.bool_), np.ones(len(xs), dtype=np.float32))
    find_contacts(state, 0, physics_of(worlds.world), found)
    return found.touches.tolist(), found.depth.tolist()


@pytest.mark.parametrize(
    ("distance_m", "touches", "depth"),
    [(5.9, True, 1.0), (6.0, False, 1.0), (7.0, False, 0.75), (9.0, False, 0.25), (10.0, False, 0.0), (30.0, False, 0)],
)
def test_two_uavs__are_as_deep_as_each_other(distance_m: float, touches: bool, depth: float) -> None:
    assert contacts([200.0, 200.0 + distance_m]) == ([touches] * 2, pytest.approx([depth] * 2, abs=1e-5))


def test_depth__is_of_the_nearest() -> None:
    """Gaps of 3 m and 1 m to the one in the middle."""
    assert contacts([200.0, 209.0, 216.0])[1] == pytest.approx([0.25, 0.75, 0.75], abs=1e-5)


def test_touch__of_one_leaves_the_others_alone() -> None:
    assert contacts([200.0, 203.0, 212.0]) == ([True, True, False], pytest.approx([1.0, 1.0, 0.25], abs=1e-5))


@pytest.mark.parametrize(("gap_m", "touches", "depth"), [(-0.1, True, 1.0), (1.0, False, 0.75), (4.5, False, 0.0)])
def test_zone__is_met_by_half_of_the_collision_distance(gap_m: float, touches: bool, depth: float) -> None:
    """The UAV's body reaches 3 m from its centre, the zone 50 m."""
    assert contacts([500.0 - 53.0 - gap_m], CIRCLE) == ([touches], pytest.approx([depth], abs=1e-4))


def test_inside_a_zone__touches() -> None:
    assert contacts([500.0], CIRCLE) == ([True], [1.0])


def test_who_does_not_exist__meets_nobody() -> None:
    assert contacts([200.0, 203.0], num_gone=1) == ([False, False], [0.0, 0.0])
