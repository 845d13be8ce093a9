"""The form of a scenario file: its fields, their bounds and the rules that join them. SI units, a 2-D plane.

Only plain data is read here; files and arrays are `scenario.py`'s. What the world's settings decide (whether a UAV can
turn tightly enough) is checked where a scenario is put into a world.
"""

import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from rl_cluster.environment.allocate.state import EPSILON
from rl_cluster.errors import ScenarioError

__all__ = ["CircleForm", "ScenarioForm", "TargetForm", "UAVForm", "read_form"]

Finite = Annotated[float, Field(strict=True, ge=-1e7, le=1e7)]
Positive = Annotated[float, Field(strict=True, gt=0.0, le=1e7)]
Amount = Annotated[float, Field(strict=True, ge=0.0, le=1e6)]
Point = tuple[Finite, Finite]
Identifier = Annotated[str, Field(min_length=1, max_length=64)]
Amounts = Annotated[tuple[Amount, ...], Field(min_length=1, max_length=8)]

_MAX_SHOWN = 60
"""Characters of a refused value that a message shows."""


class Form(BaseModel):
    """Base: frozen, no unknown keys, no NaN or infinity."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)


class AreaForm(Form):
    """The rectangle from (0, 0) to (width, height)."""

    width_m: Positive
    height_m: Positive


class UAVForm(Form):
    """A UAV at the start."""

    id: Identifier
    position_m: Point
    heading_rad: Finite
    """Counter-clockwise from east."""
    resources: Amounts
    """Units carried, one number per kind; the same kinds in every UAV and target."""
    range_m: Positive
    """Metres that it can fly."""
    speed_mps: tuple[Positive, Positive]
    """Lowest and highest speed."""
    cruise_mps: Positive
    """Within the speeds."""
    max_turn_rate_radps: Positive | None = None
    """Left out: as the world's settings say."""

    @model_validator(mode="after")
    def _cruise_within_speeds(self) -> Self:
        low, high = self.speed_mps
        if not low <= self.cruise_mps <= high:
            raise ValueError(
                f"cruise_mps={self.cruise_mps} is not within speed_mps=[{low}, {high}]; put it between them"
            )
        return self


class TargetForm(Form):
    """A target."""

    id: Identifier
    position_m: Point
    demand: Amounts
    """Units demanded, one number per kind; at least one kind is demanded."""
    value: Positive

    @model_validator(mode="after")
    def _demands_something(self) -> Self:
        if max(self.demand) <= EPSILON:
            raise ValueError("demand is nothing of every kind; demand something, or leave the target out")
        return self


class CircleForm(Form):
    """A no-fly zone."""

    kind: Literal["circle"]
    center_m: Point
    radius_m: Positive

    @model_validator(mode="before")
    @classmethod
    def _is_circle(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("kind") == "polygon":
            raise ValueError("kind polygon is not supported by this version; cover the polygon with circles")
        return data

    def holds(self, point_m: Point) -> bool:
        """True = the point lies inside or on the edge."""
        return math.dist(self.center_m, point_m) <= self.radius_m


class ScenarioForm(Form):
    """A scenario file."""

    name: Identifier
    area: AreaForm
    time_limit_s: Positive | None = None
    """Seconds after which the episode is cut; left out: from the area and the speeds, as the world's settings say."""
    uavs: Annotated[tuple[UAVForm, ...], Field(max_length=4096)]
    targets: Annotated[tuple[TargetForm, ...], Field(max_length=4096)]
    obstacles: Annotated[tuple[CircleForm, ...], Field(max_length=1024)] = ()

    @field_validator("uavs", "targets")
    @classmethod
    def _not_empty(cls, entities: tuple[Form, ...]) -> tuple[Form, ...]:
        if not entities:
            raise ValueError("there is none; give at least one")
        return entities


def read_form(data: object, where: str) -> ScenarioForm:
    """The scenario in plain data, as YAML or JSON gives it.

    Args:
        data: Nested dicts, lists, strings and numbers.
        where: What messages call the source, for example the file's name.

    Raises:
        ScenarioError: A field is missing, unknown, of a wrong type or out of bounds; an id occurs twice; numbers of
            resource kinds differ; an entity is outside the area or inside a no-fly zone.
    """
    if not isinstance(data, dict):
        raise ScenarioError(where, "is not a mapping", f"write the fields {', '.join(ScenarioForm.model_fields)}")
    try:
        form = ScenarioForm.model_validate(data)
    except ValidationError as error:
        raise _first_fault(error, where) from None
    _check_ids(form.uavs, f"{where}: uavs")
    _check_ids(form.targets, f"{where}: targets")
    _check_kinds(form, where)
    _check_places(form, form.uavs, f"{where}: uavs")
    _check_places(form, form.targets, f"{where}: targets")
    return form


def _first_fault(error: ValidationError, where: str) -> ScenarioError:
    fault = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in fault["loc"])
    match fault["type"]:
        case "missing":
            what, remedy = "it is missing", "add it"
        case "extra_forbidden":
            what, remedy = "no such field", "remove it, or correct its name"
        case "value_error":
            what, _, remedy = str(fault["ctx"]["error"]).rpartition("; ")
        case _:
            shown, rule = repr(fault["input"]), fault["msg"].partition(" should ")[2]
            what, remedy = (
                f"got {shown if len(shown) <= _MAX_SHOWN else shown[:_MAX_SHOWN] + '..'}",
                f"it should {rule}",
            )
    return ScenarioError(f"{where}: {place}", what, remedy)


def _check_ids(entities: Sequence[UAVForm | TargetForm], where: str) -> None:
    seen: set[str] = set()
    for number, entity in enumerate(entities):
        if entity.id in seen:
            raise ScenarioError(f"{where}.{number}.id", f"{entity.id!r} is used twice", "give each its own id")
        seen.add(entity.id)


def _check_kinds(form: ScenarioForm, where: str) -> None:
    num_kinds = len(form.uavs[0].resources)
    amounts = [(f"uavs.{i}.resources", uav.resources) for i, uav in enumerate(form.uavs)]
    amounts += [(f"targets.{j}.demand", target.demand) for j, target in enumerate(form.targets)]
    for place, kinds in amounts:
        if len(kinds) != num_kinds:
            what = f"it has {len(kinds)} kinds of resource, but uavs.0.resources has {num_kinds}"
            raise ScenarioError(f"{where}: {place}", what, "give one number per kind everywhere")


def _check_places(form: ScenarioForm, entities: Sequence[UAVForm | TargetForm], where: str) -> None:
    for number, entity in enumerate(entities):
        (x, y), place = entity.position_m, f"{where}.{number}.position_m"
        if not (0.0 <= x <= form.area.width_m and 0.0 <= y <= form.area.height_m):
            what = f"[{x}, {y}] is outside the area of {form.area.width_m} m x {form.area.height_m} m"
            raise ScenarioError(place, what, "move it inside, or widen the area")
        for o, circle in enumerate(form.obstacles):
            if circle.holds(entity.position_m):
                raise ScenarioError(place, f"[{x}, {y}] is inside obstacles.{o}", "move one of the two")
