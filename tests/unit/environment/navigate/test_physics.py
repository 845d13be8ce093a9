"""Constants that follow from the settings: products with them are the quotients that they stand for."""

import pytest

from rl_cluster.environment.navigate.physics import physics_of
from tests.unit.environment.navigate.given_world import make_config


def test_physics__by_hand() -> None:
    """50 m to sense, 20 m/s at most, 8 m/s^2, 1.5 rad/s."""
    physics = physics_of(make_config().world)

    assert physics.band_m == 10.0 - 6.0
    # braking from 20 m/s takes 20^2 / (2 * 8) = 25 m, half a sensing radius
    assert physics.braking_per_speed2 * 20.0**2 == pytest.approx(0.5)
    # turning at 20 m/s has a radius of 20 / 1.5 m
    assert physics.turning_per_speed * 20.0 == pytest.approx(20.0 / 1.5 / 50.0)
    assert physics.horizon_s == pytest.approx(2 * 50.0 / 20.0)
    for inverse, value in (
        (physics.per_sensing_radius, physics.sensing_radius_m),
        (physics.per_max_speed, physics.max_speed_mps),
        (physics.per_horizon, physics.horizon_s),
    ):
        assert inverse * value == pytest.approx(1.0)


@pytest.mark.parametrize(("dynamics", "expected"), [("unicycle", True), ("double_integrator", False)])
def test_physics__says_how_uavs_move(dynamics: str, expected: bool) -> None:
    assert physics_of(make_config(world__dynamics=dynamics).world).is_unicycle == expected


def test_band__that_has_no_width_can_be_divided_by() -> None:
    assert physics_of(make_config(world__warning_distance_m=6.0).world).band_m > 0.0
