"""Variations of a given episode: keyed, uniform within their ranges, and places that stay free in any crowd."""

import numpy as np
import pytest

from rl_cluster.environment.shared.obstacles import Zones, gap_m
from rl_cluster.environment.shared.variation import draws_of, moved, zones_of_row

AREA_M = np.array([1000.0, 800.0], dtype=np.float32)
NO_ZONES = Zones(
    np.zeros((1, 0), dtype=np.bool_), np.zeros((1, 0, 2), dtype=np.float32), np.zeros((1, 0), dtype=np.float32),
    np.zeros((1, 0), dtype=np.int16), np.zeros((1, 0, 0, 2), dtype=np.float32),
)  # fmt: skip
CIRCLE = Zones(
    np.ones((1, 1), dtype=np.bool_), np.array([[[500.0, 400.0]]], dtype=np.float32),
    np.array([[100.0]], dtype=np.float32), np.zeros((1, 1), dtype=np.int16), np.zeros((1, 1, 0, 2), dtype=np.float32),
)  # fmt: skip


def _draws(episode: int = 0, *, is_training: bool = True):  # type: ignore[no-untyped-def]  # the module's own tuple
    return draws_of(3, 2, episode, is_training=is_training)


def test_draws__are_those_of_the_episode_and_of_its_stream() -> None:
    assert np.array_equal(_draws().uniform(5, 4), _draws().uniform(0, 9)[5:])
    assert not np.array_equal(_draws().uniform(0, 4), _draws(episode=1).uniform(0, 4))
    assert not np.array_equal(_draws().uniform(0, 4), _draws(is_training=False).uniform(0, 4))


def test_between_logs__is_within_its_ends_and_in_the_middle_of_their_logarithms() -> None:
    values = _draws().between_logs(0, 2000, (0.25, 4.0))

    assert values.min() >= 0.25
    assert values.max() <= 4.0
    assert np.log(values).mean() == pytest.approx(0.0, abs=0.05)
    assert (_draws().between_logs(0, 5, (1.0, 1.0)) == 1.0).all()


def test_moved__by_nothing_is_what_was_given() -> None:
    at_m = np.array([[10.0, 20.0], [500.0, 400.0]], dtype=np.float32)

    assert np.array_equal(moved(at_m, 0.0, _draws(), 0, CIRCLE, AREA_M), at_m)


def test_moved__is_uniform_in_a_disc() -> None:
    at_m = np.tile(np.array([[500.0, 400.0]], dtype=np.float32), (2000, 1))

    shift_m = moved(at_m, 100.0, _draws(), 0, NO_ZONES, AREA_M) - at_m

    length_m = np.hypot(*shift_m.T)
    assert length_m.max() <= 100.001
    assert (length_m < 50.0).mean() == pytest.approx(0.25, abs=0.03)  # a quarter of the disc's area
    assert np.abs(shift_m.mean(axis=0)).max() < 5.0


def test_moved__stays_in_the_area_and_a_metre_off_zones() -> None:
    at_m = np.array([[0.0, 0.0], [1000.0, 800.0], [605.0, 400.0], [500.0, 295.0]], dtype=np.float32)

    for episode in range(200):
        placed_m = moved(at_m, 300.0, _draws(episode), 0, CIRCLE, AREA_M)
        assert (placed_m >= 0.0).all()
        assert (placed_m <= AREA_M).all()
        assert min(gap_m(CIRCLE, 0, 0, float(x), float(y)) for x, y in placed_m) >= 1.0


def test_moved__that_has_nowhere_to_go_stays() -> None:
    """On a zone's edge, where every shift that is short enough ends within a metre of it, or in a corner."""
    at_m = np.array([[600.0, 400.0]], dtype=np.float32)
    tiny_m = moved(at_m, 0.5, _draws(), 0, CIRCLE, AREA_M)

    assert np.array_equal(tiny_m, at_m)


def test_moved__keeps_places_apart() -> None:
    at_m = np.array([[100.0 + 30.0 * number, 100.0] for number in range(8)], dtype=np.float32)

    for episode in range(100):
        placed_m = moved(at_m, 60.0, _draws(episode), 0, NO_ZONES, AREA_M, apart_m=25.0)
        gaps_m = np.linalg.norm(placed_m[:, None] - placed_m[None], axis=-1)[~np.eye(8, dtype=bool)]
        assert gaps_m.min() >= 25.0 - 1e-3


def test_zones_of_row__are_those_of_one_world() -> None:
    two = Zones(*(np.concatenate([part, part + part.dtype.type(1)]) for part in CIRCLE))

    assert float(zones_of_row(two, 1).obstacle_radius_m[0, 0]) == 101.0
    assert all(len(part) == 1 for part in zones_of_row(two, 1))
