"""Settings of task `navigate`: every UAV flies to its goal."""

import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from rl_cluster.config.given_scenarios import GivenScenarios, NavigateVary
from rl_cluster.config.section import Count, FloatRange, NonNegative, Positive, Section, Share, check_range

__all__ = ["NavigateGeneratorConfig", "NavigateRewardConfig", "NavigateWorldConfig"]


class NavigateGeneratorConfig(Section):
    """From what the generator draws an episode. Each range is [low, high], both ends included."""

    num_uavs: tuple[Count, Count]
    """UAVs in an episode, 1 to 4096. The high end is also the padded size."""
    num_obstacles: tuple[Annotated[int, Field(ge=0, le=1024)], Annotated[int, Field(ge=0, le=1024)]]
    """No-fly zones in an episode, 0 to 1024. The high end is also the padded size."""
    spacing_m: Positive
    """Metres. The square area's side is spacing * sqrt(UAVs): density stays constant as teams grow."""
    obstacle_radius_m: FloatRange
    """Metres. Radius of a round no-fly zone, or of the circle on which the corners of a polygon lie."""
    polygon_share: Share
    """Share of the no-fly zones that are polygons, of 3 to 8 corners."""
    goal_matching: Literal["random", "hungarian"]
    """Which UAV gets which goal. random: ways cross. hungarian: the least total distance."""
    scenarios: GivenScenarios
    """Scenarios that episodes are made from, in place of all that is drawn above, each in the form of a scenario file;
    `train --scenario FILE` puts them here. Empty: episodes are drawn."""
    vary: NavigateVary
    """What is varied around the scenarios."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        for name in ("num_uavs", "num_obstacles", "obstacle_radius_m"):
            check_range(name, getattr(self, name))
        return self

    @property
    def smallest_cell_m(self) -> float:
        """Metres. Each start, goal and zone has a square cell of its own; here the smallest of all."""
        fewest, most = self.num_uavs
        return min(
            self.spacing_m * math.sqrt(count) / math.ceil(math.sqrt(2 * count + self.num_obstacles[1]))
            for count in range(fewest, most + 1)
        )


class NavigateWorldConfig(Section):
    """How the world runs: clock, flight, bodies, and what is seen of it."""

    dynamics: Literal["unicycle", "double_integrator"]
    """unicycle: controls are acceleration and turn rate. double_integrator: acceleration east and north."""
    step_s: Positive
    """Seconds between two actions of every UAV."""
    speed_mps: tuple[NonNegative, Positive]
    """Metres per second: lowest (of the unicycle; the double integrator's is 0) and highest speed."""
    max_acceleration_mps2: Positive
    """Metres per second squared at full control."""
    max_turn_rate_radps: Positive
    """Radians per second at full control (unicycle)."""
    arrival_radius_m: Positive
    """Metres. A UAV this near to its goal has arrived: it stays there, hovering, until the episode ends."""
    collision_distance_m: Positive
    """Metres between two UAVs' centres below which they collide; half of it is a UAV's own radius at no-fly zones."""
    warning_distance_m: Positive
    """Metres between two UAVs' centres below which the warning band begins; the same band lies around zones."""
    formation_radius_m: NonNegative
    """Metres within which followers should keep to the leader, UAV 0; 0 flies without formation."""
    sensing_radius_m: Positive
    """Metres. The unit of every length that the policy sees."""
    time_limit_sides: Positive
    """Time limit of an episode: this many sides of the area at the highest speed."""
    num_encounters: Annotated[int, Field(ge=1, le=64)]
    """How many of the nearest bodies (UAVs and zones) a UAV sees with relative position and velocity."""
    k_jitter: Annotated[int, Field(ge=0, le=8)]
    """In training, the attention's k varies per episode by up to this many neighbours either way."""
    k_wide_share: Share
    """In training, the share of episodes whose k is drawn uniformly from that of small teams to the highest."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        check_range("speed_mps", self.speed_mps)
        if self.warning_distance_m < self.collision_distance_m:
            raise ValueError(
                f"warning_distance_m={self.warning_distance_m} is below collision_distance_m="
                f"{self.collision_distance_m}; raise it"
            )
        return self


class NavigateRewardConfig(Section):
    """Weights of the reward's terms. Each says what it multiplies: an amount per UAV that has not arrived. 0 switches a
    term off.
    """

    progress: NonNegative
    """Metres come nearer to the goal / sensing radius; potential-based (Ng, Harada, Russell 1999)."""
    arrival: NonNegative
    """1 in the step of arrival."""
    collision: NonNegative
    """-1 in a step in which the UAV begins to touch another UAV or a no-fly zone."""
    warning: NonNegative
    """-(depth in the warning band of the nearest body, in [0, 1]) per second."""
    effort: NonNegative
    """-(mean square of the controls) per second."""
    time: NonNegative
    """-1 per second."""
    formation: NonNegative
    """-min(metres outside the formation radius / sensing radius, 1) per second, of followers."""
    own_weight: Share
    """lambda of r_i = lambda * own_i + (1 - lambda) * mean over UAVs of own."""
