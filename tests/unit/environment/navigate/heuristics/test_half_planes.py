"""Half-planes solved by hand, and against the best of a fine grid."""

import math

import numpy as np
from numpy.typing import NDArray

from rl_cluster.environment.navigate.heuristics.half_planes import nearest_velocity


def solve(planes: list[tuple[float, float, float, float]], wish: tuple[float, float]) -> NDArray[np.float64]:
    rows = np.zeros((64, 4))
    for row, plane in zip(rows, planes, strict=False):
        row[:] = plane
    return np.array(nearest_velocity(rows, len(planes), 10.0, *wish))


def test_half_planes__without_any_cut_to_the_disc() -> None:
    np.testing.assert_allclose(solve([], (3.0, 4.0)), [3.0, 4.0])
    np.testing.assert_allclose(solve([], (30.0, 40.0)), [6.0, 8.0])


def test_half_planes__by_hand() -> None:
    left_of_2 = (2.0, 0.0, -1.0, 0.0)  # v_x <= 2
    above_1 = (0.0, 1.0, 0.0, 1.0)  # v_y >= 1
    np.testing.assert_allclose(solve([left_of_2], (5.0, 3.0)), [2.0, 3.0])
    np.testing.assert_allclose(solve([left_of_2, above_1], (5.0, -3.0)), [2.0, 1.0])
    np.testing.assert_allclose(solve([above_1, left_of_2], (5.0, -3.0)), [2.0, 1.0])
    np.testing.assert_allclose(solve([(9.0, 0.0, 1.0, 0.0)], (0.0, 20.0)), [9.0, math.sqrt(19.0)], rtol=1e-6)


def test_half_planes__without_a_way_violate_all_alike() -> None:
    """v_x >= 3 and v_x <= -1 are both missed by 2 at v_x = 1."""
    velocity = solve([(3.0, 0.0, 1.0, 0.0), (-1.0, 0.0, -1.0, 0.0)], (0.0, 2.0))
    np.testing.assert_allclose(velocity, [1.0, 2.0], atol=1e-3)
    # out of reach: v_x >= 14 is missed by 4 at the disc's edge
    np.testing.assert_allclose(solve([(14.0, 0.0, 1.0, 0.0)], (0.0, 2.0)), [10.0, 0.0], atol=0.05)


def test_half_planes__allow_what_they_give() -> None:
    """The best of a fine grid is not nearer to the wish, and allowed."""
    rng = np.random.default_rng(0)
    axis = np.linspace(-10.0, 10.0, 201)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    grid = grid[np.linalg.norm(grid, axis=1) <= 10.0]
    for _ in range(60):
        angles, offsets = rng.uniform(-math.pi, math.pi, 5), rng.uniform(-8.0, 2.0, 5)
        normals = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
        planes = [(*(normal * offset), *normal) for normal, offset in zip(normals, offsets, strict=True)]
        wish = rng.uniform(-9.0, 9.0, 2)
        velocity = solve(planes, (float(wish[0]), float(wish[1])))
        allowed = grid[(grid @ normals.T >= offsets).all(axis=1)]
        assert np.linalg.norm(velocity) <= 10.0 + 1e-6
        if len(allowed):
            assert (velocity @ normals.T >= offsets - 1e-6).all()
            nearest = np.linalg.norm(allowed - wish, axis=1).min()
            assert np.linalg.norm(velocity - wish) <= nearest + 1e-6
