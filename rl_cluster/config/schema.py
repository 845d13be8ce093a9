"""The settings of a run: its task's own sections (`allocate.py`, `navigate.py`) and those that all tasks share.

Every field has its type, unit, range and effect below it. Presets fill them, `load.py` reads them; there are no
defaults. Models are frozen and refuse unknown keys, NaN and infinity. A rule that joins several fields is checked here,
in `model_validator`s; a rule that needs the cluster is checked by `rllib/placement/plan.py`.
"""

import math
from typing import Annotated, Any, Literal, Self

from pydantic import Field, TypeAdapter, model_validator

from rl_cluster.config.allocate import AllocateRewardConfig, AllocateWorldConfig
from rl_cluster.config.allocate_generator import AllocateGeneratorConfig, parts_of
from rl_cluster.config.allocate_parts import check_mixture, check_part
from rl_cluster.config.callbacks import CallbackPaths
from rl_cluster.config.controllers import ControllersConfig
from rl_cluster.config.curriculum import AllocateCurriculum, NavigateCurriculum, check_stages
from rl_cluster.config.formats import FORMAT_KEY
from rl_cluster.config.limits import check_memory, check_steps
from rl_cluster.config.migrations import FORMAT
from rl_cluster.config.model_size import MODEL_SIZES
from rl_cluster.config.monitoring import MonitoringConfig
from rl_cluster.config.navigate import NavigateGeneratorConfig, NavigateRewardConfig, NavigateWorldConfig
from rl_cluster.config.section import NonNegative, Positive, Rounds, Rows, Section, Share
from rl_cluster.config.study import StudyConfig

__all__ = [
    "MAX_EPISODES",
    "TASKS",
    "AllocateConfig",
    "Config",
    "LearnersConfig",
    "ModelConfig",
    "NavigateConfig",
    "PPOConfig",
    "SamplingConfig",
    "TrainingConfig",
    "json_schema",
]

MAX_EPISODES = 1_000_000
"""The most episodes of an evaluation: the memory holds all outcomes for the bootstrap."""


class ModelConfig(Section):
    """Size and precision of the TransformerGNN. Nothing here depends on the number of UAVs, targets or neighbours."""

    size: Literal["auto", "small", "large"]
    """What width, heads and layers are where they are left out: small 128, 4, 2; large 256, 8, 4; auto by entities."""
    width: Annotated[int, Field(ge=8, le=1024)]
    """Model width D; divisible by the number of heads."""
    num_heads: Annotated[int, Field(ge=1, le=32)]
    """Attention heads H."""
    num_layers: Annotated[int, Field(ge=1, le=16)]
    """Transformer blocks L."""
    attention: Literal["auto", "dense", "sparse"]
    """dense: fused attention over all entities. sparse: messages between neighbours. auto: whichever is faster."""
    gradient_checkpointing: bool
    """Recompute each block's activations in the backward pass: less memory, about a quarter more time."""
    precision: Literal["fp32", "bf16", "fp16"]
    """bf16, fp16: matrix products under autocast; logits, log-probabilities, values and losses stay fp32."""
    compile: Literal["none", "blocks"]
    """blocks: torch.compile compiles the transformer's blocks where the run samples and updates. Needs g++."""

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
    clip: Annotated[float, Field(ge=1e-6, lt=1.0)]
    """Per-UAV probability ratios are clipped to 1 +- this."""
    value_weight: NonNegative
    """Weight of the value loss (on standardised targets)."""
    entropy_weight: tuple[NonNegative, NonNegative]
    """Weight of the entropy bonus, [first, last], linear over the iterations."""
    num_epochs: Annotated[int, Field(ge=1, le=100)]
    """Passes over each batch."""
    minibatch_rows: Rows
    """Graphs in a minibatch; divides the train batch."""
    max_grad_norm: Positive
    """Gradients are clipped to this global norm."""
    imitation_weight: NonNegative
    """Weight of imitating what a search at decision time would choose (expert iteration, arXiv 1705.08439). 0: none."""


