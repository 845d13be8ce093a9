"""Scenarios go back on the map: what was drawn comes back as it was, and what was flown is drawn."""

import collections
import dataclasses
import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rl_cluster.environment.scenario.geodesy import project
from rl_cluster.environment.scenario.map_export import FlownPath, to_geojson
from rl_cluster.environment.scenario.scenario_file import Scenario, load_scenario, parse_scenario, save_scenario
from rl_cluster.errors import ScenarioError
from tests.unit.environment.drawn_map import MAP, Map

HARBOUR, DATE_LINE = (13.4, 52.5), (179.98, -17.0)
PATH = FlownPath(np.array([0.0, 116.0]), np.array([[100.0, 200.0], [5900.0, 205.0]]))


def _drawn(load: Callable[[Any], Any], origin_deg: tuple[float, float]) -> Scenario:
    """All that a map can hold, at this place on earth."""
    data = load(MAP).as_dict()
    data |= {"name": "port", "time_limit_s": 321.0, "area": {"width_m": 6000.0, "height_m": 5000.0}}
    data |= {"origin": {"longitude_deg": origin_deg[0], "latitude_deg": origin_deg[1]}}
    data |= {"rules": {"coalition": "sync", "capture_radius_m": 60.5}}
    for number, x in enumerate((1000.0, 2130.0)):  # beside the date line, and across it
        data["obstacles"].append({"kind": "circle", "center_m": [x, 1000.0], "radius_m": 150.0})
        corners_m = [[x - 200.0, 200.0], [x + 300.0, 250.0], [x + 50.0, 300.0 + number], [x + 310.0, 480.0]]
        data["obstacles"].append({"kind": "polygon", "vertices_m": [*corners_m, [x - 200.0, 500.0]]})
    data["uavs"][0] |= {"position_m": [0.0, 5000.0], "depot_m": [5500.0, 4500.0]}
    return parse_scenario(data, "given")


def _as_text(features: list[Map], spell: Callable[[Any], Any]) -> list[Map]:
    """As a program gives them back that spells numbers and lists its own way."""
    return [
        {**feature, "properties": {name: spell(value) for name, value in feature["properties"].items()}}
        for feature in features
    ]


def _list_as(form: str) -> Callable[[Any], Any]:
    def spell(value: Any) -> Any:
        if isinstance(value, list):
            return form.format(count=len(value), parts=",".join(map(str, value)))
        return value

    return spell


SPELLINGS: dict[str, Callable[[Any], Any]] = {
    "as they are": lambda value: value,
    "JSON": lambda value: json.dumps(value) if isinstance(value, list) else value,
    "bare": _list_as("{parts}"),
    "OGR": _list_as("({count}:{parts})"),
    "all text": str,
    "whole numbers": lambda value: int(value) if isinstance(value, float) and value.is_integer() else value,
}


@pytest.mark.parametrize("origin_deg", [HARBOUR, DATE_LINE])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_map__comes_back_from_every_program_as_the_scenario_that_it_was(
    load: Callable[[Any], Any], origin_deg: tuple[float, float], spelling: str
) -> None:
    scenario = _drawn(load, origin_deg)
    drawn = to_geojson(scenario, [PATH, PATH])

    again = load({**drawn, "features": _as_text(drawn["features"], SPELLINGS[spelling])})

    for field in dataclasses.fields(scenario):
        expected, loaded = getattr(scenario, field.name), getattr(again, field.name)
        if isinstance(expected, np.ndarray) and expected.dtype.kind == "f":
            np.testing.assert_allclose(loaded, expected, atol=1e-3, err_msg=field.name)
        else:
            np.testing.assert_array_equal(loaded, expected, err_msg=field.name)


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
    path = FlownPath(np.array([0.0, 2.5, 20.0]), np.array([[100.0, 200.0], [110.0, 205.0], [120.0, 215.0]]))

    features = to_geojson(scenario, [path, FlownPath(path.time_s[:1], path.position_m[:1])])["features"]

    (line,) = [feature for feature in features if feature["geometry"]["type"] == "LineString"]
    assert line["properties"] == {"role": "path", "uav": "u1", "times": [0, 2500, 20000]}
    drawn_m = project(scenario.origin, line["geometry"]["coordinates"])
    np.testing.assert_allclose(drawn_m, path.position_m, atol=1e-6)
    (ring,) = next(f["geometry"]["coordinates"] for f in features if f["geometry"]["type"] == "Polygon")
    distances_m = np.linalg.norm(project(scenario.origin, ring) - [1000.0, 1000.0], axis=1)
    assert ring[0] == ring[-1]
    assert len(ring) == 65
    np.testing.assert_allclose(distances_m * np.cos(np.pi / 64), 150.0, atol=1e-6)


def test_to_geojson__keeps_every_part_on_one_side_of_the_date_line(load: Callable[[Any], Any]) -> None:
    features = to_geojson(_drawn(load, DATE_LINE), [PATH, PATH])["features"]

    kinds = collections.Counter(feature["geometry"]["type"] for feature in features)
    assert kinds["LineString"] == 4
    assert kinds["MultiPolygon"] >= 2
    assert kinds["Polygon"] >= 2
    for feature in features:
        geometry = feature["geometry"]
        parts = geometry["coordinates"] if geometry["type"].startswith("Multi") else [geometry["coordinates"]]
        for part in parts:
            line = part[0] if geometry["type"].endswith("Polygon") else part
            if not geometry["type"].endswith("Point"):
                assert all(abs(start[0] - end[0]) < 1.0 for start, end in pairwise(line)), geometry


def test_to_geojson__gives_every_position_a_time_on_both_sides_of_the_date_line(load: Callable[[Any], Any]) -> None:
    features = to_geojson(_drawn(load, DATE_LINE), [PATH, PATH])["features"]

    first, second = [one for one in features if one["properties"].get("uav") == "u1" and "times" in one["properties"]]
    for line in (first, second):
        assert len(line["properties"]["times"]) == len(line["geometry"]["coordinates"])
    (longitude, _), (end, _) = first["geometry"]["coordinates"]
    assert end == 180.0
    (start, _), (last, _) = second["geometry"]["coordinates"]
    assert start == -180.0
    crossed_ms = 116_000 * (end - longitude) / (end - longitude + last - start)
    assert first["properties"]["times"] == [0, pytest.approx(crossed_ms, abs=1.0)]
    assert second["properties"]["times"] == [first["properties"]["times"][-1], 116_000]


def test_to_geojson__refuses_what_lies_past_the_edge_of_the_earth(load: Callable[[Any], Any]) -> None:
    data = load(MAP).as_dict() | {"area": {"width_m": 9e6, "height_m": 9e6}}
    data["targets"][0]["position_m"] = [8e6, 8e6]

    with pytest.raises(ScenarioError, match="past the earth's edge as seen from its origin; give a smaller area"):
        to_geojson(parse_scenario(data, "given"))


def test_to_geojson__needs_an_origin_and_one_path_per_uav(load: Callable[[Any], Any]) -> None:
    scenario = load(MAP)
    data = scenario.as_dict()
    del data["origin"]

    with pytest.raises(ScenarioError, match="harbour: it has no origin; give it origin:"):
        to_geojson(parse_scenario(data, "given"))
    with pytest.raises(ScenarioError, match="harbour: it has 2 UAVs, but there are 3 paths; give the paths"):
        to_geojson(scenario, [PATH] * 3)
