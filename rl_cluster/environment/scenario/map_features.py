"""The features of a GeoJSON map (RFC 7946) in WGS84, each of a known role and well formed.

A map is a FeatureCollection of Points, whose property `role` says what they are (uav, target, goal, depot), and of
Polygons, which are no-fly zones. Additions of GIS programs are ignored: attributes that are null or empty, styles, row
numbers, heights, a Multi- geometry around a single part, and the paths that `map_export.py` draws. A MultiPolygon of
the parts that `date_line.py` cuts is the polygon that it was.
"""

from typing import Any, NamedTuple

from rl_cluster.environment.scenario.date_line import join_rings
from rl_cluster.errors import ScenarioError

__all__ = ["ZONE", "Feature", "read_features"]

ZONE = "no-fly zone"

_ROLES = ("uav", "target", "goal", "depot")
_HIGHEST_LATITUDE_DEG = 80.0
_MOST_CORNERS = 64
_PASSED_OVER = {
    *("name", "title", "description", "fid"),
    *("stroke", "stroke-width", "stroke-opacity", "fill", "fill-opacity"),
    *("marker-color", "marker-size", "marker-symbol"),
}
"""Those of the simplestyle specification 1.1.0, a layer's name and a table's row."""
_WGS84 = ("CRS84", "EPSG:4326", "EPSG::4326")


class Feature(NamedTuple):
    """A feature that is known to be well formed."""

    where: str
    """The feature's name in messages."""
    role: str
    """uav, target, goal, depot or `ZONE`."""
    properties: dict[str, Any]
    """The properties without the role."""
    positions_deg: list[tuple[float, float]]
    """Longitude and latitude: one, or the corners of a polygon, each once."""


def read_features(data: Any, where: str) -> list[Feature]:
    """The features of a scenario, in their order; there is at least one.

    Args:
        data: The parsed JSON.
        where: The name of the map in messages.

    Raises:
        ScenarioError: It is no FeatureCollection in WGS84; a feature is neither a Point with a role nor a Polygon of
            one closed ring of at most 64 corners; or a position is out of range.
    """
    if not isinstance(data, dict) or data.get("type") != "FeatureCollection":
        raise ScenarioError(where, "is not a FeatureCollection", "export all features as one FeatureCollection")
    _check_crs(data.get("crs"), f"{where}: crs")
    features = data.get("features")
    if not isinstance(features, list) or not features:
        raise ScenarioError(f"{where}: features", "there is none", "draw UAVs and targets as Points")
    read = [_feature(feature, f"{where}: features.{number}") for number, feature in enumerate(features)]
    known = [feature for feature in read if feature is not None]
    if not known:
        raise ScenarioError(f"{where}: features", "there are only paths", "draw UAVs and targets as Points")
    return known


def _check_crs(crs: Any, where: str) -> None:
    """Older files name their reference system; RFC 7946 knows WGS84 alone."""
    properties = crs.get("properties") if isinstance(crs, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    if crs is not None and not (isinstance(name, str) and name.upper().endswith(_WGS84)):
        raise ScenarioError(where, f"got {str(name)[:60]}, which is not WGS84", "export the map in EPSG:4326")


def _feature(feature: Any, where: str) -> Feature | None:
    """The feature; None for a flown path."""
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        raise ScenarioError(where, "is not a Feature", "write {type: Feature, properties: .., geometry: ..}")
    given = feature.get("properties")
    properties = {
        name: value
        for name, value in (given if isinstance(given, dict) else {}).items()
        if value is not None and value != "" and name not in _PASSED_OVER
    }
    role = properties.pop("role", None)
    kind, coordinates = _geometry(feature.get("geometry"))
    if kind in ("LineString", "MultiLineString") and role == "path":
        return None
    corners_deg = _corners(kind, coordinates, f"{where}.geometry.coordinates")
    if corners_deg:
        if role is not None:
            raise ScenarioError(f"{where}.properties.role", "a Polygon is always a no-fly zone", "remove it")
        return Feature(where, ZONE, properties, corners_deg)
    if kind != "Point":
        remedy = "draw Points, and Polygons one by one"
        raise ScenarioError(f"{where}.geometry", f"type {str(kind)[:60]} is not supported", remedy)
    if role not in _ROLES:
        what = "is missing" if role is None else f"got {str(role)[:60]!r}"
        raise ScenarioError(f"{where}.properties.role", what, "write uav, target, goal or depot")
    return Feature(where, role, properties, [_position(coordinates, f"{where}.geometry.coordinates")])


def _geometry(geometry: Any) -> tuple[Any, Any]:
    """Type and coordinates; a collection of one part is the part."""
    geometry = geometry if isinstance(geometry, dict) else {}
    kind, coordinates = geometry.get("type"), geometry.get("coordinates")
    if kind in ("MultiPoint", "MultiPolygon") and isinstance(coordinates, list) and len(coordinates) == 1:
        return kind.removeprefix("Multi"), coordinates[0]
    return kind, coordinates


def _corners(kind: Any, coordinates: Any, where: str) -> list[tuple[float, float]] | None:
    """Rings of a polygon, or of the parts of one that was cut at the date line; None = neither."""
    if kind == "Polygon":
        return _ring(coordinates, where)
    if kind != "MultiPolygon" or not isinstance(coordinates, list):
        return None
    joined = join_rings([_ring(part, f"{where}.{number}") for number, part in enumerate(coordinates)])
    if joined is not None and len(joined) > _MOST_CORNERS:
        raise ScenarioError(where, f"the polygon has {len(joined)} corners", f"draw it with at most {_MOST_CORNERS}")
    return joined


def _position(coordinates: Any, where: str) -> tuple[float, float]:
    """Longitude and latitude; a height is ignored."""
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
    rings = coordinates if isinstance(coordinates, list) else []
    if not rings or not all(isinstance(ring, list) for ring in rings):
        raise ScenarioError(where, f"got {str(coordinates)[:60]}", "write a list of one ring: [[[longitude, ..], ..]]")
    if rings[0] and not isinstance(rings[0][0], list):
        raise ScenarioError(where, "it is a ring, not a list of rings", "put it in brackets: [[[longitude, ..], ..]]")
    if len(rings) > 1:
        raise ScenarioError(where, "the polygon has holes", "draw it without; nothing flies inside anyway")
    ring = [_position(position, f"{where}.0.{number}") for number, position in enumerate(rings[0])]
    if len(ring) < 4:
        what = f"the ring has {len(ring)} positions"
        raise ScenarioError(where, what, "give three corners or more, and the first one again at the end")
    if ring[0] != ring[-1]:
        raise ScenarioError(where, "the ring is not closed", "repeat its first position at the end")
    if len(ring) > _MOST_CORNERS + 1:
        raise ScenarioError(where, f"the ring has {len(ring) - 1} corners", f"draw it with at most {_MOST_CORNERS}")
    return ring[:-1]
