"""Scenarios, and what was flown in them, as GeoJSON (RFC 7946): results go back on the map.

What `map_import.py` reads is written here, so that a map that is edited elsewhere comes back: positions in WGS84, what
cannot be drawn as properties, and the frame (name, area, origin, time_limit_s, rules) as the member `scenario`, which
RFC 7946 calls a foreign one. Flown paths are lines of the role path, which are ignored on the way back. Their property
`times` has the milliseconds of each position: the form that Leaflet.TimeDimension and folium's TimestampedGeoJson play.
What crosses the date line is cut there by `date_line.py`.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rl_cluster.environment.scenario.date_line import cut_line, cut_ring
from rl_cluster.environment.scenario.geodesy import unproject
from rl_cluster.environment.scenario.scenario_file import Scenario
from rl_cluster.errors import ScenarioError

__all__ = ["FlownPath", "to_geojson"]

_CIRCLE_CORNERS = 64


class FlownPath(NamedTuple):
    """Where a UAV was, and when."""

    time_s: NDArray[np.float64]
    """(T,) seconds since the episode began, rising"""
    position_m: NDArray[np.float64]
    """(T, 2) metres east and north of the area's corner"""


def to_geojson(scenario: Scenario, paths: Sequence[FlownPath] = ()) -> dict[str, Any]:
    """The scenario, and where its UAVs flew, as a FeatureCollection; a circle becomes a polygon of 64 corners about it.

    Args:
        scenario: One with an origin.
        paths: None, or one per UAV. A path of two or more positions becomes a LineString of the role path, or one on
            each side of the date line. Its property `times` has a number for each position: milliseconds since the
            episode began.

    Raises:
        ScenarioError: The scenario has no origin, or reaches past the earth's edge as seen from there; or there is
            another number of paths than of UAVs.
    """
    if scenario.origin is None:
        raise ScenarioError(scenario.name, "it has no origin", "give it origin: {longitude_deg, latitude_deg}")
    if len(paths) not in {0, len(scenario.uav_ids)}:
        what = f"it has {len(scenario.uav_ids)} UAVs, but there are {len(paths)} paths"
        raise ScenarioError(scenario.name, what, "give the paths that were flown in this scenario")
    plain = scenario.as_dict()
    frame = {name: plain[name] for name in ("name", "area", "origin", "time_limit_s", "rules") if name in plain}
    features = [*_points(scenario), *_zones(scenario)]
    for uav_id, path in zip(scenario.uav_ids, paths, strict=False):
        features += _lines(scenario, uav_id, path)
    return {"type": "FeatureCollection", "name": scenario.name, "scenario": frame, "features": features}


def _lines(scenario: Scenario, uav_id: str, path: FlownPath) -> Iterator[dict[str, Any]]:
    """A path as lines of one side of the date line each, so that each has as many times as positions."""
    places = _to_degrees(scenario, path.position_m)
    if len(places) < 2:
        return
    for part in cut_line([(*place, time_s) for place, time_s in zip(places, path.time_s.tolist(), strict=True)]):
        properties = {"role": "path", "uav": uav_id, "times": [round(1000.0 * time_s) for *_, time_s in part]}
        yield _as_feature("LineString", [[place[:2] for place in part]], properties)


def _points(scenario: Scenario) -> Iterator[dict[str, Any]]:
    plain = scenario.as_dict()
    for role, entities in (("uav", plain["uavs"]), ("target", plain["targets"])):
        for entity in entities:
            own_m = {name: entity.pop(f"{name}_m") for name in ("goal", "depot") if f"{name}_m" in entity}
            position_m = entity.pop("position_m")
            yield _as_feature("Point", _to_degrees(scenario, [position_m]), {"role": role, **entity})
            for name, place_m in own_m.items():
                yield _as_feature("Point", _to_degrees(scenario, [place_m]), {"role": name, "uav": entity["id"]})
    if scenario.depot_m is not None:
        yield _as_feature("Point", _to_degrees(scenario, [scenario.depot_m]), {"role": "depot"})


def _zones(scenario: Scenario) -> Iterator[dict[str, Any]]:
    for o, num_vertices in enumerate(scenario.obstacle_num_vertices):
        name = scenario.obstacle_ids[o] if scenario.obstacle_ids else None
        properties: dict[str, Any] = {} if name is None else {"id": name}
        corners_m = scenario.obstacle_vertices_m[o, :num_vertices]
        if num_vertices == 0:
            properties |= {"radius_m": float(scenario.obstacle_radius_m[o])}
            angles_rad = np.arange(_CIRCLE_CORNERS) * (2.0 * math.pi / _CIRCLE_CORNERS)
            radius_m = scenario.obstacle_radius_m[o] / math.cos(math.pi / _CIRCLE_CORNERS)
            around = np.stack([np.cos(angles_rad), np.sin(angles_rad)], axis=-1)
            corners_m = scenario.obstacle_center_m[o] + radius_m * around
        rings = [[[*ring, ring[0]]] for ring in cut_ring(_to_degrees(scenario, corners_m))]
        yield _as_feature("Polygon", rings, properties)


def _to_degrees(scenario: Scenario, positions_m: ArrayLike) -> list[tuple[float, float]]:
    """Longitude and latitude of positions (.., 2)."""
    assert scenario.origin is not None
    with np.errstate(invalid="ignore"):
        degrees = unproject(scenario.origin, positions_m)
    if not np.isfinite(degrees).all():
        what = "it reaches past the earth's edge as seen from its origin"
        raise ScenarioError(scenario.name, what, "give a smaller area, or an origin within it")
    return [(longitude, latitude) for longitude, latitude in degrees.tolist()]


def _as_feature(kind: str, parts: Sequence[Any], properties: dict[str, Any]) -> dict[str, Any]:
    """A geometry of this kind for one part, and its Multi- form for several."""
    geometry = (
        {"type": kind, "coordinates": parts[0]} if len(parts) == 1 else {"type": f"Multi{kind}", "coordinates": parts}
    )
    return {"type": "Feature", "properties": properties, "geometry": geometry}
