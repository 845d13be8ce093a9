"""A scenario: one given episode, as arrays, and its way to and from files and worlds.

`form.py` holds the file's fields and rules; `generator.py` is the other source of episodes. Format:

    name: three-depots
    area: {width_m: 5000, height_m: 4000}
    uavs: [{id: u1, position_m: [100, 200], heading_rad: 0.0, resources: [60, 40], range_m: 9000, speed_mps: [15, 40],
            cruise_mps: 25}]
    targets: [{id: t1, position_m: [4000, 900], demand: [50, 20], value: 1.0}]
    obstacles:
      - {kind: circle, center_m: [2000, 1500], radius_m: 250}
      - {kind: polygon, vertices_m: [[800, 800], [1200, 800], [1000, 1300]]}

May be left out: `id` of an obstacle, `max_turn_rate_radps`, `goal_m`, `depot_m` and `fails_s` of a UAV,
`service_time_s` and `appears_s` of a target, and of the scenario `time_limit_s`, `obstacles`, `depot_m`,
`origin: {longitude_deg, latitude_deg}` (`map_import.py`) and `rules`, which may hold coalition, resource_kind,
capture_radius_m, decision_interval_s, substep_s and clearance_m (`world_rules.py`).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rl_cluster.config.mistaken import mistaken_path
from rl_cluster.config.whole_file import write_whole
from rl_cluster.config.yaml_file import dump_yaml, read_yaml
from rl_cluster.environment.scenario.form import ScenarioForm, TargetForm, UAVForm, read_form
from rl_cluster.environment.scenario.world_rules import NO_RULES, WorldRules
from rl_cluster.environment.scenario.zone_form import Point, PolygonForm, ZoneForm
from rl_cluster.environment.shared.interface import Sizes
from rl_cluster.environment.shared.zones import bounding_circle, counter_clockwise
from rl_cluster.errors import ScenarioError

__all__ = [
    "SHIPPED_SCENARIOS",
    "Origin",
    "Scenario",
    "check_scenario_name",
    "format_scenario",
    "load_scenario",
    "parse_scenario",
    "save_scenario",
]

SHIPPED_SCENARIOS: dict[str, Path] = {
    name: Path(__file__).parent / "shipped" / f"{name}.yaml" for name in ("small", "balanced", "complex")
}
"""Name -> file of the scenarios that come with the package; supply equals demand in each."""

Array = NDArray[np.float64]


class Origin(NamedTuple):
    """Where the area's corner (0, 0) lies, WGS84."""

    longitude_deg: float
    latitude_deg: float


