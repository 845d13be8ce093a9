"""Scenarios go back on the map: what was drawn comes back as it was, and what was flown is drawn."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rl_cluster.environment.geodesy import project
from rl_cluster.environment.map_export import to_geojson
from rl_cluster.environment.scenario import load_scenario, parse_scenario, save_scenario
from rl_cluster.errors import ScenarioError
from tests.unit.environment.drawn_map import MAP


def test_to_geojson__gives_back_what_was_loaded(load: Callable[[Any], Any]) -> None:
    data = load(MAP).as_dict()
    data |= {"name": "port", "time_limit_s": 321.0, "area": {"width_m": 6000.0, "height_m": 5000.0}}
    data["obstacles"] = [*data["obstacles"], {"kind": "circle", "center_m": [1000, 1000], "radius_m": 150}]
    data["uavs"][0]["position_m"] = [0.0, 5000.0]
    scenario = parse_scenario(data, "given")
    path_m: list[list[float]] = [[100.0, 200.0], [110.0, 205.0]]

    again = load(to_geojson(scenario, [path_m, path_m]))

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
