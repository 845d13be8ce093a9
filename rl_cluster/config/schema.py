"""Every setting of a run: its type, unit, range and effect. Presets fill it, `load.py` reads it; there are no defaults.

Models are frozen and refuse unknown keys, NaN and infinity. A rule that joins several fields is checked here, in
`model_validator`s; a rule that needs the cluster is checked by `sampling/plan.py`.
"""

import math
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = [
    "Config",
    "GeneratorConfig",
    "LearnersConfig",
    "ModelConfig",
    "PPOConfig",
    "RewardConfig",
    "SamplingConfig",
    "TrainingConfig",
    "WorldConfig",
]

# The bounds keep products and quotients of settings within float32, which the worlds compute in.
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(ge=1e-3, le=1e7)]
NonNegative = Annotated[float, Field(ge=0.0, le=1e7)]
Count = Annotated[int, Field(ge=1, le=4096)]
FloatRange = tuple[Positive, Positive]

MAX_SUBSTEPS = 10_000


class Section(BaseModel):
    """Base of every section: frozen, no unknown keys, no NaN or infinity, docstrings below fields in the schema."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True, strict=False
    )


def _check_range(name: str, low_high: tuple[float, float]) -> None:
    low, high = low_high
    if low > high:
        raise ValueError(f"{name}=[{low}, {high}] has its low end above its high end; write [low, high]")


class GeneratorConfig(Section):
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
    """Lowest and highest speed of a UAV, as shares of its cruise speed: low <= 1 <= high."""
    obstacle_radius_m: FloatRange
    """Metres. The high end and the world's clearance must fit half of the smallest placement cell."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        for name in ("num_uavs", "num_targets", "num_obstacles", "uav_resource", "supply_demand_ratio"):
            _check_range(name, getattr(self, name))
        for name in ("range_sides", "cruise_mps", "speed_share", "obstacle_radius_m"):
            _check_range(name, getattr(self, name))
        if not self.speed_share[0] <= 1.0 <= self.speed_share[1]:
            raise ValueError("speed_share must hold 1.0 between its ends; write for example [0.6, 1.5]")
        return self

    @property
    def smallest_cell_m(self) -> float:
        """Metres. Each entity has a square cell of its own: side / ceil(sqrt(entities)); here the smallest of all."""
        fewest, most = (self.num_uavs[end] + self.num_targets[end] for end in (0, 1))
        return min(
            self.spacing_m * math.sqrt(count / 2.0) / math.ceil(math.sqrt(count + self.num_obstacles[1]))
            for count in range(fewest, most + 1)
        )


class WorldConfig(Section):
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
    replan: bool
    """true: a UAV chooses at every decision. false: it keeps its target until that closes or it can no longer help."""
    k_jitter: Annotated[int, Field(ge=0, le=8)]
    """In training, the attention's k varies per episode by up to this many neighbours either way."""
    k_wide_share: Share
    """In training, the share of episodes whose k is drawn uniformly from 4 to 16 instead."""

    @model_validator(mode="after")
    def _whole_substeps(self) -> Self:
        substeps = self.decision_interval_s / self.substep_s
        if abs(substeps - round(substeps)) > 1e-6 or not 1 <= round(substeps) <= MAX_SUBSTEPS:
            raise ValueError(
                f"decision_interval_s={self.decision_interval_s} is not 1 to {MAX_SUBSTEPS} times "
                f"substep_s={self.substep_s}; choose a substep that divides it"
            )
        return self


class RewardConfig(Section):
    """Weights of the named reward terms (`environment/reward.py` has the formulas). 0 switches a term off."""

    completion: NonNegative
    """A target closes: each contributor gets its share of what was delivered."""
    share: NonNegative
    """A UAV's own share of demand newly met."""
    waste: NonNegative
    """Charged to a UAV whose chosen target closes under it."""
    congestion: NonNegative
    """Charged when a target closes (or at the end): its part of the congestion metric, split over those involved."""
    path: NonNegative
    """Charged per sensing radius flown."""
    time: NonNegative
    """Charged per decision, while the episode lasts."""
    approach: NonNegative
    """Potential-based shaping (Ng, Harada, Russell 1999) on the distance to the chosen target, per sensing radius."""
    collision: NonNegative
    """Charged for entering a no-fly zone."""
    all_done: NonNegative
    """Paid once, divided by the number of UAVs, when every target is closed."""
    own_weight: Share
    """lambda: r = lambda * own + (1 - lambda) * mean over UAVs."""


class ModelConfig(Section):
    """Size and precision of the TransformerGNN. Nothing here depends on the number of UAVs, targets or neighbours."""

    width: Annotated[int, Field(ge=8, le=1024)]
    """Model width D; divisible by the number of heads."""
    num_heads: Annotated[int, Field(ge=1, le=32)]
    """Attention heads H."""
    num_layers: Annotated[int, Field(ge=1, le=16)]
    """Transformer blocks L."""
    gradient_checkpointing: bool
    """Recompute each block's activations in the backward pass: less memory, about a quarter more time."""
    precision: Literal["fp32", "bf16"]
    """bf16: matrix products under autocast; logits, log-probabilities, values and losses stay fp32."""

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        if self.width % self.num_heads:
            raise ValueError(f"width={self.width} is not divisible by num_heads={self.num_heads}; choose a multiple")
        return self


