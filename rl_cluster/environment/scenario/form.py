"""The form of a scenario file: its fields, their bounds and the rules that join them. SI units, a 2-D plane.

Only plain data is read here; files and arrays are `scenario_file.py`'s. What the world's settings decide (whether a
UAV can turn tightly enough) is checked where a scenario is put into a world.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, Self, TypeVar

from pydantic import Field, ValidationError, field_validator, model_validator

from rl_cluster.config.allocate import clock_fault
from rl_cluster.config.faults import first_fault
from rl_cluster.config.mistaken import mistaken_data
from rl_cluster.environment.allocate.state import EPSILON
from rl_cluster.environment.scenario.zone_form import Finite, Form, Identifier, Point, Positive, ZoneForm
from rl_cluster.errors import ScenarioError

__all__ = [
    "AreaForm",
    "Identifier",
    "OriginForm",
    "RulesForm",
    "ScenarioForm",
    "TargetForm",
    "UAVForm",
    "check_form",
    "read_form",
]

NonNegative = Annotated[float, Field(strict=True, ge=0.0, le=1e7)]
Amount = Annotated[float, Field(strict=True, ge=0.0, le=1e6)]
Amounts = Annotated[tuple[Amount, ...], Field(min_length=1, max_length=8)]

FormT = TypeVar("FormT", bound=Form)


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
    goal_m: Point | None = None
    """Where task `navigate` sends it; `allocate` passes over it."""
    depot_m: Point | None = None
    """Where it must return to; left out: to the scenario's depot, if it has one. `navigate` passes over it."""
    fails_s: NonNegative | None = None
    """When it fails and is grounded; left out: never."""

    @model_validator(mode="after")
    def _cruise_within_speeds(self) -> Self:
        low, high = self.speed_mps
        if low > high:
            raise ValueError(f"speed_mps=[{low}, {high}] begins with the higher; give the lowest speed first")
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
    service_time_s: NonNegative = 0.0
    """How long UAVs must stay before they have delivered."""
    appears_s: NonNegative = 0.0
    """When it appears."""

    @model_validator(mode="after")
    def _demands_something(self) -> Self:
        if max(self.demand) <= EPSILON:
            raise ValueError("demand is nothing of every kind; demand something, or omit the target")
        return self


class OriginForm(Form):
    """Where the area's corner (0, 0) lies, WGS84."""

    longitude_deg: Annotated[float, Field(strict=True, ge=-180.0, le=180.0)]
    latitude_deg: Annotated[float, Field(strict=True, ge=-85.0, le=85.0)]


class RulesForm(Form):
    """Rules of task `allocate`, in place of those of the world's settings; each may be left out."""

    coalition: Literal["sum", "sync"] | None = None
    resource_kind: Literal["consumed", "capability"] | None = None
    capture_radius_m: Positive | None = None
    decision_interval_s: Positive | None = None
    """A multiple of the substep."""
    substep_s: Positive | None = None
    clearance_m: NonNegative | None = None
    """Metres that the autopilot keeps from no-fly zones."""

    @model_validator(mode="after")
    def _has_whole_substeps(self) -> Self:
        if self.decision_interval_s is None or self.substep_s is None:
            return self
        if fault := clock_fault(self.decision_interval_s, self.substep_s):
            raise ValueError(f"{fault}; choose a substep that divides it")
        return self


class ScenarioForm(Form):
    """A scenario file."""

    name: Identifier
    area: AreaForm
    time_limit_s: Positive | None = None
    """Seconds after which the episode is cut; left out: from the area and the speeds, as the world's settings say."""
    uavs: Annotated[tuple[UAVForm, ...], Field(max_length=4096)]
    targets: Annotated[tuple[TargetForm, ...], Field(max_length=4096)]
    """Empty: every UAV has a goal_m, and the scenario is one of task `navigate`."""
    obstacles: Annotated[tuple[ZoneForm, ...], Field(max_length=1024)] = ()
    depot_m: Point | None = None
    """Where every UAV of task `allocate` must return to that has no depot of its own."""
    origin: OriginForm | None = None
    rules: RulesForm = RulesForm()

    @field_validator("uavs")
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
            resource kinds differ; a polygon is not simple; a UAV, target, goal or depot is outside the area or inside a
            no-fly zone; there is no target, and a UAV without a goal.
    """
    if not isinstance(data, dict):
        raise ScenarioError(where, "is not a mapping", f"write the fields {', '.join(ScenarioForm.model_fields)}")
    if mistaken := mistaken_data(data, "scenario"):
        raise ScenarioError(where, *mistaken)
    form = check_form(ScenarioForm, data, f"{where}: ")
    _check_ids(form.uavs, f"{where}: uavs")
    _check_ids(form.targets, f"{where}: targets")
    _check_kinds(form, where)
    if not form.targets and any(uav.goal_m is None for uav in form.uavs):
        raise ScenarioError(f"{where}: targets", "there is none", "give at least one, or give every UAV a goal_m")
    _check_places(form, where)
    return form


def check_form(form: type[FormT], data: object, where: str) -> FormT:
    """The form of plain data. Raises ScenarioError with the first fault, at `where` followed by the field's place."""
    try:
        return form.model_validate(data)
    except ValidationError as error:
        place, what, remedy = first_fault(error, form)
        raise ScenarioError(f"{where}{place}".rstrip(".: "), what, remedy) from None


def _check_ids(entities: Sequence[UAVForm | TargetForm | ZoneForm], where: str) -> None:
    seen: set[str] = set()
    for number, entity in enumerate(entities):
        if entity.id in seen:
            raise ScenarioError(f"{where}.{number}.id", f"{entity.id!r} is used twice", "give each its own id")
        if entity.id is not None:
            seen.add(entity.id)


def _check_kinds(form: ScenarioForm, where: str) -> None:
    num_kinds = len(form.uavs[0].resources)
    amounts = [(f"uavs.{i}.resources", uav.resources) for i, uav in enumerate(form.uavs)]
    amounts += [(f"targets.{j}.demand", target.demand) for j, target in enumerate(form.targets)]
    for place, kinds in amounts:
        if len(kinds) != num_kinds:
            what = f"it has {len(kinds)} kinds of resource, but uavs.0.resources has {num_kinds}"
            raise ScenarioError(f"{where}: {place}", what, "give one number per kind everywhere")


def _places(form: ScenarioForm) -> Iterator[tuple[str, Point]]:
    """Every point that must be inside the area and outside the no-fly zones, with its place in the file."""
    for i, uav in enumerate(form.uavs):
        yield f"uavs.{i}.position_m", uav.position_m
        if uav.goal_m is not None:
            yield f"uavs.{i}.goal_m", uav.goal_m
        if uav.depot_m is not None:
            yield f"uavs.{i}.depot_m", uav.depot_m
    for j, target in enumerate(form.targets):
        yield f"targets.{j}.position_m", target.position_m
    if form.depot_m is not None:
        yield "depot_m", form.depot_m


def _check_places(form: ScenarioForm, where: str) -> None:
    for place, (x, y) in _places(form):
        if not (0.0 <= x <= form.area.width_m and 0.0 <= y <= form.area.height_m):
            what = f"[{x}, {y}] is outside the area of {form.area.width_m} m x {form.area.height_m} m"
            raise ScenarioError(f"{where}: {place}", what, "move it inside, or widen the area")
        for o, zone in enumerate(form.obstacles):
            if zone.holds((x, y)):
                raise ScenarioError(f"{where}: {place}", f"[{x}, {y}] is inside obstacles.{o}", "move one of the two")
