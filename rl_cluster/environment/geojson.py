"""Scenarios from and to GeoJSON (RFC 7946): maps drawn elsewhere become scenarios, and results go back on the map.

A FeatureCollection of Points, whose property `role` says what they are, and of Polygons, which are no-fly zones:

    uav     id, resources, range_m, speed_mps, cruise_mps; may have heading_rad, max_turn_rate_radps, fails_s
    target  id, demand; may have value, service_time_s, appears_s
    goal    uav: the id of the UAV that flies there in task `navigate`
    depot   at most one

The area is the bounding box of all positions with a margin; its south-west corner is the scenario's origin, about which
`geodesy.py` projects. Properties that tools use for style (marker-.., stroke.., fill.., name, title, description) are
passed over.
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rl_cluster.config.json_file import parse_json
from rl_cluster.config.yaml_file import read_text
from rl_cluster.environment.geodesy import project, unproject
from rl_cluster.environment.scenario import Origin, Scenario, parse_scenario
from rl_cluster.environment.scenario_form import TargetForm, UAVForm, check_form
from rl_cluster.environment.zone_form import PolygonForm
from rl_cluster.errors import ScenarioError

__all__ = ["load_geojson", "to_geojson"]

_MARGIN_SHARE = 0.05
_LEAST_MARGIN_M = 100.0
_WIDEST_M = 500_000.0
_HIGHEST_LATITUDE_DEG = 80.0
_STYLE = ("marker-", "stroke", "fill", "name", "title", "description")
_CIRCLE_CORNERS = 64
_CORNER_ROUNDS = 8
"""North turns with the origin, most near the poles: so the corner is found in rounds."""

_POLYGON = "no-fly zone"


class _Feature(NamedTuple):
    """A feature that is known to be well formed."""

    where: str
    role: str
    properties: dict[str, Any]
    positions_deg: list[tuple[float, float]]
    """One, or the corners of a polygon, each once."""


def load_geojson(path: Path) -> Scenario:
    """The scenario in a GeoJSON file of at most 1 MiB; it is named after the file.

    Raises:
        ScenarioError: The file cannot be read, is not JSON, or no FeatureCollection; a feature is neither a Point with
            a role nor a Polygon of one closed ring that is simple; a position is out of range, or they lie more than
            500 km apart; a property is missing, unknown or out of bounds; a UAV, target, goal or depot is inside a
            no-fly zone; or what `parse_scenario` refuses.
    """
    where = str(path)
    features = _features(parse_json(read_text(path, ScenarioError, "GeoJSON"), where, ScenarioError), where)
    origin, positions_m, area_m = _place(features, where)
    data: dict[str, Any] = {
        "name": path.stem[:64],
        "area": {"width_m": float(area_m[0]), "height_m": float(area_m[1])},
        "origin": origin._asdict(),
        "uavs": [],
        "targets": [],
        "obstacles": [],
    }
    _check_zones(features, positions_m)
    for feature, place_m in zip(features, positions_m, strict=True):
        _add(data, feature, place_m)
    _check_counts(data, where)
    return parse_scenario(data, where)


def _features(data: Any, where: str) -> list[_Feature]:
    if not isinstance(data, dict) or data.get("type") != "FeatureCollection":
        raise ScenarioError(where, "is not a FeatureCollection", "export all features as one FeatureCollection")
    features = data.get("features")
    if not isinstance(features, list) or not features:
        raise ScenarioError(f"{where}: features", "there is none", "draw UAVs and targets as Points")
    return [_feature(feature, f"{where}: features.{number}") for number, feature in enumerate(features)]


def _feature(feature: Any, where: str) -> _Feature:
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        raise ScenarioError(where, "is not a Feature", "write {type: Feature, properties: .., geometry: ..}")
    geometry, properties = feature.get("geometry"), feature.get("properties")
    geometry = geometry if isinstance(geometry, dict) else {}
    kind = geometry.get("type")
    properties = {
        name: value
        for name, value in (properties if isinstance(properties, dict) else {}).items()
        if not name.startswith(_STYLE)
    }
    role = properties.pop("role", None)
    if kind == "Polygon":
        if role is not None or properties:
            name = "role" if role is not None else next(iter(properties))
            raise ScenarioError(f"{where}.properties.{name}", "a no-fly zone has no properties", "remove it")
        return _Feature(where, _POLYGON, {}, _ring(geometry.get("coordinates"), f"{where}.geometry.coordinates"))
    if kind != "Point":
        remedy = "draw Points, and Polygons one by one"
        raise ScenarioError(f"{where}.geometry", f"type {kind} is not supported", remedy)
    if role not in {"uav", "target", "goal", "depot"}:
        what = "it is missing" if role is None else f"got {str(role)[:60]!r}"
        raise ScenarioError(f"{where}.properties.role", what, "write uav, target, goal or depot")
    position = _position(geometry.get("coordinates"), f"{where}.geometry.coordinates")
    return _Feature(where, role, properties, [position])


def _position(coordinates: Any, where: str) -> tuple[float, float]:
    """Longitude and latitude; a height is passed over."""
    is_position = isinstance(coordinates, list) and len(coordinates) in {2, 3}
    if not is_position or not all(isinstance(part, int | float) and not isinstance(part, bool) for part in coordinates):
        raise ScenarioError(where, f"got {str(coordinates)[:60]}", "write [longitude, latitude], degrees")
    longitude, latitude = coordinates[:2]
    if not (abs(longitude) <= 180.0 and abs(latitude) <= _HIGHEST_LATITUDE_DEG):
        what = f"[{longitude}, {latitude}] is out of range"
        raise ScenarioError(where, what, "write [longitude, latitude] in WGS84 degrees, latitudes up to 80")
    return float(longitude), float(latitude)


def _ring(coordinates: Any, where: str) -> list[tuple[float, float]]:
    """The corners of the exterior ring, each once."""
    if not isinstance(coordinates, list) or not coordinates or not isinstance(coordinates[0], list):
        raise ScenarioError(where, f"got {str(coordinates)[:60]}", "write one list of positions")
    if len(coordinates) > 1:
        raise ScenarioError(where, "the polygon has holes", "draw it without; nothing flies inside anyway")
    ring = [_position(position, f"{where}.0.{number}") for number, position in enumerate(coordinates[0])]
    if len(ring) < 4 or ring[0] != ring[-1]:
        raise ScenarioError(where, "the ring is not closed", "repeat its first position at the end")
    return ring[:-1]


def _place(features: Sequence[_Feature], where: str) -> tuple[Origin, list[NDArray[np.float64]], NDArray[np.float64]]:
    """The origin, the positions of each feature (.., 2) and the area (2,), metres."""
    first = features[0].positions_deg[0]
    flat_deg = np.array([position for feature in features for position in feature.positions_deg])
    # Past the edge of the hemisphere about the first position, the plane folds back: hence this test by degrees.
    turned_deg = np.abs((flat_deg - first + 180.0) % 360.0 - 180.0).max()
    about_first_m = project(first, flat_deg)
    if turned_deg > 60.0 or np.ptp(about_first_m, axis=0).max() > _WIDEST_M:
        raise ScenarioError(where, "its positions lie more than 500 km apart", "keep a scenario to one region")
    margin_m = max(_LEAST_MARGIN_M, _MARGIN_SHARE * float(np.ptp(about_first_m, axis=0).max()))
    origin = Origin(*first)
    for _ in range(_CORNER_ROUNDS):
        corner_deg = unproject(origin, project(origin, flat_deg).min(axis=0) - margin_m)
        origin = Origin(float(corner_deg[0]), float(corner_deg[1]))
    positions_m = [project(origin, feature.positions_deg) for feature in features]
    return origin, positions_m, np.ceil(np.concatenate(positions_m).max(axis=0) + margin_m)


def _check_zones(features: Sequence[_Feature], positions_m: Sequence[NDArray[np.float64]]) -> None:
    """Polygons are simple, and hold nothing that must be reached."""
    zones = {
        number: check_form(PolygonForm, _zone(place_m), f"{feature.where}.geometry.")
        for number, (feature, place_m) in enumerate(zip(features, positions_m, strict=True))
        if feature.role == _POLYGON
    }
    for feature, place_m in zip(features, positions_m, strict=True):
        for number, zone in zones.items():
            if feature.role != _POLYGON and zone.holds((float(place_m[0, 0]), float(place_m[0, 1]))):
                what = f"this {feature.role} is inside the polygon of features.{number}"
                raise ScenarioError(feature.where, what, "move one of the two")


def _zone(corners_m: NDArray[np.float64]) -> dict[str, Any]:
    return {"kind": "polygon", "vertices_m": corners_m.tolist()}


def _add(data: dict[str, Any], feature: _Feature, place_m: NDArray[np.float64]) -> None:
    """Writes one feature into the scenario's plain data."""
    position_m, where = place_m[0].tolist(), f"{feature.where}.properties."
    match feature.role:
        case "uav":
            uav = {"heading_rad": 0.0, **feature.properties, "position_m": position_m}
            check_form(UAVForm, uav, where)
            data["uavs"].append(uav)
        case "target":
            target = {"value": 1.0, **feature.properties, "position_m": position_m}
            check_form(TargetForm, target, where)
            data["targets"].append(target)
        case "goal":
            data.setdefault("goals", []).append((feature, position_m))
        case "depot":
            if "depot_m" in data:
                raise ScenarioError(feature.where, "this is the second depot", "keep one")
            data["depot_m"] = position_m
        case _:
            data["obstacles"].append(_zone(place_m))


