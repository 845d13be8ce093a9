"""Bad inputs of the commands that read scenarios and maps: `evaluate --scenario` and `scenario`."""

import copy
import json
from typing import Any

from tests.hostile.row import FIFO, Link, Row

UAV = {
    "id": "u",
    "position_m": [10, 10],
    "heading_rad": 0,
    "resources": [60, 40],
    "range_m": 9000,
    "speed_mps": [15, 40],
    "cruise_mps": 25,
    "max_turn_rate_radps": 0.8,
}
TARGET = {"id": "t", "position_m": [900, 900], "demand": [50, 20], "value": 1}
SOUND: dict[str, Any] = {
    "name": "one",
    "area": {"width_m": 1000, "height_m": 1000},
    "time_limit_s": 300,
    "uavs": [UAV],
    "targets": [TARGET],
}


def _scenario(place: str, value: Any, line: str) -> Row:
    """The sound scenario, with one value changed."""
    data = copy.deepcopy(SOUND)
    *path, last = (int(part) if part.isdigit() else part for part in place.split("."))
    part: Any = data
    for name in path:
        part = part[name]
    part[last] = value
    return Row(["evaluate", "--scenario", "s.json"], line, files={"s.json": json.dumps(data)})


def _zone(vertices_m: list[list[float]], line: str) -> Row:
    return _scenario("obstacles", [{"kind": "polygon", "vertices_m": vertices_m}], line)


def _text(text: str | bytes, line: str, name: str = "s.yaml") -> Row:
    return Row(["evaluate", "--scenario", name], line, files={name: text})


def _map(features: list[Any], line: str) -> Row:
    text = json.dumps({"type": "FeatureCollection", "features": features})
    return Row(["scenario", "import", "m.geojson", "--out", "s.yaml"], line, files={"m.geojson": text})


def _feature(kind: str, coordinates: Any, **properties: Any) -> dict[str, Any]:
    geometry = {"type": kind, "coordinates": coordinates}
    return {"type": "Feature", "geometry": geometry, "properties": properties}


UAV_POINT = {name: value for name, value in UAV.items() if name != "position_m"}

UAV_FEATURE = _feature("Point", [0.005, 0.005], role="uav", **UAV_POINT)

