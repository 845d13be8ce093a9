"""Settings of task `allocate`: which UAV serves which target."""

import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from rl_cluster.config.section import Count, FloatRange, NonNegative, Positive, Section, Share, check_range

__all__ = ["MAX_SUBSTEPS", "AllocateGeneratorConfig", "AllocateRewardConfig", "AllocateWorldConfig", "clock_fault"]

MAX_SUBSTEPS = 10_000
Weights = tuple[Annotated[float, Field(ge=1 / 64, le=64.0)], Annotated[float, Field(ge=1 / 64, le=64.0)]]


def clock_fault(decision_interval_s: float, substep_s: float) -> str | None:
    """A fault if the substeps do not divide the decision interval, or are too many; None = they divide it."""
    substeps = decision_interval_s / substep_s
    if abs(substeps - round(substeps)) <= 1e-6 and 1 <= round(substeps) <= MAX_SUBSTEPS:
        return None
    return f"decision_interval_s={decision_interval_s} is not 1 to {MAX_SUBSTEPS} times substep_s={substep_s}"


class AllocateGeneratorConfig(Section):
    """From what the generator draws an episode. Each range is [low, high], both ends included."""

    num_uavs: tuple[Count, Count]
    """UAVs in an episode, 1 to 4096. The high end is also the padded size."""
    num_targets: tuple[Count, Count]
    """Targets in an episode, 1 to 4096. The high end is also the padded size."""
    num_obstacles: tuple[Annotated[int, Field(ge=0, le=1024)], Annotated[int, Field(ge=0, le=1024)]]
    """Circular no-fly zones in an episode, 0 to 1024. The high end is also the padded size."""
    num_resources: Annotated[int, Field(ge=1, le=8)]
    """Kinds of resource that UAVs carry and targets demand."""
    spacing_m: Positive
    """Metres. The square area's side is spacing * sqrt((UAVs + targets) / 2): density stays constant as teams grow."""
    uav_resource: FloatRange
    """Units of each kind that a UAV carries at the start."""
    specialist_share: Share
    """Probability that a UAV lacks one kind of resource altogether (with one kind only, it has no effect)."""
    demand_spread: Annotated[float, Field(ge=0.0, lt=1.0)]
    """Demands of a kind vary by 1 +- this share between targets, before they are scaled to the supply."""
    supply_demand_ratio: FloatRange
    """Supply over demand, drawn per kind. Below 1 not every target can be served: decisions matter most there."""
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
    prefer_crowding: Weights
    """In training, weights of an episode by which reward.congestion and reward.waste are multiplied, log-uniform.
    The network sees them, so that whoever plays it can choose: `evaluate --prefer crowding=0.5`."""
    prefer_time: Weights
    """The same for reward.time."""
    prefer_distance: Weights
    """The same for reward.path."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        for name in ("num_uavs", "num_targets", "num_obstacles", "uav_resource", "supply_demand_ratio", "target_value"):
            check_range(name, getattr(self, name))
        for name in ("range_sides", "cruise_mps", "speed_share", "obstacle_radius_m", "service_time_s"):
            check_range(name, getattr(self, name))
        for name in ("prefer_crowding", "prefer_time", "prefer_distance"):
            check_range(name, getattr(self, name))
        if not self.speed_share[0] <= 1.0 <= self.speed_share[1]:
            raise ValueError("speed_share must hold 1.0 between its ends; write for example [0.6, 1.5]")
        return self

    @property
    def has_common_depot(self) -> bool:
        """True = one depot is placed for all UAVs."""
        return self.has_depot and not self.depot_per_uav

    @property
    def smallest_cell_m(self) -> float:
        """Metres. Each entity has a square cell of its own: side / ceil(sqrt(entities)); here the smallest of all."""
        others = self.num_obstacles[1] + self.has_common_depot
        fewest, most = (self.num_uavs[end] + self.num_targets[end] for end in (0, 1))
        return min(
            self.spacing_m * math.sqrt(count / 2.0) / math.ceil(math.sqrt(count + others))
            for count in range(fewest, most + 1)
        )


class AllocateWorldConfig(Section):
    """How the world runs: clock, flight, delivery and what is seen of it."""

    decision_interval_s: Positive
    """Seconds between two choices of every UAV."""
    substep_s: Positive
    """Seconds of one flight step; divides the decision interval, into 10,000 steps at most."""
    capture_radius_m: Positive
    """Metres. Inside this radius of its target a UAV delivers."""
    max_turn_rate_radps: Positive
    """Radians per second that a UAV can turn at most, where its scenario does not say."""
    obstacle_clearance_m: NonNegative
    """Metres that the autopilot keeps from the edge of a no-fly zone."""
    sensing_radius_m: Positive
    """Metres. The unit of every length that the policy sees, and of the path term of the reward."""
    time_limit_sides: Positive
    """Time limit of an episode: this many sides of the area at the mean cruise speed."""
    num_candidates: Annotated[int, Field(ge=1, le=64)]
    """How many of the nearest legal targets a UAV chooses from (apart from the attention's k)."""
    coalition: Literal["sum", "sync"]
    """sum: whoever has arrived delivers. sync: UAVs wait at a target until those present cover all that remains."""
    resource_kind: Literal["consumed", "capability"]
    """consumed: what is delivered is gone. capability: it is needed but stays; a UAV serves a target once."""
    replan: bool
    """true: a UAV chooses at every decision. false: it keeps its target until that closes or it can no longer help."""
    choose_in_turn: bool
    """true: in each round UAVs choose one after the other, and none chooses a target that those before it have covered.
    false: all choose at once."""
    intent_rounds: Annotated[int, Field(ge=1, le=16)]
    """How often UAVs choose, each time seeing the others' last choices, before they fly. Heuristics choose once."""
    training_intent_rounds: Annotated[int, Field(ge=1, le=16)]
    """The same in training, where fewer are faster."""
    k_jitter: Annotated[int, Field(ge=0, le=8)]
    """In training, the attention's k varies per episode by up to this many neighbours either way."""
    k_wide_share: Share
    """In training, the share of episodes whose k is drawn uniformly from that of small teams to the highest."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if max(self.intent_rounds, self.training_intent_rounds) > 1 and not self.replan:
            raise ValueError(
                "more than one round of intent lets UAVs change their choices; set replan=true, or intent_rounds=1 and "
                "training_intent_rounds=1"
            )
        if fault := clock_fault(self.decision_interval_s, self.substep_s):
            raise ValueError(f"{fault}; choose a substep that divides it")
        return self


class AllocateRewardConfig(Section):
    """Weights of the reward's terms. Each says what it multiplies: an amount per UAV. 0 switches a term off."""

    # Every field but own_weight is a term of environment/allocate/reward.py, of the same name and in the same order. A
    # parameter of a formula belongs to the world's settings.
    completion: NonNegative
    """When target j closes: the UAV's share of all that was delivered to it, times value_j / mean value."""
    share: NonNegative
    """Units delivered / the target's whole demand."""
    waste: NonNegative
    """-1 when the chosen target closes under the UAV."""
    congestion: NonNegative
    """When target j closes, or at the end if it does not: -clip(n_j / ideal_j - 1, 0, 1), split over the n_j involved.
    It is the target's part of the congestion metric."""
    path: NonNegative
    """-metres flown / sensing radius."""
    time: NonNegative
    """-1 per decision."""
    approach: NonNegative
    """Potential after less potential before; potential = -distance to the choice / sensing radius, 0 without a choice
    and after the end (Ng, Harada, Russell 1999)."""
    collision: NonNegative
    """-1 for entering a no-fly zone. The autopilot enters none: a value of your own is refused."""
    all_done: NonNegative
    """1 / N when the episode terminates: all targets are closed, and with a depot all UAVs that fly are back."""
    own_weight: Share
    """lambda of r_i = lambda * own_i + (1 - lambda) * mean over UAVs of own."""
