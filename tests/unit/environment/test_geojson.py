"""Maps as scenarios, and scenarios as maps: what was drawn comes back, and what is no scenario is refused."""

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rl_cluster.environment.geodesy import project
from rl_cluster.environment.geojson import load_geojson, to_geojson
from rl_cluster.environment.scenario import load_scenario, parse_scenario, save_scenario
from rl_cluster.errors import ScenarioError

Map = dict[str, Any]


def point(longitude: float, latitude: float, role: str, **properties: Any) -> Map:
    geometry = {"type": "Point", "coordinates": [longitude, latitude]}
    return {"type": "Feature", "properties": {"role": role, **properties}, "geometry": geometry}


def zone(*corners: tuple[float, float]) -> Map:
    ring = [list(corner) for corner in (*corners, corners[0])]
    return {"type": "Feature", "properties": {"fill": "#f00"}, "geometry": {"type": "Polygon", "coordinates": [ring]}}


FLIGHT = {"resources": [60, 40], "range_m": 9000, "speed_mps": [15, 40], "cruise_mps": 25}
MAP: Map = {
    "type": "FeatureCollection",
    "features": [
        point(13.40, 52.50, "uav", id="u1", **FLIGHT, **{"marker-color": "#00f", "name": "north"}),
        point(13.42, 52.51, "uav", id="u2", **FLIGHT, heading_rad=1.5, max_turn_rate_radps=0.5, fails_s=100),
        point(13.44, 52.52, "target", id="t1", demand=[50, 20]),
        point(13.45, 52.50, "target", id="t2", demand=[5, 2], value=2.5, service_time_s=9, appears_s=30),
        zone((13.41, 52.515), (13.42, 52.515), (13.42, 52.52), (13.41, 52.52)),
        point(13.43, 52.505, "depot"),
        point(13.46, 52.515, "goal", uav="u2"),
    ],
}


@pytest.fixture
def load(tmp_path: Path) -> Callable[[Any], Any]:
    def load_data(data: Any) -> Any:
        file = tmp_path / "harbour.geojson"
        file.write_text(data if isinstance(data, str) else json.dumps(data))
        return load_geojson(file)

    return load_data


def test_load_geojson__places_everything_as_it_lies_on_earth(load: Callable[[Any], Any]) -> None:
    scenario = load(MAP)

    assert scenario.name == "harbour"
    assert (scenario.uav_ids, scenario.target_ids) == (("u1", "u2"), ("t1", "t2"))
    drawn_deg = [feature["geometry"]["coordinates"] for feature in MAP["features"]]
    for number, read_m in (
        (0, scenario.uav_position_m[0]),
        (1, scenario.uav_position_m[1]),
        (2, scenario.target_position_m[0]),
        (3, scenario.target_position_m[1]),
        (5, scenario.depot_m),
        (6, scenario.uav_goal_m[1]),
    ):
        np.testing.assert_allclose(read_m, project(scenario.origin, drawn_deg[number]), atol=1e-6)
    np.testing.assert_allclose(
        np.sort(scenario.obstacle_vertices_m[0], axis=0),
        np.sort(project(scenario.origin, drawn_deg[4][0][:-1]), axis=0),
        atol=1e-6,
    )
    assert scenario.obstacle_num_vertices.tolist() == [4]
    assert np.isnan(scenario.uav_goal_m[0]).all()


def test_load_geojson__keeps_properties_and_fills_in_what_may_be_left_out(load: Callable[[Any], Any]) -> None:
    scenario = load(MAP)

    np.testing.assert_array_equal(scenario.uav_resources, [[60, 40], [60, 40]])
    np.testing.assert_array_equal(scenario.uav_heading_rad, [0.0, 1.5])
    np.testing.assert_array_equal(scenario.uav_max_turn_rate_radps, [np.nan, 0.5])
    np.testing.assert_array_equal(scenario.uav_fails_s, [np.inf, 100.0])
    np.testing.assert_array_equal(scenario.target_demand, [[50, 20], [5, 2]])
    np.testing.assert_array_equal(scenario.target_value, [1.0, 2.5])
    np.testing.assert_array_equal(scenario.target_service_s, [0.0, 9.0])
    np.testing.assert_array_equal(scenario.target_appears_s, [0.0, 30.0])


def test_load_geojson__the_area_is_the_bounding_box_with_a_margin(load: Callable[[Any], Any]) -> None:
    scenario = load(MAP)
    placed_m = np.concatenate([scenario.uav_position_m, scenario.target_position_m, scenario.obstacle_vertices_m[0]])
    placed_m = np.concatenate([placed_m, scenario.uav_goal_m[1:], [scenario.depot_m]])

    # 0.06 degrees of longitude at 52.5 degrees are 4.07 km, of which a twentieth is the margin
    np.testing.assert_allclose(placed_m.min(axis=0), 203.6, atol=1.0)
    np.testing.assert_allclose(scenario.area_m - placed_m.max(axis=0), 203.6, atol=1.5)


