"""Which engine, API stack, task and other settings give a setting its effect: one table, and the check against it.

Settings that are not in the table have an effect everywhere. A setting without effect is refused only if the user has
set
it: a preset's value is not the user's mistake, and the same preset runs on every engine.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from rl_cluster.config.layers import Layer, merged, value_at
from rl_cluster.errors import ConfigError

__all__ = ["NEEDS", "Need", "Override", "check_effects", "unmet_need"]


class Need(NamedTuple):
    """A condition on a run."""

    remedy: str
    """what to set"""
    holds: Callable[[Any], bool]
    """of a `Config`"""
    otherwise: Callable[[Any], str]
    """of a `Config` for which it does not hold: the setting that is in the way"""


class Override(NamedTuple):
    """A `key=value` of the command line."""

    text: str
    """As the user wrote it."""
    key: str
    """Dotted; known to the schema."""
    value: Any


RAY = Need("engine=ray", lambda run: run.engine == "ray", lambda _: "engine=local")
NEW_STACK = Need("api_stack=new", lambda run: run.api_stack == "new", lambda _: "api_stack=old")
REMOTE_RUNNERS = Need(
    "sampling.num_env_runners to 1 or more",
    lambda run: run.sampling.num_env_runners > 0,
    lambda _: "sampling.num_env_runners=0",
)
REMOTE_LEARNERS = Need(
    "learners.num_learners to 1 or more",
    lambda run: run.learners.num_learners > 0,
    lambda _: "learners.num_learners=0",
)
GPU_LEARNERS = Need(
    "learners.gpus_per_learner above 0",
    lambda run: run.learners.gpus_per_learner > 0.0,
    lambda _: "learners.gpus_per_learner=0",
)
REMOTE_ACTORS = Need(
    "sampling.num_env_runners or learners.num_learners to 1 or more",
    lambda run: run.sampling.num_env_runners > 0 or run.learners.num_learners > 0,
    lambda _: "sampling.num_env_runners=0 and learners.num_learners=0",
)
ASYNC = Need(
    "sampling.mode=async", lambda run: run.sampling.mode == "async", lambda run: f"sampling.mode={run.sampling.mode}"
)
MAY_COLLIDE = Need(
    "it in a run of task navigate",
    lambda run: run.task != "allocate",
    lambda _: "task=allocate, whose autopilot enters no zone",
)
PENALTY = Need(
    "controllers.kl_target above 0", lambda run: run.controllers.kl_target > 0.0, lambda _: "controllers.kl_target=0"
)
PLATEAUS = Need(
    "controllers.plateau to lr or entropy",
    lambda run: run.controllers.plateau != "none",
    lambda _: "controllers.plateau=none",
)
OWN_PLATEAUS = Need(
    "curriculum.patience instead",
    lambda run: run.curriculum is None,
    lambda _: "a curriculum, which has plateaus of its own",
)
RESTORES = Need(
    "controllers.on_divergence=restore",
    lambda run: run.controllers.on_divergence == "restore",
    lambda _: "controllers.on_divergence=none",
)
FORMATION = Need(
    "world.formation_radius_m above 0",
    lambda run: run.task != "navigate" or run.world.formation_radius_m > 0.0,
    lambda _: "world.formation_radius_m=0",
)
PADS = Need(
    "generator.uav_start=pads, or mixed",
    lambda run: run.task != "allocate" or _starts_on(run, "pads"),
    lambda run: f"generator.uav_start={run.generator.uav_start}",
)
ROW = Need(
    "generator.uav_start=row, or mixed",
    lambda run: run.task != "allocate" or _starts_on(run, "row"),
    lambda run: f"generator.uav_start={run.generator.uav_start}",
)
IMITATES = Need(
    "ppo.imitation_weight above 0", lambda run: run.ppo.imitation_weight > 0.0, lambda _: "ppo.imitation_weight=0"
)
CHOOSES = Need(
    "it in a run of task allocate",
    lambda run: run.task != "navigate",
    lambda _: "task=navigate, whose controls no search finds",
)
DEPOT = Need(
    "generator.has_depot=true",
    lambda run: run.task != "allocate" or any(part.has_depot for part in run.generator.by_part),
    lambda _: "generator.has_depot=false",
)
SCENARIOS = Need(
    "generator.scenarios, by --scenario FILE",
    lambda run: bool(run.generator.scenarios),
    lambda _: "generator.scenarios=[]",
)

NEEDS: dict[str, tuple[Need, ...]] = {
    "generator.depot_per_uav": (DEPOT,),
    "generator.vary.position_m": (SCENARIOS,),
    "generator.vary.supply": (SCENARIOS,),
    "generator.vary.speed": (SCENARIOS,),
    "generator.vary.failing_share": (SCENARIOS,),
    "generator.vary.extra_uavs": (SCENARIOS,),
    "world.choose_in_turn": (NEW_STACK,),
    "generator.num_pads": (PADS,),
    "generator.row_gap_m": (ROW,),
    "world.training_intent_rounds": (NEW_STACK,),
    "reward.own_weight": (NEW_STACK,),
    "reward.collision": (MAY_COLLIDE,),
    "reward.formation": (FORMATION,),
    "controllers.kl_target": (NEW_STACK,),
    "controllers.kl_weight": (NEW_STACK, PENALTY),
    "controllers.kl_weight_range": (NEW_STACK, PENALTY),
    "controllers.plateau_rounds": (OWN_PLATEAUS, PLATEAUS),
    "controllers.plateau_factor": (PLATEAUS,),
    "controllers.max_restores": (RESTORES,),
    "model.compile": (NEW_STACK,),
    "ppo.imitation_weight": (CHOOSES, NEW_STACK),
    "sampling.searched_share": (CHOOSES, NEW_STACK, IMITATES),
    "sampling.search_plans": (CHOOSES, NEW_STACK, IMITATES),
    "sampling.mode": (RAY, NEW_STACK, REMOTE_RUNNERS),
    "sampling.max_lag": (RAY, NEW_STACK, REMOTE_RUNNERS, ASYNC),
    "sampling.timeout_s": (RAY, REMOTE_RUNNERS),
    "sampling.cpus_per_runner": (RAY, REMOTE_RUNNERS),
    "sampling.gpus_per_runner": (RAY, NEW_STACK, REMOTE_RUNNERS),
    "learners.num_learners": (RAY, NEW_STACK),
    "learners.cpus_per_learner": (NEW_STACK,),
    "learners.part_rows": (NEW_STACK,),
    "learners.memory_share": (NEW_STACK,),
    "learners.min_learners": (RAY, NEW_STACK, REMOTE_LEARNERS),
    "learners.empty_cache_share": (NEW_STACK, GPU_LEARNERS),
    "learners.timeout_s": (RAY, NEW_STACK, REMOTE_LEARNERS),
    "training.max_restarts": (RAY, NEW_STACK, REMOTE_ACTORS),
}
"""Dotted key -> all that a run must be like for the setting to do anything."""


def _starts_on(run: Any, kind: str) -> bool:
    """Whether UAVs may start in this way in an episode of some part."""
    return any(settings.uav_start in {kind, "mixed"} for settings in run.generator.by_part)


def unmet_need(key: str, config: Any) -> Need | None:
    """Why a setting has no effect in this run; None = it has one."""
    return next((need for need in NEEDS.get(key, ()) if not need.holds(config)), None)


def check_effects(
    config: Any, layers: Sequence[Layer], overrides: Sequence[Override], shipped: Callable[[], Sequence[Any]]
) -> None:
    """Raises ConfigError if the user has set what does nothing in this run.

    An override counts if it changes the value below it, a file above a preset likewise. In a file that begins from no
    preset everything is the user's; there a value that some preset ships counts as the preset's.

    Args:
        config: What came of layers and overrides.
        layers: Lowest first.
        overrides: Of the command line, later ones over earlier ones.
        shipped: Gives the plain data of all presets.
    """
    for key in NEEDS:
        need = unmet_need(key, config)
        if not need:
            continue
        where = _set_by_user(key, layers, overrides, shipped)
        if where:
            what = f"has no effect with {need.otherwise(config)}"
            raise ConfigError(where, what, f"omit it, or set {need.remedy}")


def _set_by_user(
    key: str, layers: Sequence[Layer], overrides: Sequence[Override], shipped: Callable[[], Sequence[Any]]
) -> str | None:
    """The place where the user has set it, for messages; None = a preset has set it."""
    below = value_at(merged(layers), key)
    for override in reversed(overrides):
        if override.key == key or key.startswith(f"{override.key}."):
            given = override.value if override.key == key else value_at(override.value, key[len(override.key) + 1 :])
            if given == below:
                break
            return override.text if override.key == key else f"{override.text}: {key}"
    top = layers[-1]
    given = value_at(top.given, key)
    if top.is_shipped or given is None:
        return None
    own = [value_at(merged(layers[:-1]), key)] if len(layers) > 1 else [value_at(data, key) for data in shipped()]
    return None if given in own else f"{top.name}: {key}"