class SamplingConfig(Section):
    """Who makes the experience. Train batch = runners * worlds_per_runner * fragment_steps graphs (one runner if 0)."""

    num_env_runners: Annotated[int, Field(ge=0, le=4096)]
    """Ray actors that sample; 0 samples in the trainer's process."""
    worlds_per_runner: Annotated[int, Field(ge=1, le=65536)]
    """Worlds that one runner steps as one batch."""
    fragment_steps: Annotated[int, Field(ge=1, le=4096)]
    """Decision steps per world and iteration."""
    searched_share: Share
    """Share of a runner's worlds in which each decision is searched, too, for ppo.imitation_weight to imitate."""
    search_plans: Annotated[int, Field(ge=1, le=4096)]
    """Plans that such a search plays."""
    mode: Literal["sync", "overlap", "async"]
    """overlap: remote env runners sample the next batch during the update; their weights lag one update behind. async:
    they sample without pause, a batch takes the first fragments, and rows of older weights are corrected (V-trace)."""
    max_lag: Annotated[int, Field(ge=1, le=1000)]
    """mode=async: fragments of weights that are more updates old are dropped."""
    timeout_s: Annotated[float, Field(ge=1e-3, le=1e6)]
    """Seconds after which an env runner that has not answered is ended and restarted; the others do its share."""
    cpus_per_runner: Annotated[float, Field(ge=1e-3, le=64.0)]
    """CPUs that Ray sets aside for a runner (it runs one thread); fractions let small machines hold several."""
    gpus_per_runner: Annotated[float, Field(ge=0.0, le=1.0)]
    """Share of a GPU on which a remote runner's network acts; its worlds step on the CPU. 0: all on the CPU."""


class LearnersConfig(Section):
    """Who updates the weights."""

    num_learners: Annotated[int, Field(ge=0, le=1024)]
    """Ray actors that update, as one: their gradients are summed; 0 updates in the trainer's process."""
    min_learners: Annotated[int, Field(ge=0, le=1024)]
    """A run that has lost nodes goes on with at least so many Learners, and with all as soon as there is room again.
    0: it needs all of them."""
    cpus_per_learner: Annotated[float, Field(ge=1e-3, le=64.0)]
    """CPUs that Ray sets aside for a Learner; the whole part is its number of torch threads, at least one."""
    part_rows: Annotated[int, Field(ge=0, le=2**30)]
    """Graphs that go through the network together; gradients of a minibatch add up. 0: as many as fit into memory."""
    memory_share: Annotated[float, Field(ge=1e-3, le=1.0)]
    """Share of the GPU's memory, or of what is free on a machine without, that a Learner may take."""
    empty_cache_share: Annotated[float, Field(gt=0.0, le=1.0)]
    """Where more than this share of the GPU's memory is taken after an update, torch frees its cache. 1: never."""
    timeout_s: Annotated[float, Field(ge=1.0, le=1e6)]
    """Seconds after which a Learner that has not answered, or has not joined an exchange with the others, is lost."""
    gpus_per_learner: Annotated[float, Field(ge=0.0, le=64.0)]
    """GPUs of a Learner, at most 1; 0 trains on the CPU. With api_stack=old the number of towers, one on each GPU."""


class TrainingConfig(Section):
    """How long, and what is saved and scored on the way."""

    iterations: Rounds
    """Sample-and-update rounds; learning rate and entropy weight run over them."""
    time_limit_s: Annotated[float, Field(ge=1e-3, le=1e9)]
    """Seconds after which training ends even if iterations are left."""
    max_restarts: Annotated[int, Field(ge=0, le=1000)]
    """How often a run whose Learners or env runners are lost begins again by itself, from its last checkpoint."""
    checkpoint_every: Rounds
    """Iterations between checkpoints (the last iteration is always saved)."""
    keep_checkpoints: Annotated[int, Field(ge=2, le=1000)]
    """Checkpoints kept, newest first; at least two, so that a damaged one has an older one behind it."""
    evaluate_every: Annotated[int, Field(ge=0, le=10**9)]
    """Iterations between evaluations on episodes that are never trained on; 0 never."""
    evaluation_episodes: Annotated[int, Field(ge=1, le=MAX_EPISODES)]
    """Episodes of such an evaluation."""


