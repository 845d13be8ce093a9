"""Settings of task `allocate`, which UAV serves which target: its world and its reward.

`allocate_generator.py` has those of its episodes.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from rl_cluster.config.section import NonNegative, Positive, Section, Share

__all__ = ["MAX_SUBSTEPS", "AllocateRewardConfig", "AllocateWorldConfig", "clock_fault"]

MAX_SUBSTEPS = 10_000


def clock_fault(decision_interval_s: float, substep_s: float) -> str | None:
    """A fault if the substeps do not divide the decision interval, or are too many; None = they divide it."""
    substeps = decision_interval_s / substep_s
    if abs(substeps - round(substeps)) <= 1e-6 and 1 <= round(substeps) <= MAX_SUBSTEPS:
        return None
    return f"decision_interval_s={decision_interval_s} is not 1 to {MAX_SUBSTEPS} times substep_s={substep_s}"


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
    idle_decisions: Annotated[int, Field(ge=0, le=10_000)]
    """After so many decisions in a row in which nobody does anything the episode ends as deadlocked: all UAVs that fly
    hover, or wait at targets for others, and no target is in service or still to appear. 0 = never."""
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
