"""What ORCA avoids: others head on, zones, and who has arrived."""

import math
from typing import Any

import numpy as np
import pytest

from tests.unit.environment.navigate.heuristics.played import DYNAMICS, MakeWorlds, path, play


@pytest.mark.parametrize("dynamics", DYNAMICS)
def test_orca__two_head_on_pass_alike(given: MakeWorlds, dynamics: str) -> None:
    uavs = [(300.0, 500.0, 0.0, 700.0, 500.0), (700.0, 500.0, math.pi, 300.0, 500.0)]
    worlds = given(uavs, world__dynamics=dynamics)
    positions = path(worlds, "orca")
    assert worlds.state.uav_arrived.all()
    assert not worlds.state.uav_collisions.any()
    # each is the other, turned by half a turn about the middle
    np.testing.assert_allclose(positions[:, 0] + positions[:, 1], 1000.0, atol=0.1)
    apart = np.linalg.norm(positions[:, 0] - positions[:, 1], axis=1)
    assert 6.0 < apart.min() < 20.0


@pytest.mark.parametrize("dynamics", DYNAMICS)
def test_orca__flies_round_a_zone(given: MakeWorlds, dynamics: str) -> None:
    zones: list[dict[str, Any]] = [{"kind": "circle", "center_m": [500.0, 501.0], "radius_m": 30.0}]
    worlds = given([(300.0, 500.0, 0.0, 700.0, 500.0)], zones, world__dynamics=dynamics)
    outcomes = play(worlds, "orca")
    assert outcomes["success_rate"] == 1.0
    assert outcomes["path_m_per_uav"] < 430.0


@pytest.mark.parametrize("dynamics", DYNAMICS)
def test_orca__passes_one_that_has_arrived(given: MakeWorlds, dynamics: str) -> None:
    uavs = [(300.0, 500.0, 0.0, 700.0, 500.0), (500.0, 501.0, 0.0, 500.0, 501.0)]
    outcomes = play(given(uavs, world__dynamics=dynamics), "orca")
    assert outcomes["success_rate"] == 1.0