class Config(Section):
    """A whole run, but for the sections of its task, which `AllocateConfig` and `NavigateConfig` add."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    """Name of the run folder: letters, digits, '.', '_', '-'."""
    task: str
    """What is learnt; the three sections of the task are typed by the subclass."""
    seed: Annotated[int, Field(ge=0, lt=2**31)]
    """Seed of all random draws of the run."""
    engine: Literal["ray", "local"]
    """ray: RLlib env runners and Learners. local: the same training in one process, without Ray."""
    api_stack: Literal["new", "old"]
    """new: Learners, credit per UAV. old: RLlib's stock PPO, with a TorchModelV2, on the team's reward."""
    generator: Any
    """From what episodes are drawn."""
    world: Any
    """How the world runs."""
    reward: Any
    """Weights of the reward's terms."""
    model: ModelConfig
    ppo: PPOConfig
    sampling: SamplingConfig
    learners: LearnersConfig
    training: TrainingConfig
    monitoring: MonitoringConfig
    callbacks: CallbackPaths
    """Callbacks of your own, as module:Class, which watch the run. RL_CLUSTER_ALLOWED_IMPORTS must name them, too."""
    controllers: ControllersConfig
    curriculum: Any
    """Stages of rising difficulty, typed by the task; null: episodes are drawn from the generator's ranges."""
    study: StudyConfig | None
    """How `rl-cluster tune` searches for better settings; `train` passes over it."""

    @model_validator(mode="after")
    def _whole_minibatches(self) -> Self:
        rows, asked = self.train_batch_rows, self.ppo.minibatch_rows
        if rows % asked:
            nearest = min(_divisors(rows), key=lambda divisor: abs(divisor - asked))
            raise ValueError(
                f"ppo.minibatch_rows={asked} does not divide the train batch of {rows} rows; the nearest that does is "
                f"{nearest}"
            )
        return self

    @model_validator(mode="after")
    def _worlds_for_all_learners(self) -> Self:
        num_worlds = max(1, self.sampling.num_env_runners) * self.sampling.worlds_per_runner
        if self.learners.num_learners > num_worlds:
            raise ValueError(
                f"learners.num_learners={self.learners.num_learners}: the {num_worlds} worlds of all env runners are "
                f"shared out among the Learners; set {num_worlds} or less"
            )
        return self

    @model_validator(mode="after")
    def _fewest_learners_are_no_more_than_all(self) -> Self:
        fewest, most = self.learners.min_learners, self.learners.num_learners
        if most and fewest > most:
            raise ValueError(f"learners.min_learners={fewest} is more than learners.num_learners={most}; lower it")
        return self

    @model_validator(mode="after")
    def _stack_can_do_it(self) -> Self:
        gpus = self.learners.gpus_per_learner
        if self.api_stack == "new":
            if gpus > 1.0:
                raise ValueError(f"learners.gpus_per_learner={gpus:g}: a Learner trains on one GPU; set 1 or less")
            return self
        if self.engine == "local":
            raise ValueError("api_stack=old is a part of RLlib, which engine=local does without; set engine=ray")
        if self.learners.num_learners:
            raise ValueError(
                "api_stack=old has no Learners: its trainer's process updates, on learners.gpus_per_learner GPUs; "
                "set learners.num_learners=0"
            )
        if gpus % 1.0:
            raise ValueError(
                f"learners.gpus_per_learner={gpus:g}: api_stack=old puts one tower on each GPU; set a whole number"
            )
        return self

    @model_validator(mode="after")
    def _runners_can_have_gpus(self) -> Self:
        gpus, is_ours = self.sampling.gpus_per_runner, self.engine == "ray" and self.api_stack == "new"
        if gpus and not (is_ours and self.sampling.num_env_runners):
            raise ValueError(
                f"sampling.gpus_per_runner={gpus:g} is for remote env runners of engine=ray and api_stack=new; "
                "set it to 0, or sampling.num_env_runners to 1 or more"
            )
        return self

    @model_validator(mode="after")
    def _lagging_runners_are_remote(self) -> Self:
        mode, is_ours = self.sampling.mode, self.engine == "ray" and self.api_stack == "new"
        if mode != "sync" and is_ours and not self.sampling.num_env_runners:
            raise ValueError(
                f"sampling.mode={mode} makes weights lag behind, and without remote env runners nothing overlaps; "
                "set it to sync, or sampling.num_env_runners to 1 or more"
            )
        return self

    @model_validator(mode="after")
    def _curriculum_is_scored(self) -> Self:
        if self.curriculum:
            check_stages(self.curriculum, self.generator)
            if not self.training.evaluate_every:
                raise ValueError("a curriculum moves by evaluations; set training.evaluate_every to 1 or more")
        return self

    @model_validator(mode="after")
    def _given_scenarios_are_alone(self) -> Self:
        others = {"curriculum": self.curriculum, "generator.mixture": getattr(self.generator, "mixture", ())}
        if self.generator.scenarios and (named := next((name for name, other in others.items() if other), None)):
            empty = "null" if named == "curriculum" else "[]"
            raise ValueError(
                f"generator.scenarios and {named} both say from what an episode is made; set {named}={empty}, or train "
                "without scenarios"
            )
        return self

    @model_validator(mode="after")
    def _old_stack_cannot_penalise_or_restore(self) -> Self:
        if self.controllers.kl_target and self.api_stack == "old":
            raise ValueError("controllers.kl_target is for api_stack=new; set it to 0")
        if self.controllers.on_divergence == "restore" and self.api_stack == "old":
            raise ValueError(
                "controllers.on_divergence=restore is for api_stack=new: the old one's optimizer cannot go back; "
                "set it to none"
            )
        return self

    @model_validator(mode="after")
    def _worlds_fit_into_memory(self) -> Self:
        check_memory(self)
        return self

    @property
    def train_batch_rows(self) -> int:
        """Graphs in one iteration's batch."""
        runners = max(1, self.sampling.num_env_runners)
        return runners * self.sampling.worlds_per_runner * self.sampling.fragment_steps