class PPOConfig(Section):
    """Proximal policy optimisation per UAV (Schulman et al. 2017, arXiv 1707.06347)."""

    lr: tuple[Share, Share]
    """Adam's learning rate, [first, last], linear over the iterations."""
    gamma: Share
    """Discount per decision."""
    gae_lambda: Share
    """lambda of generalised advantage estimation (arXiv 1506.02438)."""
    clip: Annotated[float, Field(gt=0.0, lt=1.0)]
    """Per-UAV probability ratios are clipped to 1 +- this."""
    value_weight: NonNegative
    """Weight of the value loss (on standardised targets)."""
    entropy_weight: tuple[NonNegative, NonNegative]
    """Weight of the entropy bonus, [first, last], linear over the iterations."""
    num_epochs: Annotated[int, Field(ge=1, le=100)]
    """Passes over each batch."""
    minibatch_rows: Annotated[int, Field(ge=1)]
    """Graphs in a minibatch; divides the train batch."""
    max_grad_norm: Positive
    """Gradients are clipped to this global norm."""


class SamplingConfig(Section):
    """Who makes the experience. Train batch = runners * worlds_per_runner * fragment_steps graphs (one runner if 0)."""

    num_env_runners: Annotated[int, Field(ge=0, le=4096)]
    """Ray actors that sample; 0 samples in the trainer's process."""
    worlds_per_runner: Annotated[int, Field(ge=1, le=65536)]
    """Worlds that one runner steps as one batch."""
    fragment_steps: Annotated[int, Field(ge=1, le=4096)]
    """Decision steps per world and iteration."""
    cpus_per_runner: Annotated[float, Field(gt=0.0, le=64.0)]
    """CPUs that Ray sets aside for a runner (it runs one thread); fractions let small machines hold several."""


class LearnersConfig(Section):
    """Who updates the weights."""

    num_learners: Annotated[int, Field(ge=0, le=1)]
    """0: in the trainer's process. 1: one remote Learner."""
    cpus_per_learner: Annotated[float, Field(gt=0.0, le=64.0)]
    """CPUs that Ray sets aside for a Learner; the whole part is its number of torch threads, at least one."""
    gpus_per_learner: Annotated[float, Field(ge=0.0, le=1.0)]
    """GPUs of a Learner; 0 trains on the CPU."""


class TrainingConfig(Section):
    """How long, and what is saved and scored on the way."""

    iterations: Annotated[int, Field(ge=1)]
    """Sample-and-update rounds; learning rate and entropy weight run over them."""
    time_limit_s: Annotated[float, Field(gt=0.0, le=1e9)]
    """Seconds after which training ends even if iterations are left."""
    checkpoint_every: Annotated[int, Field(ge=1)]
    """Iterations between checkpoints (the last iteration is always saved)."""
    keep_checkpoints: Annotated[int, Field(ge=2, le=1000)]
    """Checkpoints kept, newest first; at least two, so that a damaged one has an older one behind it."""
    evaluate_every: Annotated[int, Field(ge=0)]
    """Iterations between evaluations on episodes that are never trained on; 0 never."""
    evaluation_episodes: Annotated[int, Field(ge=1)]
    """Episodes of such an evaluation."""


class Config(Section):
    """A whole run."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    """Name of the run folder: letters, digits, '.', '_', '-'."""
    seed: Annotated[int, Field(ge=0, lt=2**31)]
    """Keys every random draw of the run."""
    engine: Literal["ray", "local"]
    """ray: RLlib env runners and Learners. local: the same training in one process, without Ray."""
    generator: GeneratorConfig
    world: WorldConfig
    reward: RewardConfig
    model: ModelConfig
    ppo: PPOConfig
    sampling: SamplingConfig
    learners: LearnersConfig
    training: TrainingConfig

    @model_validator(mode="after")
    def _joint_rules(self) -> Self:
        rows = self.train_batch_rows
        if rows % self.ppo.minibatch_rows:
            raise ValueError(
                f"ppo.minibatch_rows={self.ppo.minibatch_rows} does not divide the train batch of {rows} rows; "
                f"choose a divisor of {rows}"
            )
        slowest_radius_m = self.generator.cruise_mps[1] * self.generator.speed_share[0] / self.world.max_turn_rate_radps
        if slowest_radius_m > self.world.capture_radius_m:
            raise ValueError(
                f"world.capture_radius_m={self.world.capture_radius_m} is below the turn radius of "
                f"{slowest_radius_m:.0f} m at the lowest speed, so a UAV could circle a target for ever; "
                "raise it, or lower generator.speed_share"
            )
        generator = self.generator
        widest_m = generator.obstacle_radius_m[1] + self.world.obstacle_clearance_m
        if generator.num_obstacles[1] > 0 and widest_m > generator.smallest_cell_m / 2:
            raise ValueError(
                f"generator.obstacle_radius_m + world.obstacle_clearance_m = {widest_m:.0f} m does not fit half of the "
                f"smallest placement cell of {generator.smallest_cell_m:.0f} m; make the obstacles smaller or fewer, "
                "or raise generator.spacing_m"
            )
        return self

    @property
    def train_batch_rows(self) -> int:
        """Graphs in one iteration's batch."""
        runners = max(1, self.sampling.num_env_runners)
        return runners * self.sampling.worlds_per_runner * self.sampling.fragment_steps
