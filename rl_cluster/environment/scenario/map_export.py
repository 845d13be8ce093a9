"""Scenarios, and what was flown in them, as GeoJSON (RFC 7946): results go back on the map.

What `map_import.py` reads is written here, so that a map that is edited elsewhere comes back: positions in WGS84, what
cannot be drawn as properties, and the frame (name, area, origin, time_limit_s, rules) as the member `scenario`, which
RFC 7946 calls a foreign one. Flown paths are lines of the role path, which are ignored on the way back. What crosses
the date line is cut there by `date_line.py`.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rl_cluster.environment.scenario.date_line import cut_line, cut_ring
from rl_cluster.environment.scenario.geodesy import unproject
from rl_cluster.environment.scenario.scenario_file import Scenario
from rl_cluster.errors import ScenarioError

__all__ = ["to_geojson"]

_CIRCLE_CORNERS = 64


def to_geojson(scenario: Scenario, paths_m: Sequence[ArrayLike] = ()) -> dict[str, Any]:
    """The scenario, and where its UAVs flew, as a FeatureCollection; a circle becomes a polygon of 64 corners about it.

    Args:
        scenario: One with an origin.
        paths_m: None, or one per UAV: (T, 2) its positions over time. A path of two or more becomes a LineString of
            the role path, or a MultiLineString if it crosses the date line.

    Raises:
        ScenarioError: The scenario has no origin, or reaches past the earth's edge as seen from there; or there is
            another number of paths than of UAVs.
    """
    if scenario.origin is None:
        raise ScenarioError(scenario.name, "it has no origin", "give it origin: {longitude_deg, latitude_deg}")
    if len(paths_m) not in {0, len(scenario.uav_ids)}:
        what = f"it has {len(scenario.uav_ids)} UAVs, but there are {len(paths_m)} paths"
        raise ScenarioError(scenario.name, what, "give the paths that were flown in this scenario")
    plain = scenario.as_dict()
    frame = {name: plain[name] for name in ("name", "area", "origin", "time_limit_s", "rules") if name in plain}
    features = [*_points(scenario), *_zones(scenario)]
    for uav_id, path_m in zip(scenario.uav_ids, paths_m, strict=False):
        line = _to_degrees(scenario, path_m)
        if len(line) >= 2:
            features.append(_as_feature("LineString", cut_line(line), {"role": "path", "uav": uav_id}))
    return {"type": "FeatureCollection", "name": scenario.name, "scenario": frame, "features": features}


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