def _divisors(number: int) -> set[int]:
    small = [divisor for divisor in range(1, math.isqrt(number) + 1) if number % divisor == 0]
    return {*small, *(number // divisor for divisor in small)}


class AllocateConfig(Config):
    """A run of task `allocate`: which UAV serves which target."""

    task: Literal["allocate"]
    """allocate: which UAV serves which target."""
    generator: AllocateGeneratorConfig
    world: AllocateWorldConfig
    reward: AllocateRewardConfig
    curriculum: AllocateCurriculum | None
    """Stages of rising difficulty; null: episodes are drawn from the generator's ranges."""

    @model_validator(mode="after")
    def _episodes_are_possible(self) -> Self:
        check_mixture(self.generator, has_curriculum=self.curriculum is not None)
        if not self.generator.scenarios:  # they bring their own sizes and speeds, which are checked with them
            for part in parts_of(self.generator, self.world):
                check_part(part)
        return self


class NavigateConfig(Config):
    """A run of task `navigate`: every UAV flies to its goal."""

    task: Literal["navigate"]
    """navigate: every UAV flies to its goal."""
    generator: NavigateGeneratorConfig
    world: NavigateWorldConfig
    reward: NavigateRewardConfig
    curriculum: NavigateCurriculum | None
    """Stages of rising difficulty; null: episodes are drawn from the generator's ranges."""

    @model_validator(mode="after")
    def _cells_hold_bodies(self) -> Self:
        generator, world = self.generator, self.world
        if generator.scenarios:  # they bring their own places
            return self
        longest_s = world.time_limit_sides * generator.spacing_m * math.sqrt(generator.num_uavs[1]) / world.speed_mps[1]
        check_steps(longest_s, world.step_s, "lower world.time_limit_sides, or raise world.step_s")
        cell_m = generator.smallest_cell_m
        diameter_m = 2.0 * generator.obstacle_radius_m[1] if generator.num_obstacles[1] > 0 else 0.0
        needed_m = diameter_m + world.warning_distance_m
        if needed_m > cell_m:
            raise ValueError(
                f"the smallest placement cell of {cell_m:.0f} m does not hold a no-fly zone and "
                f"world.warning_distance_m, {needed_m:.0f} m; raise generator.spacing_m, or make the obstacles smaller "
                "or fewer"
            )
        return self


TASKS: dict[str, type[Config]] = {
    "allocate": AllocateConfig,
    "navigate": NavigateConfig,
}
"""Task -> the settings of a run of it."""


def json_schema() -> dict[str, Any]:
    """JSON Schema of a file of settings: `task` says which of the alternatives holds."""
    schema = TypeAdapter(Annotated[AllocateConfig | NavigateConfig, Field(discriminator="task")]).json_schema()
    number = {"type": "integer", "minimum": 1, "maximum": FORMAT, "description": "Of the format; left out: the newest."}
    for kind in TASKS.values():
        schema["$defs"][kind.__name__]["properties"][FORMAT_KEY] = number
    model = schema["$defs"][ModelConfig.__name__]
    model["required"] = [name for name in model["required"] if name not in MODEL_SIZES["small"]]
    return schema
