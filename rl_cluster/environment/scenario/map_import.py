"""Scenarios from GeoJSON (RFC 7946): maps that were drawn elsewhere.

A FeatureCollection of Points, whose property `role` says what they are, and of Polygons, which are no-fly zones:

    uav       id, resources, range_m, speed_mps, cruise_mps; may have heading_rad, max_turn_rate_radps, fails_s
    target    id, demand; may have value, service_time_s, appears_s
    goal      uav: the id of the UAV that flies there in task `navigate`
    depot     at most one for all UAVs; uav: the id of the UAV that must return there, one for each UAV at most
    Polygon   may have id, and radius_m: its corners lie about a circle, and the circle is meant

An id may be text or a whole number; numbers and lists of them may be text, too, as `map_text.py` reads it. The area is
the bounding box of all positions with a margin; its south-west corner is the scenario's origin, about which
`geodesy.py` projects. A map that `map_export.py` wrote tells these itself, in a member `scenario` beside its features:
name, area, origin, and time_limit_s and rules if there are any.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from rl_cluster.config.faults import first_fault
from rl_cluster.config.json_file import parse_json
from rl_cluster.config.yaml_file import read_text
from rl_cluster.environment.scenario.form import (
    AreaForm,
    OriginForm,
    RulesForm,
    TargetForm,
    UAVForm,
    check_form,
)
from rl_cluster.environment.scenario.geodesy import project, unproject
from rl_cluster.environment.scenario.map_features import ZONE, Feature, read_features
from rl_cluster.environment.scenario.map_text import from_text, identifier
from rl_cluster.environment.scenario.scenario_file import Origin, Scenario, parse_scenario
from rl_cluster.environment.scenario.zone_form import CircleForm, Form, Identifier, PolygonForm, Positive
from rl_cluster.errors import ScenarioError

__all__ = ["load_geojson"]

_MARGIN_SHARE = 0.05
_LEAST_MARGIN_M = 100.0
_WIDEST_M = 500_000.0
_CIRCLE_SHARE = 0.01
"""Share of its radius by which the corners of a circle may be off it."""
_ROUNDING_M = 1e-3
"""The most, in metres, by which a position changes on its way through longitude and latitude."""
_CORNER_ROUNDS = 8
"""Rounds to find the corner: north turns with the origin, most near the poles."""


class _Frame(Form):
    """The parts of a scenario beside its features."""

    name: Identifier
    area: AreaForm
    origin: OriginForm
    time_limit_s: Positive | None = None
    rules: RulesForm | None = None


class _ZoneName(Form):
    """What a polygon may say of itself."""

    id: Identifier | None


def load_geojson(path: Path) -> Scenario:
    """The scenario in a GeoJSON file of at most 1 MiB; it is named after the file, unless the map says its name.

    Raises:
        ScenarioError: The file cannot be read, or is not JSON; `read_features` or `parse_scenario` refuses what is in
            it; positions lie more than 500 km apart; a polygon is not simple; a property is missing, unknown or out of
            bounds; a goal is no UAV's; or a UAV, target, goal or depot is inside a no-fly zone.
    """
    where = str(path)
    drawn = parse_json(read_text(path, ScenarioError, "GeoJSON"), where, ScenarioError)
    features = read_features(drawn, where)
    given = drawn.get("scenario")
    frame = check_form(_Frame, given, f"{where}: scenario.") if given is not None else _frame(features, path)
    origin = Origin(frame.origin.longitude_deg, frame.origin.latitude_deg)
    positions_m = [_on_plane(origin, frame.area, feature) for feature in features]
    zones = _zones(features, positions_m)
    data: dict[str, Any] = {
        **frame.model_dump(exclude_none=True),
        "uavs": [],
        "targets": [],
        "obstacles": [zone.model_dump() for zone in zones.values()],
    }
    places = {
        _add(data, feature, place_m[0].tolist()): feature.where
        for feature, place_m in zip(features, positions_m, strict=True)
        if feature.role != ZONE
    }
    _give_places(data, where)
    try:
        return parse_scenario(data, where)
    except ScenarioError as error:
        raise ScenarioError(_as_drawn(error.where, where, places), error.what, error.remedy) from None


def _frame(features: Sequence[Feature], path: Path) -> _Frame:
    """The frame around all positions, with a margin."""
    first = features[0].positions_deg[0]
    flat_deg = np.array([position for feature in features for position in feature.positions_deg])
    # Past the edge of the hemisphere about the first position, the plane folds back: hence this test by degrees.
    turned_deg = np.abs((flat_deg - first + 180.0) % 360.0 - 180.0).max()
    about_first_m = project(first, flat_deg)
    if turned_deg > 60.0 or np.ptp(about_first_m, axis=0).max() > _WIDEST_M:
        raise ScenarioError(str(path), "its positions lie more than 500 km apart", "keep a scenario to one region")
    margin_m = max(_LEAST_MARGIN_M, _MARGIN_SHARE * float(np.ptp(about_first_m, axis=0).max()))
    origin = Origin(*first)
    for _ in range(_CORNER_ROUNDS):
        corner_deg = unproject(origin, project(origin, flat_deg).min(axis=0) - margin_m)
        origin = Origin(float(corner_deg[0]), float(corner_deg[1]))
    width_m, height_m = np.ceil(project(origin, flat_deg).max(axis=0) + margin_m).tolist()
    return _Frame(
        name=path.stem[:64],
        area=AreaForm(width_m=width_m, height_m=height_m),
        origin=OriginForm(longitude_deg=origin.longitude_deg, latitude_deg=origin.latitude_deg),
    )


def _on_plane(origin: Origin, area: AreaForm, feature: Feature) -> NDArray[np.float64]:
    """(.., 2) metres. Positions that rounding puts beyond the area's edge are put back on it."""
    position_m = project(origin, feature.positions_deg)
    within_m = np.clip(position_m, 0.0, (area.width_m, area.height_m))
    return within_m if np.abs(within_m - position_m).max() < _ROUNDING_M else position_m


