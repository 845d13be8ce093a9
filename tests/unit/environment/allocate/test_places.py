"""Places on the edges of zones: UAVs start, serve and land there, and enter no zone."""

import math
from typing import Any

import numpy as np
import pytest

from rl_cluster.config.load import load_config
from rl_cluster.environment.allocate.heuristics import HEURISTICS
from rl_cluster.environment.allocate.places import places_of
from rl_cluster.environment.allocate.scenarios import ScenarioFiles, scenario_of
from rl_cluster.environment.allocate.worlds import AllocateWorlds
from rl_cluster.environment.scenario.scenario_file import parse_scenario
from rl_cluster.environment.shared.obstacles import gap_m
from rl_cluster.errors import ScenarioError

CONFIG = load_config("quick_demo")
Point = tuple[float, float]
CIRCLE: dict[str, Any] = {"kind": "circle", "center_m": [2000.3, 1500.7], "radius_m": 250.9}
NOTCHED: list[Point] = [(3000.1, 800.7), (3600.3, 800.7), (3600.3, 1500.9), (3310.3, 1020.1), (3000.1, 1500.9)]
POLYGON: dict[str, Any] = {"kind": "polygon", "vertices_m": [list(corner) for corner in NOTCHED]}


def on_circle(angle_rad: float) -> Point:
    (x, y), radius_m = CIRCLE["center_m"], CIRCLE["radius_m"]
    return x + radius_m * math.cos(angle_rad), y + radius_m * math.sin(angle_rad)


def on_edge(v: int, share: float) -> Point:
    (x0, y0), (x1, y1) = NOTCHED[v], NOTCHED[(v + 1) % len(NOTCHED)]
    return x0 + share * (x1 - x0), y0 + share * (y1 - y0)


EDGES = [on_circle(number) for number in range(7)]
EDGES += [on_edge(v, share) for v in range(len(NOTCHED)) for share in (0.0, 0.37)]


def with_places(
    uavs: list[Point], targets: list[Point], zones: list[dict[str, Any]], depot: Point | None = None
) -> dict[str, Any]:
    """UAVs that turn wide and at first fly north; one target can be served by one UAV."""
    uav = {"heading_rad": math.pi / 2, "resources": [10], "range_m": 90_000, "speed_mps": [15, 40], "cruise_mps": 25}
    return {
        "name": "edges",
        "area": {"width_m": 5000, "height_m": 4000},
        "time_limit_s": 3000,
        "uavs": [{"id": f"u{i}", "position_m": place, **uav} for i, place in enumerate(uavs)],
        "targets": [
            {"id": f"t{j}", "position_m": place, "demand": [10], "value": 1.0} for j, place in enumerate(targets)
        ],
        "obstacles": zones,
        **({} if depot is None else {"depot_m": depot}),
    }


def made_worlds(data: dict[str, Any]) -> AllocateWorlds:
    source = ScenarioFiles([parse_scenario(data, "edges")], CONFIG.world, seed=0)
    worlds = AllocateWorlds(source, CONFIG.world, CONFIG.reward, num_worlds=1)
    worlds.reset()
    return worlds


def play_out(worlds: AllocateWorlds) -> dict[str, Any]:
    policy = HEURISTICS["complete-first"](0)
    while not worlds.state.ended.all():
        worlds.advance(policy.act(worlds, worlds.observe()))
    return {name: float(values[0]) for name, values in worlds.outcomes(worlds.state.ended).items()}


@pytest.mark.parametrize("place", EDGES, ids=lambda place: f"{place[0]:.0f}-{place[1]:.0f}")
def test_uav_target_and_depot_on_an_edge__are_left_and_reached_without_entering_the_zone(place: Point) -> None:
    far = on_circle(2.0 + math.pi) if place[0] > 2500 else on_edge(0, 0.5)
    out = play_out(made_worlds(with_places([place], [far], [CIRCLE, POLYGON], depot=place)))

    assert (out["success_rate"], out["collisions_per_uav"]) == (1.0, 0.0)


def test_places_on_edges__are_stored_beside_the_zones_and_come_back() -> None:
    worlds = made_worlds(with_places(EDGES, [(10.0, 10.0)], [CIRCLE, POLYGON]))

    for i, place in enumerate(EDGES):
        x, y = worlds.state.uav_position_m[0, i].astype(np.float64).tolist()
        assert math.dist((x, y), place) < 0.012
        assert min(gap_m(worlds.state, 0, o, x, y) for o in range(2)) > 2e-6
    back = scenario_of(worlds.state, 0, world=CONFIG.world)
    again = made_worlds(parse_scenario(back.as_dict(), "back").as_dict())
    np.testing.assert_array_equal(again.state.uav_position_m, worlds.state.uav_position_m)


def test_places_beside_a_zone__are_left_as_they_are() -> None:
    near = [(2000.3 + 250.9 + 0.003, 1500.7), (3300.0, 800.69)]
    scenario = parse_scenario(with_places(near, [(10.0, 10.0)], [CIRCLE, POLYGON]), "near")

    np.testing.assert_array_equal(places_of(scenario).uav_m, np.array(near, dtype=np.float32))


@pytest.mark.parametrize("corner", [(0.0, 700.0), (700.0, 0.0), (0.0, 1000.0)])
def test_place_on_an_edge__stays_in_the_area(corner: Point) -> None:
    zone = {
        "kind": "polygon",
        "vertices_m": [[-300, 700], [700, 700], [700, -300], [1000, -300], [1000, 1000], [-300, 1000]],
    }
    (placed,) = places_of(parse_scenario(with_places([corner], [(2000.0, 10.0)], [zone]), "corner")).uav_m.tolist()

    assert min(placed) >= 0.0
    assert math.dist(placed, corner) < 0.012


def test_place_between_two_zones_that_touch__is_refused() -> None:
    sides = [
        [[1000, 1000], [1500, 1000], [1500, 2000], [1000, 2000]],
        [[1500, 1000], [2000, 1000], [2000, 2000], [1500, 2000]],
    ]
    zones = [{"kind": "polygon", "vertices_m": corners} for corners in sides]

    with pytest.raises(
        ScenarioError, match=r"edges: targets\.1: it is on the edge of .* no free place .*; move it, or one"
    ):
        made_worlds(with_places([(10.0, 10.0)], [(500.0, 500.0), (1500.0, 1700.0)], zones))
    assert play_out(made_worlds(with_places([(10.0, 10.0)], [(1500.0, 2000.0)], zones)))["success_rate"] == 1.0


@pytest.mark.parametrize("inside_m", [1e-5, 1.0, 100.0])
def test_place_inside__is_still_refused(inside_m: float) -> None:
    for place in ((2000.3 + 250.9 - inside_m, 1500.7), (3300.0, 800.7 + inside_m)):
        with pytest.raises(
            ScenarioError, match=r"uavs\.0\.position_m: .* is inside obstacles\.[01]; move one of the two"
        ):
            parse_scenario(with_places([place], [(10.0, 10.0)], [CIRCLE, POLYGON]), "edges")