def _check_counts(data: dict[str, Any], where: str) -> None:
    """Gives every goal to its UAV. There is at least one UAV."""
    if not data["uavs"]:
        raise ScenarioError(where, "there is no UAV", "give at least one Point the role uav")
    uavs = {uav["id"]: uav for uav in data["uavs"]}
    for feature, position_m in data.pop("goals", []):
        name = feature.properties.get("uav")
        if not isinstance(name, str) or name not in uavs or "goal_m" in uavs[name]:
            what = f"got {name!r}, which is no UAV without a goal"
            raise ScenarioError(f"{feature.where}.properties.uav", what, "write the id of a UAV, one goal each")
        uavs[name]["goal_m"] = position_m


def to_geojson(scenario: Scenario, paths_m: Sequence[ArrayLike] = ()) -> dict[str, Any]:
    """The scenario, and where its UAVs flew, as a FeatureCollection; a circle becomes a polygon of 64 corners about it.

    Args:
        scenario: One with an origin.
        paths_m: None, or one per UAV: (T, 2) its positions over time. A path of two or more becomes a LineString of
            the role path.

    Raises:
        ScenarioError: The scenario has no origin, or there is another number of paths than of UAVs.
    """
    if scenario.origin is None:
        raise ScenarioError(scenario.name, "it has no origin", "give it origin: {longitude_deg, latitude_deg}")
    if len(paths_m) not in {0, len(scenario.uav_ids)}:
        what = f"it has {len(scenario.uav_ids)} UAVs, but there are {len(paths_m)} paths"
        raise ScenarioError(scenario.name, what, "give the paths that were flown in this scenario")
    features = [*_points(scenario), *_zones(scenario)]
    for uav_id, path_m in zip(scenario.uav_ids, paths_m, strict=False):
        line = _to_degrees(scenario, path_m)
        if len(line) >= 2:
            features.append(_as_feature("LineString", line, {"role": "path", "uav": uav_id}))
    return {"type": "FeatureCollection", "name": scenario.name, "features": features}