def _zones(
    features: Sequence[Feature], positions_m: Sequence[NDArray[np.float64]]
) -> dict[int, CircleForm | PolygonForm]:
    """By the number of the feature. Nothing that must be reached is inside."""
    zones = {
        number: _zone(feature, place_m)
        for number, (feature, place_m) in enumerate(zip(features, positions_m, strict=True))
        if feature.role == ZONE
    }
    for feature, place_m in zip(features, positions_m, strict=True):
        for number, zone in zones.items():
            if feature.role != ZONE and zone.holds((float(place_m[0, 0]), float(place_m[0, 1]))):
                what = f"this {feature.role} is inside the polygon of {features[number].where.rpartition(' ')[2]}"
                raise ScenarioError(feature.where, what, "move one of the two")
    return zones


def _zone(feature: Feature, corners_m: NDArray[np.float64]) -> CircleForm | PolygonForm:
    """The polygon, or the circle that it was drawn about."""
    _check_known(feature, ["id", "radius_m"])
    if "radius_m" in feature.properties:
        return _circle(feature, corners_m)
    try:
        name = check_form(_ZoneName, {"id": identifier(feature.properties.get("id"))}, f"{feature.where}.properties.")
        return PolygonForm.model_validate({"kind": "polygon", "id": name.id, "vertices_m": corners_m.tolist()})
    except ValidationError as error:
        _, what, remedy = first_fault(error, PolygonForm)
        raise ScenarioError(f"{feature.where}.geometry.coordinates", what, remedy) from None


def _circle(feature: Feature, corners_m: NDArray[np.float64]) -> CircleForm:
    center_m, where = corners_m.mean(axis=0), f"{feature.where}.properties."
    given = {**from_text(feature.properties, CircleForm), "id": identifier(feature.properties.get("id"))}
    drawn = {"kind": "circle", "center_m": center_m.tolist(), **given}
    circle = check_form(CircleForm, drawn, where)
    radius_m = circle.radius_m / math.cos(math.pi / len(corners_m))
    if np.abs(np.hypot(*(corners_m - center_m).T) - radius_m).max() > _CIRCLE_SHARE * radius_m:
        what = "the corners do not lie about a circle of this radius"
        raise ScenarioError(f"{where}radius_m", what, "remove it, and the polygon is meant")
    return circle