ROWS = [
    _scenario("uavs.0.cruise_mps", 1e-46, "cruise_mps"),
    _scenario("uavs.0.cruise_mps", 1e38, "cruise_mps"),
    _scenario("uavs.0.cruise_mps", 50, "not within speed_mps"),
    _scenario("uavs.0.speed_mps", [40, 15], "lowest speed first"),
    _scenario("uavs.0.speed_mps", [1e-46, 40], "speed_mps.0"),
    _scenario("uavs.0.range_m", 1e-46, "range_m"),
    _scenario("uavs.0.range_m", 1e39, "range_m"),
    _scenario("uavs.0.max_turn_rate_radps", 1e-46, "max_turn_rate_radps"),
    _scenario("uavs.0.max_turn_rate_radps", 0.01, "turn radius"),
    _scenario("uavs.0.resources", [], "resources"),
    _scenario("uavs.0.resources", [1], "kinds of resource"),
    _scenario("uavs.0.resources", [1e39, 1], "resources.0"),
    _scenario("uavs.0.heading_rad", 1e38, "heading_rad"),
    _scenario("uavs.0.position_m", [1001, 1], "outside the area"),
    _scenario("uavs.0.position_m", "10,10", "position_m"),
    _scenario("uavs.0.id", "", "uavs.0.id"),
    _scenario("uavs.0.id", "u" * 65, "uavs.0.id"),
    _scenario("uavs.0.id", 7, "uavs.0.id"),
    _scenario("uavs.0.colour", "red", "unknown key"),
    _scenario("uavs", [], "give at least one"),
    _scenario("uavs", [UAV, UAV], "used twice"),
    _scenario("uavs", [{}] * 5000, "uavs"),
    _scenario("targets", [], "give at least one"),
    _scenario("targets.0.value", 1e-46, "value"),
    _scenario("targets.0.value", 1e38, "value"),
    _scenario("targets.0.demand", [0, 0], "demand is nothing"),
    _scenario("targets.0.service_time_s", -1, "service_time_s"),
    _scenario("area.width_m", 1e-46, "width_m"),
    _scenario("area.width_m", 1e38, "width_m"),
    _scenario("area.width_m", True, "width_m"),
    _scenario("time_limit_s", 1e-46, "time_limit_s"),
    _scenario("time_limit_s", 1e7, "flight steps"),
    _scenario("time_limit_s", 1e38, "time_limit_s"),
    _scenario("name", "n" * 65, "name"),
    _scenario("depot_m", [-1, 0], "outside the area"),
    _scenario("uavs.0.depot_m", [0, 1001], r"uavs\.0\.depot_m.*outside the area"),
    _scenario("rules", {"substep_s": 3}, r"rules: .*give both there"),
    _scenario("rules", {"capture_radius_m": 1}, r"uavs\.0: .*raise rules\.capture_radius_m"),
    _scenario("rules", {"coalition": "all"}, r"rules\.coalition: .*sum, sync"),
    _scenario("rules", {"capture_m": 1}, r"rules\.capture_m: unknown key"),
    _scenario("origin", {"longitude_deg": 181, "latitude_deg": 0}, "longitude_deg"),
    _scenario("obstacles", [{"kind": "square"}], "circle or polygon"),
    _scenario("obstacles", [{"kind": "circle", "center_m": [10, 10], "radius_m": 5}], "inside obstacles.0"),
    _scenario("obstacles", [{"kind": "circle", "center_m": [500, 500], "radius_m": 1e-46}], "radius_m"),
    _zone([[100, 100], [200, 200], [300, 300]], "on one line"),
    _zone([[100, 100], [400, 200], [700.0000001, 300]], "on one line"),
    _zone([[100, 100], [200, 100], [200, 100.00000001], [100, 200]], "corners 1 and 2 are the same"),
    _zone([[100, 100], [300, 300], [300, 100], [100, 300]], "edges"),
    _zone([[100, 100], [100.01, 100], [100, 100.01]], "no area"),
    _zone([[100, 100], [200, 100]], "vertices_m"),
    _text("", "is empty"),
    _text("- 1", "is not a mapping"),
    _text("base: debug\nengine: local", "settings of a run"),
    _text("uavs: [" + "{}," * 250_000 + "]", "values"),
    _text("uavs: [" * 40, "nested"),
    _text(b"\xff", "UTF-8"),
    _text('{"type": "FeatureCollection", "features": []}', "scenario import"),
    _text("{}", "is a trace", "t.jsonl"),
    _text('{"name": 1e999}', "name", "s.json"),
    Row(["evaluate", "--scenario", "s.yaml"], "regular file", files={"s.yaml": FIFO}),
    Row(["evaluate", "--scenario", "/dev/zero"], "regular file"),
    Row(["evaluate", "--scenario", "s.yaml"], "regular file", files={"s.yaml": Link("/dev/zero")}),
    Row(["evaluate", "--scenario", "{run}"], "is a run folder"),
    Row(["evaluate", "--scenario", "missing.yaml"], "cannot be read"),
    Row(["evaluate", "--scenario", "s.json", "--scenario", "s.json"], "twice", files={"s.json": json.dumps(SOUND)}),
    _map([], "features"),
    _map([_feature("LineString", [[0, 0], [0.01, 0.01]], role="path")], "; "),
    _map([_feature("LineString", [[0, 0], [0.01, 0.01]])] * 3, "; "),
    _map([_feature("Point", [0, 0], role="uav", **{**UAV_POINT, "cruise_mps": 1e-46})], "cruise_mps"),
    _map([_feature("Point", [0, 0], role="depot")], "no UAV"),
    _map([_feature("Point", [0, 1e38], role="uav", **UAV_POINT)], "coordinates"),
    _map([UAV_FEATURE, _feature("Polygon", [[[0, 0], [0.01, 0], [0.02, 0], [0, 0]]])], "on one line|no area"),
    _map([_feature("Point", [0, 0], role="goal", uav="nobody"), _feature("Point", [0, 0], role="uav", **UAV_POINT)],
         "id of a UAV"),
]  # fmt: skip
