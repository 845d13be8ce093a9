"""Maps become scenarios: everything lies where it was drawn, and what is no scenario is refused at its place."""

import copy
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rl_cluster.environment.scenario.geodesy import project
from rl_cluster.environment.scenario.map_import import load_geojson
from rl_cluster.errors import ScenarioError
from tests.unit.environment.drawn_map import FLIGHT, MAP, Map, point


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


def test_load_geojson__passes_over_what_gis_programs_add(load: Callable[[Any], Any]) -> None:
    data = copy.deepcopy(MAP)
    data |= {"name": "layer", "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}}
    for number, feature in enumerate(data["features"]):
        geometry = feature["geometry"]
        feature["properties"] |= {"fid": number, "demand": feature["properties"].get("demand"), "stroke-width": 2}
        feature["geometry"] = {"type": f"Multi{geometry['type']}", "coordinates": [geometry["coordinates"]]}
    data["features"][0]["properties"]["id"] = 7
    data["features"][6]["properties"]["uav"] = 7

    scenario = load(data)

    assert scenario.uav_ids == ("7", "u2")
    np.testing.assert_array_equal(scenario.uav_goal_m[0], load(MAP).uav_goal_m[1])
    np.testing.assert_array_equal(scenario.obstacle_vertices_m, load(MAP).obstacle_vertices_m)


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
LINE = [[13.41, 52.515], [13.41001, 52.515], [13.41002, 52.515], [13.41, 52.515]]
ROUND = [
    [13.415 + 0.001 * math.cos(a / 65 * math.tau), 52.517 + 0.001 * math.sin(a / 65 * math.tau)] for a in range(65)
]
ROUND.append(ROUND[0])
MERCATOR = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::3857"}}
MULTI = {"type": "MultiPolygon", "coordinates": [[SQUARE], [SQUARE]]}
CROSSING = [SQUARE[0], SQUARE[2], SQUARE[1], SQUARE[3], SQUARE[0]]


@pytest.mark.parametrize(
    ("number", "path", "value", "message"),
    [
        (4, "geometry.coordinates", [CROSSING], "features.4.geometry.coordinates: edges 0 and 2 meet; order the"),
        (4, "geometry.coordinates", [SQUARE[:-1]], "features.4.geometry.coordinates: the ring is not closed; repeat"),
        (4, "geometry.coordinates", [SQUARE, SQUARE], "features.4.geometry.coordinates: the polygon has holes; draw"),
        (4, "geometry.coordinates", [[]], "features.4.geometry.coordinates: the ring has 0 positions; give three corn"),
        (4, "geometry.coordinates", [], "features.4.geometry.coordinates: got []; write a list of one ring"),
        (4, "geometry.coordinates", SQUARE, "features.4.geometry.coordinates: it is a ring, not a list of rings; put"),
        (4, "geometry.coordinates", [SQUARE[:2] + SQUARE[:1]], "features.4.geometry.coordinates: the ring has 3 posit"),
        (4, "geometry.coordinates", [LINE], "features.4.geometry.coordinates: all corners lie on one line; move"),
        (4, "geometry.coordinates", [ROUND], "features.4.geometry.coordinates: the ring has 65 corners; draw it with"),
        (4, "properties.radius_m", 300, "features.4.properties.radius_m: the corners do not lie about a circle of thi"),
        (4, "properties.radius_m", -1, "features.4.properties.radius_m: got -1; give a finite number at least 0.001"),
        (4, "geometry", MULTI, "features.4.geometry: type MultiPolygon is not supported; draw Points, and Polygons on"),
        (4, "geometry.type", "GeometryCollection", "features.4.geometry: type GeometryCollection is not supported;"),
        (4, "geometry.type", "LineString", "features.4.geometry: type LineString is not supported; draw Points, and"),
        (4, "geometry", None, "features.4.geometry: type None is not supported; draw Points"),
        (4, "properties.altitude", 3, "features.4.properties.altitude: unknown key of a no-fly zone; choose id,"),
        (4, "properties.role", "uav", "features.4.properties.role: a Polygon is always a no-fly zone; remove it"),
        (0, "geometry.coordinates", [13.415, 52.517], "features.0: this uav is inside the polygon of features.4; move"),
        (2, "geometry.coordinates", [13.415, 52.517], "features.2: this target is inside the polygon of features.4;"),
        (5, "geometry.coordinates", [13.419, 52.519], "features.5: this depot is inside the polygon of features.4;"),
        (0, "geometry.coordinates", [52.5, 113.4], "features.0.geometry.coordinates: [52.5, 113.4] is out of range;"),
        (0, "geometry.coordinates", [-181, 0], "features.0.geometry.coordinates: [-181, 0] is out of range; write"),
        (0, "geometry.coordinates", ["13", 52], "features.0.geometry.coordinates: got ['13', 52]; write [longitude,"),
        (0, "geometry.coordinates", [13], "features.0.geometry.coordinates: got [13]; write [longitude, latitude],"),
        (0, "geometry.coordinates", [-13.4, 52.5], "its positions lie more than 500 km apart; keep a scenario to one"),
        (0, "properties.range_m", None, "features.0.properties.range_m: is missing; give a finite number"),
        (0, "properties.range", 5, "features.0.properties.range: unknown key; did you mean range_m?"),
        (0, "properties.role", None, "features.0.properties.role: is missing; write uav, target, goal or depot"),
        (0, "properties.role", "drone", "features.0.properties.role: got 'drone'; write uav, target, goal or depot"),
        (0, "properties", None, "features.0.properties.role: is missing; write uav, target, goal or depot"),
        (2, "properties.demand", None, "features.2.properties.demand: is missing; give a list of 1 to 8, each"),
        (3, "properties.id", "t1", "features.3.properties.id: 't1' is used twice; give each its own id"),
        (6, "properties.uav", "u9", "features.6.properties.uav: got 'u9'; write the id of a UAV"),
        (6, "properties.uav", None, "features.6.properties.uav: is missing; write the id of a UAV"),
        (3, "properties.demand", [5], "features.3.properties.demand: it has 1 kinds of resource, but uavs.0.resources"),
        (0, "properties.id", True, "features.0.properties.id: got true; give text of 1 to 64 characters"),
        (0, "properties.role", ["uav"], "features.0.properties.role: got \"['uav']\"; write uav, target, goal or depo"),
        (0, "properties.position_m", [1, 2], "features.0.properties.position_m: positions are drawn, not written;"),
        (1, "properties.goal_m", [1, 2], "features.1.properties.goal_m: positions are drawn, not written; remove it"),
        (0, "properties.named", "x", "features.0.properties.named: unknown key; choose one of id, position_m"),
        (5, "properties.id", "d", "features.5.properties.id: unknown key of a depot; choose uav, or remove it"),
        (6, "properties.id", "g", "features.6.properties.id: unknown key of a goal; choose uav, or remove it"),
        (5, "properties", {"role": "goal", "uav": "u2"}, "features.6.properties.uav: 'u2' has a goal already; keep on"),
        (6, "properties", {"role": "depot"}, "features.6: this is the second depot; keep one, or give it uav"),
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
        (json.dumps(MAP).replace('"id": "u1"', '"id": "u1", "id": "u3"'), "key id occurs twice; keep one of them"),
        (json.dumps({**MAP, "crs": MERCATOR}), r"crs: got urn:ogc:def:crs:EPSG::3857, which is not WGS84; export the"),
        (json.dumps({**MAP, "crs": {"type": "link"}}), "crs: got None, which is not WGS84; export the map in EPSG:432"),
        (json.dumps({**MAP, "scenario": 3}), "scenario: got 3; give a mapping with the keys name, area, origin, time_"),
        (json.dumps({**MAP, "scenario": {"name": "a"}}), r"scenario\.area: is missing; give a mapping with the keys"),
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
