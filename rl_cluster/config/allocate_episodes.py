"""Settings from which one episode of task `allocate` is drawn; `allocate_generator.py` puts them into the generator."""

import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from rl_cluster.config.section import Count, FloatRange, NonNegative, Positive, Section, Share, check_range

__all__ = ["AllocateEpisodes", "check_drawn"]

Pads = Annotated[int, Field(ge=2, le=64)]


class AllocateEpisodes(Section):
    """From what an episode is drawn. Each range is [low, high], both ends included."""

    num_uavs: tuple[Count, Count]
    """UAVs in an episode, 1 to 4096. The high end is also the padded size."""
    num_targets: tuple[Count, Count]
    """Targets in an episode, 1 to 4096. The high end is also the padded size."""
    num_obstacles: tuple[Annotated[int, Field(ge=0, le=1024)], Annotated[int, Field(ge=0, le=1024)]]
    """No-fly zones in an episode, 0 to 1024. The high end is also the padded size."""
    num_resources: Annotated[int, Field(ge=1, le=8)]
    """Kinds of resource that UAVs carry and targets demand."""
    spacing_m: Positive
    """Metres. The square area's side is spacing * sqrt((UAVs + targets) / 2): density stays constant as teams grow."""
    spacing_factor: tuple[Annotated[float, Field(ge=0.01, le=100.0)], Annotated[float, Field(ge=0.01, le=100.0)]]
    """The spacing is multiplied by this, drawn per episode, its logarithm uniformly: tiny areas and large ones."""
    uav_start: Literal["scattered", "pad", "pads", "row", "mixed"]
    """Where UAVs start. scattered: each in a placement cell of its own. pad: all at one point, with one heading. pads:
    at a few points, with one heading each. row: side by side on a line, with one heading, as on a runway. mixed: one of
    these four, drawn per episode."""
    num_pads: tuple[Pads, Pads]
    """Points at which UAVs start where they start on pads, 2 to 64, but no more than UAVs; each has at least one."""
    row_gap_m: Positive
    """Metres between neighbours where UAVs start in a row; fewer where the row would not fit into a placement cell."""
    equal_share: Share
    """Probability that the UAVs of an episode are equal: the same resources, speeds and range for all."""
    uav_resource: FloatRange
    """Units of each kind that a UAV carries at the start."""
    specialist_share: Share
    """Probability that a UAV lacks one kind of resource altogether (with one kind only, it has no effect)."""
    single_skill_share: Share
    """Probability that a UAV carries one kind of resource only; it then lacks all others, specialist or not."""
    demand_spread: Annotated[float, Field(ge=0.0, lt=1.0)]
    """Demands of a kind vary by 1 +- this share between targets, before they are scaled to the supply."""
    supply_demand_ratio: FloatRange
    """Supply over demand, drawn per kind. Below 1 not every target can be served: decisions matter most there."""
    supply_draw: Literal["uniform", "log"]
    """How supply over demand is drawn within its range. log: its logarithm is uniform, so that in [0.5, 2.0] scarce
    supply is as frequent as rich supply."""
    range_sides: FloatRange
    """How far a UAV can fly, in sides of the area, so that the local problem is the same at every size."""
    cruise_mps: FloatRange
    """Metres per second, drawn per UAV."""
    speed_share: FloatRange
    """Lowest and highest speed of a UAV, as shares of its cruise speed: low <= 1 <= high.
    It flies slower where it must turn, and never faster: the highest speed is told in traces alone."""
    obstacle_radius_m: FloatRange
    """Metres. The high end and the world's clearance must fit half of the smallest placement cell."""
    polygon_share: Share
    """Share of the no-fly zones that are polygons, of 3 to 8 corners on the circle of the radius drawn."""
    target_value: FloatRange
    """What a target is worth, drawn per target; only ratios within an episode matter."""
    service_time_s: tuple[NonNegative, NonNegative]
    """Seconds that UAVs must stay at a target before they have delivered, drawn per target."""
    appearing_share: Share
    """Share of the targets that appear during the episode, at a time drawn from the first half of the time limit."""
    failing_share: Share
    """Share of the UAVs that fail during the episode, at a time drawn from the whole time limit."""
    has_depot: bool
    """true: a depot is placed, to which every UAV must return."""
    depot_per_uav: bool
    """true: every UAV must return to a depot of its own, where it starts; none is placed for all."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        check_drawn(self)
        return self

    @property
    def has_common_depot(self) -> bool:
        """True = one depot is placed for all UAVs."""
        return self.has_depot and not self.depot_per_uav

    @property
    def has_own_depots(self) -> bool:
        """True = every UAV has a depot where it starts."""
        return self.has_depot and self.depot_per_uav

    @property
    def smallest_cell_m(self) -> float:
        """Metres. Each entity has a square cell of its own: side / ceil(sqrt(entities)); here the smallest of all.

        UAVs that start together share a cell, which makes cells larger.
        """
        others = self.num_obstacles[1] + self.has_common_depot
        fewest, most = (self.num_uavs[end] + self.num_targets[end] for end in (0, 1))
        spacing_m = self.spacing_m * self.spacing_factor[0]
        return min(
            spacing_m * math.sqrt(count / 2.0) / math.ceil(math.sqrt(count + others))
            for count in range(fewest, most + 1)
        )


def check_drawn(settings: Section) -> None:
    """Raises ValueError if a range has its ends the wrong way round, or speeds exclude the cruise speed.

    Args:
        settings: Those of episodes, of which some may be None.
    """
    for name, value in settings:
        if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], int | float):
            check_range(name, value)
            if name == "speed_share" and not value[0] <= 1.0 <= value[1]:
                raise ValueError("speed_share must hold 1.0 between its ends; write for example [0.6, 1.5]")