def _add(data: dict[str, Any], feature: Feature, position_m: list[float]) -> str:
    """Writes a point into the scenario's plain data, and gives its place there."""
    where = f"{feature.where}.properties."
    properties = feature.properties
    if feature.role in ("uav", "target"):
        for name in {"position_m", "goal_m", "depot_m"} & properties.keys():
            raise ScenarioError(f"{where}{name}", "positions are drawn, not written", "remove it; draw a Point")
    if "id" in properties:
        properties = {**properties, "id": identifier(properties["id"])}
    match feature.role:
        case "uav":
            uav = {"heading_rad": 0.0, **from_text(properties, UAVForm), "position_m": position_m}
            check_form(UAVForm, uav, where)
            data["uavs"].append(uav)
            return f"uavs.{len(data['uavs']) - 1}"
        case "target":
            target = {"value": 1.0, **from_text(properties, TargetForm), "position_m": position_m}
            check_form(TargetForm, target, where)
            data["targets"].append(target)
            return f"targets.{len(data['targets']) - 1}"
        case "goal":
            _check_known(feature, ["uav"])
            return _keep(data, "goals", feature, position_m)
    return _add_depot(data, feature, position_m)


def _add_depot(data: dict[str, Any], feature: Feature, position_m: list[float]) -> str:
    """The depot of one UAV, or of all that have none of their own."""
    _check_known(feature, ["uav"])
    if "uav" in feature.properties:
        return _keep(data, "depots", feature, position_m)
    if "depot_m" in data:
        raise ScenarioError(feature.where, "this is the second depot", "keep one, or give it uav: the id of its UAV")
    data["depot_m"] = position_m
    return "depot_m"


def _check_known(feature: Feature, known: Sequence[str]) -> None:
    for name in feature.properties.keys() - known:
        remedy = f"choose {', '.join(known)}, or remove it" if known else "remove it"
        raise ScenarioError(f"{feature.where}.properties.{name}", f"unknown key of a {feature.role}", remedy)


def _keep(data: dict[str, Any], name: str, feature: Feature, position_m: list[float]) -> str:
    """Keeps a point for its UAV, until all UAVs are known, and gives its place."""
    data.setdefault(name, []).append((feature, position_m))
    return f"{name}.{len(data[name]) - 1}"


def _give_places(data: dict[str, Any], where: str) -> None:
    """Gives every goal and every depot of a UAV to its UAV. There is at least one UAV."""
    if not data["uavs"]:
        raise ScenarioError(where, "there is no UAV", "give at least one Point the role uav")
    uavs = {uav["id"]: uav for uav in data["uavs"]}
    for feature, position_m in [*data.pop("goals", []), *data.pop("depots", [])]:
        place, given = f"{feature.where}.properties.uav", identifier(feature.properties.get("uav"))
        uav = uavs.get(given) if isinstance(given, str) else None
        if uav is None:
            what = "is missing" if given is None else f"got {str(given)[:60]!r}"
            raise ScenarioError(place, what, "write the id of a UAV")
        if f"{feature.role}_m" in uav:
            raise ScenarioError(place, f"{given!r} has a {feature.role} already", "keep one")
        uav[f"{feature.role}_m"] = position_m


def _as_drawn(place: str, where: str, places: dict[str, str]) -> str:
    """The place on the map of a scenario's fault: targets.1.id is features.3.properties.id."""
    parts = place.removeprefix(f"{where}: ").split(".")
    for num_parts in (1, 2):
        drawn = places.get(".".join(parts[:num_parts]))
        if drawn is not None:
            return ".".join([drawn, "properties", *parts[num_parts:]])
    return place
