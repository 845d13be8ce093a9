"""Longitude and latitude to metres and back: exact inverses, and known lengths on the ellipsoid."""

import math

import numpy as np
import pytest

from rl_cluster.environment.scenario.geodesy import project, unproject


@pytest.mark.parametrize("origin_deg", [(0.0, 0.0), (13.4, 52.5), (179.99, -33.0), (-70.0, 80.0)])
@pytest.mark.parametrize("reach_m", [50_000.0, 500_000.0])
def test_unproject__is_the_inverse_of_project(origin_deg: tuple[float, float], reach_m: float) -> None:
    positions_m = np.random.default_rng(0).uniform(-reach_m, reach_m, (500, 2))

    again_m = project(origin_deg, unproject(origin_deg, positions_m))

    assert np.abs(again_m - positions_m).max() < 1e-6


def test_project__the_origin_is_zero() -> None:
    assert project((13.4, 52.5), (13.4, 52.5)) == pytest.approx([0.0, 0.0], abs=1e-9)


def test_project__a_hundredth_of_a_degree_at_the_equator() -> None:
    # a degree of longitude is 6378137 * pi / 180 = 111319.5 m, one of latitude a (1 - e^2) pi / 180 = 110574.3 m
    assert project((0.0, 0.0), (0.01, 0.0)) == pytest.approx([1113.195, 0.0], abs=1e-3)
    assert project((0.0, 0.0), (0.0, 0.01)) == pytest.approx([0.0, 1105.743], abs=1e-3)


def test_project__a_degree_at_the_equator_is_shorter_by_its_square_over_6_r2() -> None:
    for degree, length_m in (((1.0, 0.0), 111319.491), ((0.0, 1.0), 110574.276)):
        shorter_m = length_m - np.hypot(*project((0.0, 0.0), degree))
        assert shorter_m == pytest.approx(length_m * math.radians(1.0) ** 2 / 6.0, rel=0.05)


def test_project__at_60_degrees_of_latitude() -> None:
    # N cos(60 deg) pi / 180 with N = a / sqrt(1 - e^2 sin^2): 6394209 / 2 * 0.0174533 = 55800.0 m a degree
    # M pi / 180 with M = a (1 - e^2) / (1 - e^2 sin^2)^1.5 = 6383454 m: 111412.3 m a degree
    assert project((25.0, 60.0), (25.01, 60.0))[0] == pytest.approx(558.000, abs=0.01)
    assert project((25.0, 60.0), (25.0, 60.01))[1] == pytest.approx(1114.123, abs=0.02)


def test_project__passes_over_the_date_line() -> None:
    assert project((179.99, 0.0), (-179.99, 0.0)) == pytest.approx([2226.39, 0.0], abs=0.01)


def test_unproject__of_one_position_is_one_position() -> None:
    assert unproject((10.0, 45.0), (0.0, 0.0)) == pytest.approx([10.0, 45.0], abs=1e-12)
    assert unproject((10.0, 45.0), np.zeros((3, 4, 2))).shape == (3, 4, 2)