def _points(scenario: Scenario) -> Iterator[dict[str, Any]]:
    plain = scenario.as_dict()
    for role, entities in (("uav", plain["uavs"]), ("target", plain["targets"])):
        for entity in entities:
            goal_m, position_m = entity.pop("goal_m", None), entity.pop("position_m")
            yield _as_feature("Point", _to_degrees(scenario, position_m), {"role": role, **entity})
            if goal_m is not None:
                yield _as_feature("Point", _to_degrees(scenario, goal_m), {"role": "goal", "uav": entity["id"]})
    if scenario.depot_m is not None:
        yield _as_feature("Point", _to_degrees(scenario, scenario.depot_m), {"role": "depot"})


def _zones(scenario: Scenario) -> Iterator[dict[str, Any]]:
    for o, num_vertices in enumerate(scenario.obstacle_num_vertices):
        corners_m = scenario.obstacle_vertices_m[o, :num_vertices]
        if num_vertices == 0:
            angles_rad = np.arange(_CIRCLE_CORNERS) * (2.0 * math.pi / _CIRCLE_CORNERS)
            radius_m = scenario.obstacle_radius_m[o] / math.cos(math.pi / _CIRCLE_CORNERS)
            around = np.stack([np.cos(angles_rad), np.sin(angles_rad)], axis=-1)
            corners_m = scenario.obstacle_center_m[o] + radius_m * around
        ring = _to_degrees(scenario, corners_m)
        yield _as_feature("Polygon", [[*ring, ring[0]]], {})


def _to_degrees(scenario: Scenario, position_m: ArrayLike) -> list[Any]:
    assert scenario.origin is not None
    degrees: list[Any] = unproject(scenario.origin, position_m).tolist()
    return degrees


def _as_feature(kind: str, coordinates: list[Any], properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": {"type": kind, "coordinates": coordinates}}
