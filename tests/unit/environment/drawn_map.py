"""A map with a feature of every role, for the tests of what reads and writes maps."""

from typing import Any

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