@pytest.mark.parametrize("latitude", [-79.9, 0.0, 79.9])
def test_load_geojson__wide_maps_near_the_poles_and_over_the_date_line_fit_their_area(
    load: Callable[[Any], Any], latitude: float
) -> None:
    data = copy.deepcopy(MAP)
    data["features"] = [
        point(179.0, latitude, "uav", id="u1", **FLIGHT),
        point(-178.0, latitude * 0.98, "target", id="t1", demand=[5, 2]),
    ]

    scenario = load(data)

    assert (np.concatenate([scenario.uav_position_m, scenario.target_position_m]) >= 100.0).all()


def test_to_geojson__gives_back_what_was_loaded(load: Callable[[Any], Any]) -> None:
    scenario = load(MAP)

    again = load(to_geojson(scenario))

    np.testing.assert_allclose(again.origin, scenario.origin, atol=1e-8)
    for name in ("uav_position_m", "uav_goal_m", "target_position_m", "depot_m", "obstacle_vertices_m", "area_m"):
        np.testing.assert_allclose(getattr(again, name), getattr(scenario, name), atol=1e-3, err_msg=name)
    for name in ("uav_ids", "uav_resources", "uav_fails_s", "target_value", "target_service_s", "target_appears_s"):
        np.testing.assert_array_equal(getattr(again, name), getattr(scenario, name), err_msg=name)


def test_to_geojson__works_from_the_saved_scenario(load: Callable[[Any], Any], tmp_path: Path) -> None:
    scenario = load(MAP)
    save_scenario(scenario, tmp_path / "harbour.yaml")

    assert to_geojson(load_scenario(tmp_path / "harbour.yaml")) == to_geojson(scenario)


def test_to_geojson__draws_paths_as_lines_and_circles_as_polygons(load: Callable[[Any], Any]) -> None:
    scenario = load(MAP)
    data = scenario.as_dict()
    data["obstacles"] = [{"kind": "circle", "center_m": [1000, 1000], "radius_m": 150}]
    scenario = parse_scenario(data, "given")
    assert scenario.origin is not None
    path_m: list[list[float]] = [[100.0, 200.0], [110.0, 205.0], [120.0, 215.0]]

    features = to_geojson(scenario, [path_m, path_m[:1]])["features"]

    (line,) = [feature for feature in features if feature["geometry"]["type"] == "LineString"]
    assert line["properties"] == {"role": "path", "uav": "u1"}
    drawn_m = project(scenario.origin, line["geometry"]["coordinates"])
    np.testing.assert_allclose(drawn_m, np.array(path_m), atol=1e-6)
    (ring,) = next(f["geometry"]["coordinates"] for f in features if f["geometry"]["type"] == "Polygon")
    distances_m = np.linalg.norm(project(scenario.origin, ring) - [1000.0, 1000.0], axis=1)
    assert ring[0] == ring[-1]
    assert len(ring) == 65
    np.testing.assert_allclose(distances_m * np.cos(np.pi / 64), 150.0, atol=1e-6)


def test_to_geojson__needs_an_origin_and_one_path_per_uav(load: Callable[[Any], Any]) -> None:
    scenario = load(MAP)
    data = scenario.as_dict()
    del data["origin"]

    with pytest.raises(ScenarioError, match="harbour: it has no origin; give it origin:"):
        to_geojson(parse_scenario(data, "given"))
    with pytest.raises(ScenarioError, match="harbour: it has 2 UAVs, but there are 3 paths; give the paths"):
        to_geojson(scenario, [[[0.0, 0.0]]] * 3)


def changed(number: int, path: str, value: object) -> Map:
    """MAP with another value at a dotted path of a feature."""
    data = copy.deepcopy(MAP)
    *parents, name = path.split(".")
    node = data["features"][number]
    for part in parents:
        node = node[part]
    if value is None:
        del node[name]
    else:
        node[name] = value
    return data


SQUARE = [[13.41, 52.515], [13.42, 52.515], [13.42, 52.52], [13.41, 52.52], [13.41, 52.515]]
CROSSING = [SQUARE[0], SQUARE[2], SQUARE[1], SQUARE[3], SQUARE[0]]


