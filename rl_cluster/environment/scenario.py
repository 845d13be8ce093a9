"""A scenario: one given episode, as arrays, and its way to and from files and worlds.

`scenario_form.py` holds the file's fields and rules; `generator.py` is the other source of episodes. Format:

    name: three-depots
    area: {width_m: 5000, height_m: 4000}
    uavs: [{id: u1, position_m: [100, 200], heading_rad: 0.0, resources: [60, 40], range_m: 9000, speed_mps: [15, 40],
            cruise_mps: 25}]
    targets: [{id: t1, position_m: [4000, 900], demand: [50, 20], value: 1.0}]
    obstacles: [{kind: circle, center_m: [2000, 1500], radius_m: 250}]
"""

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rl_cluster.config.yaml_file import dump_yaml, read_yaml
from rl_cluster.environment.interface import Sizes
from rl_cluster.environment.scenario_form import ScenarioForm, read_form
from rl_cluster.errors import ScenarioError

__all__ = [
    "SHIPPED_SCENARIOS",
    "Scenario",
    "load_scenario",
    "parse_scenario",
    "save_scenario",
]

SHIPPED_SCENARIOS: dict[str, Path] = {
    name: Path(__file__).parent / "scenarios" / f"{name}.yaml" for name in ("small", "balanced", "complex")
}
"""Name -> file of the scenarios that come with the package; supply equals demand in each."""

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scenario:
    """N UAVs, M targets, O circular no-fly zones, R resource kinds; float64, so that files come back as they were."""

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
    target_ids: tuple[str, ...]
    target_position_m: Array
    """(M, 2)"""
    target_demand: Array
    """(M, R)"""
    target_value: Array
    """(M,)"""
    obstacle_center_m: Array
    """(O, 2)"""
    obstacle_radius_m: Array
    """(O,)"""

    @property
    def sizes(self) -> Sizes:
        """N, M, O, R."""
        return Sizes(len(self.uav_ids), len(self.target_ids), len(self.obstacle_radius_m), self.num_resources)

    @property
    def num_resources(self) -> int:
        """R"""
        return int(self.target_demand.shape[1])

    def as_dict(self) -> dict[str, Any]:
        """Plain data in the file's form; `parse_scenario` reads it back."""
        width_m, height_m = self.area_m.tolist()
        uavs = [
            {
                "id": uav_id,
                "position_m": self.uav_position_m[i].tolist(),
                "heading_rad": float(self.uav_heading_rad[i]),
                "resources": self.uav_resources[i].tolist(),
                "range_m": float(self.uav_range_m[i]),
                "speed_mps": self.uav_speed_mps[i].tolist(),
                "cruise_mps": float(self.uav_cruise_mps[i]),
                **_given("max_turn_rate_radps", float(self.uav_max_turn_rate_radps[i])),
            }
            for i, uav_id in enumerate(self.uav_ids)
        ]
        targets = [
            {"id": target_id, "position_m": position, "demand": demand, "value": value}
            for target_id, position, demand, value in zip(
                self.target_ids, self.target_position_m.tolist(), self.target_demand.tolist(),
                self.target_value.tolist(), strict=True,
            )
        ]  # fmt: skip
        obstacles = [
            {"kind": "circle", "center_m": center, "radius_m": radius}
            for center, radius in zip(self.obstacle_center_m.tolist(), self.obstacle_radius_m.tolist(), strict=True)
        ]
        return {
            "name": self.name,
            "area": {"width_m": width_m, "height_m": height_m},
            **_given("time_limit_s", self.time_limit_s),
            "uavs": uavs,
            "targets": targets,
            "obstacles": obstacles,
        }


def _given(name: str, value: float | None) -> dict[str, float]:
    """The field, or nothing where its value is left to the world's settings."""
    return {} if value is None or np.isnan(value) else {name: value}


def _array(values: ArrayLike, *shape: int) -> Array:
    return np.asarray(values, dtype=np.float64).reshape(shape)


def _from_form(form: ScenarioForm) -> Scenario:
    uavs, targets, zones = form.uavs, form.targets, form.obstacles
    turn_rates = [np.nan if uav.max_turn_rate_radps is None else uav.max_turn_rate_radps for uav in uavs]
    return Scenario(
        name=form.name,
        area_m=_array([form.area.width_m, form.area.height_m], 2),
        time_limit_s=form.time_limit_s,
        uav_ids=tuple(uav.id for uav in uavs),
        uav_position_m=_array([uav.position_m for uav in uavs], -1, 2),
        uav_heading_rad=_array([uav.heading_rad for uav in uavs], -1),
        uav_resources=_array([uav.resources for uav in uavs], len(uavs), -1),
        uav_range_m=_array([uav.range_m for uav in uavs], -1),
        uav_speed_mps=_array([uav.speed_mps for uav in uavs], -1, 2),
        uav_cruise_mps=_array([uav.cruise_mps for uav in uavs], -1),
        uav_max_turn_rate_radps=_array(turn_rates, -1),
        target_ids=tuple(target.id for target in targets),
        target_position_m=_array([target.position_m for target in targets], -1, 2),
        target_demand=_array([target.demand for target in targets], len(targets), -1),
        target_value=_array([target.value for target in targets], -1),
        obstacle_center_m=_array([zone.center_m for zone in zones], -1, 2),
        obstacle_radius_m=_array([zone.radius_m for zone in zones], -1),
    )


def parse_scenario(data: object, where: str) -> Scenario:
    """The scenario in plain data, as `as_dict` gives it. Raises ScenarioError as `scenario_form.read_form` does."""
    return _from_form(read_form(data, where))


def load_scenario(path: Path) -> Scenario:
    """The scenario in a YAML or JSON file of at most 1 MiB.

    Raises:
        ScenarioError: The file cannot be read or parsed, or what it says is no scenario (see `read_form`).
    """
    return parse_scenario(read_yaml(path, ScenarioError), str(path))


def save_scenario(scenario: Scenario, path: Path) -> None:
    """Writes the scenario, as JSON if the file is named *.json, else as YAML: beside the file first, then renamed.

    Raises:
        ScenarioError: The file cannot be written.
    """
    data = scenario.as_dict()
    text = json.dumps(data, indent=2, ensure_ascii=False) if path.suffix == ".json" else dump_yaml(data)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink()
        what = f"cannot be written ({error.strerror})"
        raise ScenarioError(str(path), what, "name a file in a writable folder") from None