@dataclass(frozen=True, eq=False)
class Scenario:
    """N UAVs, M targets, O no-fly zones, R resource kinds; float64, so that files come back as they were."""

    name: str
    area_m: Array
    """(2,) width and height"""
    time_limit_s: float | None
    """None: as the world's settings say"""
    uav_ids: tuple[str, ...]
    uav_position_m: Array
    """(N, 2)"""
    uav_heading_rad: Array
    """(N,) counter-clockwise from east"""
    uav_resources: Array
    """(N, R)"""
    uav_range_m: Array
    """(N,)"""
    uav_speed_mps: Array
    """(N, 2) lowest and highest"""
    uav_cruise_mps: Array
    """(N,)"""
    uav_max_turn_rate_radps: Array
    """(N,); nan: as the world's settings say"""
    uav_goal_m: Array
    """(N, 2) where task `navigate` sends it; nan = it has no goal"""
    uav_depot_m: Array
    """(N, 2) depot of its own; nan = it has none"""
    uav_fails_s: Array
    """(N,) when it fails; inf = never"""
    target_ids: tuple[str, ...]
    target_position_m: Array
    """(M, 2)"""
    target_demand: Array
    """(M, R)"""
    target_value: Array
    """(M,)"""
    target_service_s: Array
    """(M,) how long UAVs must stay before they have delivered"""
    target_appears_s: Array
    """(M,) when it appears"""
    obstacle_center_m: Array
    """(O, 2)"""
    obstacle_radius_m: Array
    """(O,); of a polygon: the circle about the centre that holds all corners"""
    obstacle_num_vertices: NDArray[np.int16]
    """(O,) corners of a polygon; 0 = a circle"""
    obstacle_vertices_m: Array
    """(O, K, 2) corners of polygons, counter-clockwise; K = the most that one has, 0 = all are circles"""
    depot_m: Array | None
    """(2,) where UAVs without a depot of their own must return to; None: nowhere"""
    origin: Origin | None
    """None: it lies nowhere on earth"""
    rules: WorldRules = NO_RULES
    """in place of the settings'"""
    obstacle_ids: tuple[str | None, ...] = ()
    """of the zones; None: it has none; empty: none of them has"""

    @property
    def sizes(self) -> Sizes:
        """N, M, O, R, K, D."""
        num_obstacles, num_vertices, _ = self.obstacle_vertices_m.shape
        num_depots = max(1, len(self.depots[0]))
        return Sizes(
            len(self.uav_ids), len(self.target_ids), num_obstacles, self.num_resources, num_vertices, num_depots
        )

    @property
    def depots(self) -> tuple[Array, NDArray[np.int16]]:
        """(D, 2) all depots, each once, and (N,) 1 + the depot to which the UAV must return, 0 = none."""
        common_m = np.nan if self.depot_m is None else self.depot_m
        depot_m = np.where(np.isnan(self.uav_depot_m), common_m, self.uav_depot_m)
        has_depot = ~np.isnan(depot_m).any(axis=1)
        number = np.zeros(len(depot_m), dtype=np.int16)
        depots_m, number_of = np.unique(depot_m[has_depot], axis=0, return_inverse=True)
        number[has_depot] = 1 + number_of.reshape(-1)
        return depots_m, number

    @property
    def num_resources(self) -> int:
        """R"""
        return int(self.uav_resources.shape[1])

    def as_dict(self) -> dict[str, Any]:
        """Plain data in the file's form; `parse_scenario` reads it back."""
        width_m, height_m = self.area_m.tolist()
        return {
            "name": self.name,
            "area": {"width_m": width_m, "height_m": height_m},
            **_given("time_limit_s", self.time_limit_s),
            **({} if self.depot_m is None else {"depot_m": self.depot_m.tolist()}),
            **({} if self.origin is None else {"origin": self.origin._asdict()}),
            **({"rules": self.rules.given} if self.rules.given else {}),
            "uavs": [self._uav(i) for i in range(len(self.uav_ids))],
            "targets": [self._target(j) for j in range(len(self.target_ids))],
            "obstacles": [self._obstacle(o) for o in range(len(self.obstacle_radius_m))],
        }

    def _uav(self, i: int) -> dict[str, Any]:
        places_m = {"goal_m": self.uav_goal_m[i], "depot_m": self.uav_depot_m[i]}
        return {
            "id": self.uav_ids[i],
            "position_m": self.uav_position_m[i].tolist(),
            "heading_rad": float(self.uav_heading_rad[i]),
            "resources": self.uav_resources[i].tolist(),
            "range_m": float(self.uav_range_m[i]),
            "speed_mps": self.uav_speed_mps[i].tolist(),
            "cruise_mps": float(self.uav_cruise_mps[i]),
            **_given("max_turn_rate_radps", float(self.uav_max_turn_rate_radps[i])),
            **{name: place_m.tolist() for name, place_m in places_m.items() if not np.isnan(place_m).any()},
            **_given("fails_s", float(self.uav_fails_s[i])),
        }

    def _target(self, j: int) -> dict[str, Any]:
        return {
            "id": self.target_ids[j],
            "position_m": self.target_position_m[j].tolist(),
            "demand": self.target_demand[j].tolist(),
            "value": float(self.target_value[j]),
            "service_time_s": float(self.target_service_s[j]),
            "appears_s": float(self.target_appears_s[j]),
        }

    def _obstacle(self, o: int) -> dict[str, Any]:
        num_vertices = self.obstacle_num_vertices[o]
        name = self.obstacle_ids[o] if self.obstacle_ids else None
        named = {} if name is None else {"id": name}
        if num_vertices > 0:
            return {"kind": "polygon", **named, "vertices_m": self.obstacle_vertices_m[o, :num_vertices].tolist()}
        center_m, radius_m = self.obstacle_center_m[o].tolist(), float(self.obstacle_radius_m[o])
        return {"kind": "circle", **named, "center_m": center_m, "radius_m": radius_m}


def _given(name: str, value: float | None) -> dict[str, float]:
    """The field, or nothing if the world's settings decide its value."""
    return {} if value is None or not np.isfinite(value) else {name: value}


def _array(values: ArrayLike, *shape: int) -> Array:
    return np.asarray(values, dtype=np.float64).reshape(shape)


def _places(points_m: Sequence[Point | None]) -> Array:
    """(.., 2); nan where there is none."""
    return _array([(np.nan, np.nan) if point_m is None else point_m for point_m in points_m], -1, 2)


def _from_form(form: ScenarioForm) -> Scenario:
    origin = form.origin
    return Scenario(
        name=form.name,
        area_m=_array([form.area.width_m, form.area.height_m], 2),
        time_limit_s=form.time_limit_s,
        **_uav_arrays(form.uavs),
        **_target_arrays(form.targets, num_kinds=len(form.uavs[0].resources)),
        **_zone_arrays(form.obstacles),
        depot_m=None if form.depot_m is None else _array(form.depot_m, 2),
        origin=None if origin is None else Origin(origin.longitude_deg, origin.latitude_deg),
        rules=WorldRules(**form.rules.model_dump()),
    )