@pytest.mark.parametrize(
    ("number", "path", "value", "message"),
    [
        (4, "geometry.coordinates", [CROSSING], "features.4.geometry.vertices_m: edges 0 and 2 meet; order the"),
        (4, "geometry.coordinates", [SQUARE[:-1]], "features.4.geometry.coordinates: the ring is not closed; repeat"),
        (4, "geometry.coordinates", [SQUARE, SQUARE], "features.4.geometry.coordinates: the polygon has holes; draw"),
        (4, "geometry.coordinates", [[]], "features.4.geometry.coordinates: the ring is not closed; repeat"),
        (4, "geometry.coordinates", [], "features.4.geometry.coordinates: got []; write one list of positions"),
        (4, "geometry.type", "MultiPolygon", "features.4.geometry: type MultiPolygon is not supported; draw Points"),
        (4, "geometry.type", "GeometryCollection", "features.4.geometry: type GeometryCollection is not supported;"),
        (4, "geometry.type", "LineString", "features.4.geometry: type LineString is not supported; draw Points, and"),
        (4, "geometry", None, "features.4.geometry: type None is not supported; draw Points"),
        (4, "properties.altitude", 3, "features.4.properties.altitude: a no-fly zone has no properties; remove it"),
        (4, "properties.role", "uav", "features.4.properties.role: a no-fly zone has no properties; remove it"),
        (0, "geometry.coordinates", [13.415, 52.517], "features.0: this uav is inside the polygon of features.4; move"),
        (2, "geometry.coordinates", [13.415, 52.517], "features.2: this target is inside the polygon of features.4;"),
        (5, "geometry.coordinates", [13.42, 52.52], "features.5: this depot is inside the polygon of features.4; move"),
        (0, "geometry.coordinates", [52.5, 113.4], "features.0.geometry.coordinates: [52.5, 113.4] is out of range;"),
        (0, "geometry.coordinates", [-181, 0], "features.0.geometry.coordinates: [-181, 0] is out of range; write"),
        (0, "geometry.coordinates", ["13", 52], "features.0.geometry.coordinates: got ['13', 52]; write [longitude,"),
        (0, "geometry.coordinates", [13], "features.0.geometry.coordinates: got [13]; write [longitude, latitude],"),
        (0, "geometry.coordinates", [-13.4, 52.5], "its positions lie more than 500 km apart; keep a scenario to one"),
        (0, "properties.range_m", None, "features.0.properties.range_m: it is missing; add it"),
        (0, "properties.range", 5, "features.0.properties.range: no such field; remove it, or correct its name"),
        (0, "properties.role", None, "features.0.properties.role: it is missing; write uav, target, goal or depot"),
        (0, "properties.role", "drone", "features.0.properties.role: got 'drone'; write uav, target, goal or depot"),
        (0, "properties", None, "features.0.properties.role: it is missing; write uav, target, goal or depot"),
        (2, "properties.demand", None, "features.2.properties.demand: it is missing; add it"),
        (3, "properties.id", "t1", "targets.1.id: 't1' is used twice; give each its own id"),
        (6, "properties.uav", "u9", "features.6.properties.uav: got 'u9', which is no UAV without a goal; write the"),
        (6, "properties.uav", None, "features.6.properties.uav: got None, which is no UAV without a goal; write the"),
        (6, "properties", {"role": "depot"}, "features.6: this is the second depot; keep one"),
        (3, "type", "Point", "features.3: is not a Feature; write {type: Feature, properties: .., geometry: ..}"),
    ],
)  # fmt: skip
def test_load_geojson__refuses_with_place_fault_and_remedy(
    load: Callable[[Any], Any], number: int, path: str, value: object, message: str
) -> None:
    with pytest.raises(ScenarioError, match=r"harbour\.geojson: " + re.escape(message)):
        load(changed(number, path, value))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{\n'type'", r"harbour\.geojson line 2: is not JSON \(.*\); correct it there"),
        ("", r"harbour\.geojson line 1: is not JSON"),
        ("[]", "is not a FeatureCollection; export all features as one FeatureCollection"),
        ('{"type": "Feature"}', "is not a FeatureCollection; export"),
        ('{"type": "FeatureCollection"}', "features: there is none; draw UAVs and targets as Points"),
        ('{"type": "FeatureCollection", "features": [3]}', r"features\.0: is not a Feature; write"),
        (json.dumps(MAP).replace("13.4,", "NaN,"), "holds NaN, which is no JSON; write a finite number"),
        (json.dumps(MAP).replace("13.4,", "1e999,"), r"features\.0\.geometry\.coordinates: \[inf, 52\.5\] is out of"),
        ("[" * 100_000, r"is not JSON that can be read; write shorter numbers and flatter lists"),
        ("9" * 5000, r"is not JSON that can be read; write shorter"),
        (" " * 2**20 + "{}", r"has 1\.0 MiB, more than 1 MiB; name a smaller GeoJSON file"),
    ],
)  # fmt: skip
def test_load_geojson__refuses_files_that_are_no_maps(load: Callable[[Any], Any], text: str, message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        load(text)


def test_load_geojson__refuses_a_map_without_uavs(load: Callable[[Any], Any]) -> None:
    data = copy.deepcopy(MAP)
    data["features"] = data["features"][2:5]

    with pytest.raises(ScenarioError, match=r"harbour\.geojson: there is no UAV; give at least one Point the role uav"):
        load(data)


def test_load_geojson__refuses_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="name a GeoJSON file that exists"):
        load_geojson(tmp_path / "missing.geojson")
