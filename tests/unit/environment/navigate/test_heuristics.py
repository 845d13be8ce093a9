"""Heuristics: legal controls, what each of them can do, and half-planes solved by hand."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rl_cluster.environment.navigate.heuristics import HEURISTICS
from rl_cluster.environment.navigate.heuristics.half_planes import nearest_velocity
from rl_cluster.environment.navigate.worlds import NavigateWorlds

MakeWorlds = Callable[..., NavigateWorlds]
DYNAMICS = ("unicycle", "double_integrator")


def play(worlds: NavigateWorlds, name: str) -> dict[str, float]:
    """Plays one episode in every world; means of the outcomes."""
    policy = HEURISTICS[name](0)
    while not worlds.state.ended.all():
        worlds.advance(policy.act(worlds, worlds.observe()))
    return {metric: float(values.mean()) for metric, values in worlds.outcomes(worlds.state.ended).items()}


def path(worlds: NavigateWorlds, name: str) -> NDArray[np.float64]:
    """(T, N, 2) positions of the first world's UAVs."""
    policy, positions = HEURISTICS[name](0), []
    while not worlds.state.ended.all():
        worlds.advance(policy.act(worlds, worlds.observe()))
        positions.append(worlds.state.uav_position_m[0].astype(np.float64))
    return np.array(positions)


def solve(planes: list[tuple[float, float, float, float]], wish: tuple[float, float]) -> NDArray[np.float64]:
    rows = np.zeros((64, 4))
    for row, plane in zip(rows, planes, strict=False):
        row[:] = plane
    return np.array(nearest_velocity(rows, len(planes), 10.0, *wish))


@pytest.mark.parametrize("dynamics", DYNAMICS)
@pytest.mark.parametrize("name", list(HEURISTICS))
def test_heuristic__gives_legal_controls_whatever_the_batch(generated: MakeWorlds, name: str, dynamics: str) -> None:
    whole = generated(12, world__dynamics=dynamics)
    part = generated(3, first_world=4, world__dynamics=dynamics)
    policy, part_policy = HEURISTICS[name](3), HEURISTICS[name](3)
    assert policy.name == name
    for _ in range(40):
        controls, part_controls = policy.act(whole, whole.observe()), part_policy.act(part, part.observe())
        assert controls.dtype == np.float32
        assert controls.shape == whole.state.uav_goal_m.shape
        assert np.abs(controls).max() <= 1.0
        np.testing.assert_array_equal(controls[4:7], part_controls)
        whole.step(controls)
        part.step(part_controls)


@pytest.mark.parametrize("dynamics", DYNAMICS)
def test_heuristics__stand_weakest_first(generated: MakeWorlds, dynamics: str) -> None:
    scores = [play(generated(40, world__dynamics=dynamics), name)["success_rate"] for name in HEURISTICS]
    assert scores == sorted(scores)
    assert scores[0] < 0.2
    assert scores[-1] > 0.9


@pytest.mark.parametrize("name", ["straight", "orca"])
def test_alone__flies_straight(given: MakeWorlds, name: str) -> None:
    outcomes = play(given([(300.0, 300.0, 0.0, 500.0, 300.0)]), name)
    assert outcomes["success_rate"] == 1.0
    # 20 m/s after 2.5 s and 25 m; it arrives 6 m before the goal, and brakes there
    assert 194.0 / 20.0 < outcomes["makespan_s"] < 15.0
    assert outcomes["path_m_per_uav"] < 201.0


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