def _uav_arrays(uavs: Sequence[UAVForm]) -> dict[str, Any]:
    turn_rates = [np.nan if uav.max_turn_rate_radps is None else uav.max_turn_rate_radps for uav in uavs]
    return {
        "uav_ids": tuple(uav.id for uav in uavs),
        "uav_position_m": _array([uav.position_m for uav in uavs], -1, 2),
        "uav_heading_rad": _array([uav.heading_rad for uav in uavs], -1),
        "uav_resources": _array([uav.resources for uav in uavs], len(uavs), -1),
        "uav_range_m": _array([uav.range_m for uav in uavs], -1),
        "uav_speed_mps": _array([uav.speed_mps for uav in uavs], -1, 2),
        "uav_cruise_mps": _array([uav.cruise_mps for uav in uavs], -1),
        "uav_max_turn_rate_radps": _array(turn_rates, -1),
        "uav_goal_m": _places([uav.goal_m for uav in uavs]),
        "uav_depot_m": _places([uav.depot_m for uav in uavs]),
        "uav_fails_s": _array([np.inf if uav.fails_s is None else uav.fails_s for uav in uavs], -1),
    }


def _target_arrays(targets: Sequence[TargetForm], num_kinds: int) -> dict[str, Any]:
    return {
        "target_ids": tuple(target.id for target in targets),
        "target_position_m": _array([target.position_m for target in targets], -1, 2),
        "target_demand": _array([target.demand for target in targets], -1, num_kinds),
        "target_value": _array([target.value for target in targets], -1),
        "target_service_s": _array([target.service_time_s for target in targets], -1),
        "target_appears_s": _array([target.appears_s for target in targets], -1),
    }


def _zone_arrays(zones: Sequence[ZoneForm]) -> dict[str, Any]:
    corners_m = [
        counter_clockwise(zone.vertices_m) if isinstance(zone, PolygonForm) else _array([], 0, 2) for zone in zones
    ]
    vertices_m = np.zeros((len(zones), max(map(len, corners_m), default=0), 2))
    for o, corners in enumerate(corners_m):
        vertices_m[o, : len(corners)] = corners
    circles: list[tuple[ArrayLike, float]] = [
        bounding_circle(zone.vertices_m) if isinstance(zone, PolygonForm) else (zone.center_m, zone.radius_m)
        for zone in zones
    ]
    return {
        "obstacle_center_m": _array([np.asarray(center) for center, _ in circles], -1, 2),
        "obstacle_radius_m": _array([radius for _, radius in circles], -1),
        "obstacle_num_vertices": np.array([len(corners) for corners in corners_m], dtype=np.int16),
        "obstacle_vertices_m": vertices_m,
        "obstacle_ids": tuple(zone.id for zone in zones) if any(zone.id is not None for zone in zones) else (),
    }


def parse_scenario(data: object, where: str) -> Scenario:
    """The scenario in plain data, as `as_dict` gives it. Raises ScenarioError as `scenario_form.read_form` does."""
    return _from_form(read_form(data, where))


def load_scenario(path: Path) -> Scenario:
    """The scenario in a YAML or JSON file of at most 1 MiB.

    Raises:
        ScenarioError: The file cannot be read or parsed, or what it says is no scenario (see `read_form`).
    """
    if mistaken := mistaken_path(path):
        raise ScenarioError(str(path), *mistaken)
    return parse_scenario(read_yaml(path, ScenarioError), str(path))


def check_scenario_name(path: Path) -> None:
    """Raises ScenarioError unless the file is named *.json, *.yaml or *.yml, or is a stream, which gets YAML."""
    is_stream = str(path) == "-" or path.parent == Path("/dev")
    if path.suffix.lower() not in {".json", ".yaml", ".yml"} and not is_stream:
        raise ScenarioError(str(path), "is no name of a scenario file", "name it *.yaml or *.json")


def format_scenario(scenario: Scenario, path: Path) -> bytes:
    """What the file holds: JSON if it is named *.json, else YAML. Raises ScenarioError as `check_scenario_name`."""
    check_scenario_name(path)
    data = scenario.as_dict()
    return (json.dumps(data, indent=2) if path.suffix.lower() == ".json" else dump_yaml(data)).encode()


def save_scenario(scenario: Scenario, path: Path) -> None:
    """Writes the scenario, as JSON if the file is named *.json, else as YAML: beside the file first, then renamed.

    Raises:
        ScenarioError: The file is named otherwise, or cannot be written.
    """
    content = format_scenario(scenario, path)
    try:
        write_whole(path, content)
    except OSError as error:
        what = f"cannot be written ({error.strerror})"
        raise ScenarioError(str(path), what, "name a file in a writable folder") from None
