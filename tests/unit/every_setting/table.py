"""For each key of the settings: who observes it, in which settings, and other values from which something must follow.

A value is what stands behind `key=` on the command line. Both ends of a range are moved, each by itself.
"""

from typing import NamedTuple

from rl_cluster.config.allocate_generator import AllocatePart
from tests.conftest import TINY
from tests.unit.every_setting import decisions, runs, studies
from tests.unit.every_setting.runs import Observer

__all__ = ["ON_A_CLUSTER", "ON_A_GPU", "REFUSED", "TABLE", "Base", "Row"]

Base = tuple[str, ...]
"""A preset, and overrides."""


class Row(NamedTuple):
    """What follows from a key."""

    observe: Observer
    base: Base
    others: tuple[str | Base, ...]
    """other values; or other settings altogether, where the key cannot be changed by itself"""
    item: int = 0
    """of a key in a list of sections: which of them is changed"""


def _row(observe: Observer, base: Base, *others: str | Base, item: int = 0) -> tuple[Row, ...]:
    return (Row(observe, base, others, item),)


ALLOCATE: Base = ("debug",)
ZONES: Base = (*ALLOCATE, "generator.num_obstacles=[2, 2]")
PADS: Base = (*ALLOCATE, "generator.num_uavs=[5, 6]", "generator.uav_start=pads")
ONE_PART = "generator.mixture=[{name: a, weight: 1.0}]"
MIXTURE = "generator.mixture=[{name: a, weight: 1.0}, {name: b, weight: 1.0}]"
"""Two parts that do not differ."""
HOVERING: Base = (*ALLOCATE, "generator.num_uavs=[1, 1]", "world.idle_decisions=1")
"""A single UAV, whose untrained network hovers often."""
ROUNDABOUT: Base = (
    "quick_demo", "generator.num_obstacles=[6, 6]", "generator.obstacle_radius_m=[200.0, 250.0]",
    "generator.spacing_m=2500.0",
)  # fmt: skip
"""Fast UAVs that must fly round zones, slower than they cruise."""
NAVIGATE: Base = ("navigate_demo",)
ONE_SCENARIO = (
    "{name: one, area: {width_m: 3000.0, height_m: 2000.0}, uavs: [{id: a, position_m: [100.0, 900.0], "
    "heading_rad: 0.0, resources: [50.0, 60.0], range_m: 9000.0, speed_mps: [15.0, 40.0], cruise_mps: 25.0}, "
    "{id: b, position_m: [300.0, 200.0], heading_rad: 0.0, resources: [30.0, 10.0], range_m: 9000.0, "
    "speed_mps: [15.0, 40.0], cruise_mps: 25.0}], targets: [{id: t, position_m: [%s, 900.0], demand: [60.0, 40.0], "
    "value: 1.0}, {id: u, position_m: [900.0, 1500.0], demand: [20.0, 30.0], value: 1.0}]}"
)
SCENARIO: Base = (*ALLOCATE, f"generator.scenarios=[{ONE_SCENARIO % 2000.0}]")
NAVIGATED: Base = (*NAVIGATE, f"generator.scenarios=[{ONE_SCENARIO % 2000.0}]")
FORMATION: Base = (*NAVIGATE, "world.formation_radius_m=10.0", "reward.formation=1.0")
RUN: Base = ("debug", *TINY, "generator.num_targets=[2, 3]", "learners.part_rows=4")
IMITATING: Base = (*RUN, "ppo.imitation_weight=1.0", "sampling.searched_share=0.5", "sampling.search_plans=2")
PREFERRING: Base = (*RUN, "generator.prefer_crowding=[0.5, 4.0]")
SAVED: Base = (*RUN, "training.iterations=5", "training.checkpoint_every=1")
SCORED: Base = (*RUN, "training.evaluate_every=1")
WIDE: Base = ("debug", "model.size=small")
LARGE: Base = (
    "debug", "engine=local", "generator.num_uavs=[20, 20]", "generator.num_targets=[20, 20]", "ppo.num_epochs=1",
    "sampling.worlds_per_runner=8", "sampling.fragment_steps=2", "ppo.minibatch_rows=16", "model.precision=fp32",
)  # fmt: skip
REMOTE: Base = ("debug", "learners.num_learners=1", "sampling.num_env_runners=2")
STEADY: Base = ("debug", "engine=local", "training.evaluation_episodes=4")
PENALTY: Base = (*STEADY, "controllers.kl_target=0.01")
PLATEAU: Base = (*STEADY, "controllers.plateau=lr")
RESTORE: Base = (*STEADY, "controllers.on_divergence=restore")
STAGES: Base = (
    "curriculum_demo", "engine=local", "training.evaluation_episodes=8", "controllers.plateau=lr",
    "curriculum.floor_share=null",
)  # fmt: skip
TWO_STAGES = (
    "[{num_uavs: [2, 2], num_targets: [2, 2], num_obstacles: [0, 2], pass_score: 0.001, mix: [1.0, 0.0]}, "
    "{num_uavs: [3, 3], num_targets: [3, 3], num_obstacles: [0, 2], pass_score: 0.001, mix: [0.7, 0.3]}]"
)
"""Whoever serves anything passes the first."""
PASSED: Base = (
    "curriculum_demo", *TINY, "generator.num_targets=[2, 3]", "learners.part_rows=4", "training.iterations=4",
    "training.evaluate_every=1", "sampling.fragment_steps=16", "curriculum.num_passes=1", "curriculum.grace=0",
    "curriculum.floor_share=null", "ppo.num_epochs=1", f"curriculum.stages={TWO_STAGES}",
)  # fmt: skip
STUDY: Base = (
    "tune_demo", *TINY, "generator.num_targets=[2, 3]", "learners.part_rows=4", "training.iterations=2",
    "training.evaluate_every=1", "study.search=random", "study.num_trials=3", "study.num_seeds=2",
    "study.num_test_seeds=1", "study.grace_rounds=1", "study.cpus_per_trial=0.5", "ppo.num_epochs=1",
)  # fmt: skip
BY_STAGE = (
    "{engine: local, search: random, scheduler: stages, metric: curriculum/score, num_trials: 4, max_concurrent: 2, "
    "first_seed: 1, num_seeds: 1, num_test_seeds: 0, grace_rounds: 1, reduction: 2.0, exploit: false, "
    "cpus_per_trial: 1.0, gpus_per_trial: 0.0, space: [{key: ppo.lr, low: 1.0e-4, high: 1.0e-2, log: true}]}"
)
JUDGED: Base = ("tune_demo", "engine=local", "training.iterations=200", "study.search=random")
JUDGED_BY_STAGE: Base = ("curriculum_demo", "engine=local", f"study={BY_STAGE}")

WORLDS_OF_ALLOCATE: dict[str, tuple[Row, ...]] = {
    "task": _row(runs.worlds, ALLOCATE, NAVIGATE),
    "generator.num_uavs": _row(runs.worlds, ALLOCATE, "[1, 4]", "[2, 3]"),
    "generator.num_targets": _row(runs.worlds, ALLOCATE, "[1, 4]", "[2, 3]"),
    "generator.num_obstacles": _row(runs.worlds, ALLOCATE, "[1, 2]", "[0, 1]"),
    "generator.num_resources": _row(runs.worlds, ALLOCATE, "1"),
    "generator.spacing_m": _row(runs.worlds, ALLOCATE, "1400.0"),
    "generator.spacing_factor": _row(
        runs.worlds, (*ALLOCATE, "generator.spacing_factor=[1.0, 2.0]"), "[1.5, 2.0]", "[1.0, 1.5]"
    ),
    "generator.uav_start": _row(runs.worlds, ALLOCATE, "pad", "pads", "row", "mixed"),
    "generator.num_pads": _row(runs.worlds, PADS, "[3, 4]", "[2, 2]"),
    "generator.row_gap_m": _row(runs.worlds, (*ALLOCATE, "generator.uav_start=row"), "30.0"),
    "generator.equal_share": _row(runs.worlds, ALLOCATE, "0.5"),
    "generator.uav_resource": _row(runs.worlds, ALLOCATE, "[30.0, 100.0]", "[20.0, 90.0]"),
    "generator.specialist_share": _row(runs.worlds, ALLOCATE, "0.6"),
    "generator.single_skill_share": _row(runs.worlds, ALLOCATE, "0.5"),
    "generator.demand_spread": _row(runs.worlds, ALLOCATE, "0.3"),
    "generator.supply_demand_ratio": _row(runs.worlds, ALLOCATE, "[0.7, 1.2]", "[0.8, 1.3]"),
    "generator.supply_draw": _row(runs.worlds, ALLOCATE, "log"),
    "generator.range_sides": _row(runs.worlds, ALLOCATE, "[1.3, 3.0]", "[1.2, 2.0]"),
    "generator.cruise_mps": _row(runs.worlds, ALLOCATE, "[21.0, 30.0]", "[20.0, 29.0]"),
    "generator.speed_share": _row(runs.worlds, ROUNDABOUT, "[0.05, 1.4]")
    + _row(runs.scenarios, ALLOCATE, "[0.6, 1.4]"),
    "generator.obstacle_radius_m": _row(runs.worlds, ALLOCATE, "[90.0, 250.0]", "[100.0, 200.0]"),
    "generator.polygon_share": _row(runs.worlds, ALLOCATE, "1.0"),
    "generator.target_value": _row(runs.worlds, ALLOCATE, "[0.5, 1.0]", "[1.0, 2.0]"),
    "generator.service_time_s": _row(
        runs.worlds, (*ALLOCATE, "generator.service_time_s=[10.0, 30.0]"), "[0.0, 30.0]", "[10.0, 50.0]"
    ),
    "generator.appearing_share": _row(runs.worlds, ALLOCATE, "0.5"),
    "generator.failing_share": _row(runs.worlds, ALLOCATE, "0.5"),
    "generator.has_depot": _row(runs.worlds, ALLOCATE, "true"),
    "generator.depot_per_uav": _row(runs.worlds, (*ALLOCATE, "generator.has_depot=true"), "true"),
    "generator.prefer_crowding": _row(runs.training, PREFERRING, "[0.5, 2.0]", "[0.1, 4.0]"),
    "generator.prefer_time": _row(runs.training, RUN, "[0.5, 1.0]", "[1.0, 4.0]"),
    "generator.prefer_distance": _row(runs.training, RUN, "[0.5, 1.0]", "[1.0, 4.0]"),
    "generator.scenarios": _row(runs.worlds, SCENARIO, "[]", f"[{ONE_SCENARIO % 2500.0}]"),
    "generator.vary.position_m": _row(runs.worlds, SCENARIO, "50.0"),
    "generator.vary.supply": _row(runs.worlds, SCENARIO, "[0.5, 1.0]", "[1.0, 2.0]"),
    "generator.vary.speed": _row(runs.worlds, SCENARIO, "[0.5, 1.0]", "[1.0, 1.5]"),
    "generator.vary.failing_share": _row(runs.worlds, SCENARIO, "0.5"),
    "generator.vary.extra_uavs": _row(runs.worlds, SCENARIO, "[-1, 0]", "[0, 2]"),
    "world.decision_interval_s": _row(runs.worlds, ALLOCATE, "10.0"),
    "world.substep_s": _row(runs.worlds, ALLOCATE, "2.0"),
    "world.capture_radius_m": _row(runs.worlds, ALLOCATE, "200.0"),
    "world.max_turn_rate_radps": _row(runs.worlds, ALLOCATE, "0.6"),
    "world.obstacle_clearance_m": _row(runs.worlds, ZONES, "100.0"),
    "world.sensing_radius_m": _row(runs.worlds, ALLOCATE, "1000.0"),
    "world.time_limit_sides": _row(runs.worlds, ALLOCATE, "2.0"),
    "world.num_candidates": _row(runs.worlds, ALLOCATE, "1"),
    "world.coalition": _row(runs.worlds, ALLOCATE, "sync"),
    "world.resource_kind": _row(runs.worlds, ALLOCATE, "capability"),
    "world.replan": _row(runs.worlds, ALLOCATE, "false"),
    "world.choose_in_turn": _row(runs.training, RUN, "true"),
    "world.idle_decisions": _row(runs.evaluation, HOVERING, "0", "4"),
    "world.intent_rounds": _row(runs.evaluation, ALLOCATE, "3"),
    "world.training_intent_rounds": _row(runs.training, RUN, "3"),
    "world.k_jitter": _row(runs.worlds, (*ALLOCATE, "generator.num_uavs=[12, 12]"), "0"),
    "world.k_wide_share": _row(runs.worlds, (*ALLOCATE, "generator.num_uavs=[12, 12]"), "0.9"),
    "reward.completion": _row(runs.worlds, ALLOCATE, "1.0"),
    "reward.share": _row(runs.worlds, ALLOCATE, "0.6"),
    "reward.waste": _row(runs.worlds, ALLOCATE, "0.6"),
    "reward.congestion": _row(runs.worlds, ALLOCATE, "2.0"),
    "reward.path": _row(runs.worlds, ALLOCATE, "0.04"),
    "reward.time": _row(runs.worlds, ALLOCATE, "0.02"),
    "reward.approach": _row(runs.worlds, ALLOCATE, "0.5"),
    "reward.all_done": _row(runs.worlds, ALLOCATE, "1.0"),
    "reward.own_weight": _row(runs.worlds, ALLOCATE, "0.6"),
    "curriculum": _row(runs.worlds, STAGES, "null"),
    "curriculum.metric": _row(runs.training, PASSED, "satisfied_rate"),
    "curriculum.stages[].num_targets": _row(runs.worlds, STAGES, "[2, 2]", "[1, 1]"),
}
PARTS: dict[str, tuple[Row, ...]] = {
    "generator.mixture[].name": _row(runs.parts, (*ALLOCATE, MIXTURE), "c"),
    "generator.mixture[].weight": _row(runs.parts, (*ALLOCATE, MIXTURE), "3.0"),
    **{
        f"generator.mixture[].{key.rpartition('.')[2]}": tuple(row._replace(base=(*row.base, ONE_PART)) for row in rows)
        for key, rows in WORLDS_OF_ALLOCATE.items()
        if not key.startswith(("curriculum.", "generator.vary."))
        and key.rpartition(".")[2] in AllocatePart.model_fields
    },
}
"""A part says the same as what stands outside of it: it is seen in the same way."""
WORLDS_OF_NAVIGATE: dict[str, tuple[Row, ...]] = {
    "generator.scenarios": _row(runs.worlds, NAVIGATED, "[]", f"[{ONE_SCENARIO % 2500.0}]"),
    "generator.vary.position_m": _row(runs.worlds, NAVIGATED, "50.0"),
    "task": _row(runs.worlds, NAVIGATE, ALLOCATE),
    "generator.num_uavs": _row(runs.worlds, (*NAVIGATE, "generator.spacing_m=120.0"), "[3, 4]", "[4, 5]"),
    "generator.num_obstacles": _row(runs.worlds, NAVIGATE, "[2, 5]", "[3, 4]"),
    "generator.spacing_m": _row(runs.worlds, NAVIGATE, "90.0"),
    "generator.obstacle_radius_m": _row(runs.worlds, NAVIGATE, "[7.0, 12.0]", "[8.0, 11.0]"),
    "generator.polygon_share": _row(runs.worlds, NAVIGATE, "0.9"),
    "generator.goal_matching": _row(runs.worlds, NAVIGATE, "hungarian"),
    "world.dynamics": _row(runs.worlds, NAVIGATE, "double_integrator"),
    "world.step_s": _row(runs.worlds, NAVIGATE, "0.4"),
    "world.speed_mps": _row(runs.worlds, NAVIGATE, "[6.0, 20.0]", "[5.0, 15.0]"),
    "world.max_acceleration_mps2": _row(runs.worlds, NAVIGATE, "4.0"),
    "world.max_turn_rate_radps": _row(runs.worlds, NAVIGATE, "0.8"),
    "world.arrival_radius_m": _row(runs.worlds, NAVIGATE, "8.0"),
    "world.collision_distance_m": _row(runs.worlds, NAVIGATE, "10.0"),
    "world.warning_distance_m": _row(runs.worlds, NAVIGATE, "12.0"),
    "world.formation_radius_m": _row(runs.worlds, FORMATION, "20.0"),
    "world.sensing_radius_m": _row(runs.worlds, NAVIGATE, "80.0"),
    "world.time_limit_sides": _row(runs.worlds, NAVIGATE, "1.0"),
    "world.num_encounters": _row(runs.worlds, NAVIGATE, "2"),
    "world.k_jitter": _row(runs.worlds, (*NAVIGATE, "generator.num_uavs=[12, 12]"), "0"),
    "world.k_wide_share": _row(runs.worlds, (*NAVIGATE, "generator.num_uavs=[12, 12]"), "0.9"),
    "reward.progress": _row(runs.worlds, NAVIGATE, "2.0"),
    "reward.arrival": _row(runs.worlds, NAVIGATE, "2.0"),
    "reward.collision": _row(runs.worlds, NAVIGATE, "2.0"),
    "reward.warning": _row(runs.worlds, NAVIGATE, "0.2"),
    "reward.effort": _row(runs.worlds, NAVIGATE, "1.0"),
    "reward.time": _row(runs.worlds, NAVIGATE, "0.04"),
    "reward.formation": _row(runs.worlds, FORMATION, "2.0"),
    "reward.own_weight": _row(runs.worlds, NAVIGATE, "0.5"),
    "curriculum": _row(runs.worlds, ("navigate_curriculum",), "null"),
}
SHARED: dict[str, tuple[Row, ...]] = {
    "name": _row(runs.run_folder, SAVED, "other"),
    "seed": _row(runs.training, RUN, "1"),
    "engine": _row(decisions.engine, ALLOCATE, "local"),
    "api_stack": _row(decisions.engine, ALLOCATE, "old"),
    "model.size": _row(runs.network, WIDE, "large"),
    "model.width": _row(runs.network, ALLOCATE, "64"),
    "model.num_heads": _row(runs.network, ALLOCATE, "8"),
    "model.num_layers": _row(runs.network, ALLOCATE, "2"),
    "model.attention": _row(runs.network, ALLOCATE, "sparse"),
    "model.gradient_checkpointing": _row(runs.network, ALLOCATE, "true"),
    "model.precision": _row(runs.network, ALLOCATE, "fp32", "fp16"),
    "model.compile": _row(runs.compiled, RUN, "blocks"),
    "ppo.lr": _row(runs.training, RUN, "[2e-3, 5e-5]", "[1e-3, 1e-4]"),
    "ppo.gamma": _row(runs.training, RUN, "0.9"),
    "ppo.gae_lambda": _row(runs.training, RUN, "0.9"),
    "ppo.clip": _row(runs.training, (*RUN, "ppo.lr=[1e-1, 1e-1]"), "0.1"),
    "ppo.value_weight": _row(runs.training, RUN, "1.0"),
    "ppo.entropy_weight": _row(runs.training, RUN, "[0.02, 0.002]", "[0.01, 0.005]"),
    "ppo.num_epochs": _row(runs.training, RUN, "2"),
    "ppo.minibatch_rows": _row(runs.training, RUN, "8"),
    "ppo.imitation_weight": _row(runs.training, IMITATING, "0.5"),
    "ppo.max_grad_norm": _row(runs.training, RUN, "0.1"),
    "sampling.num_env_runners": _row(runs.training, RUN, "2"),
    "sampling.worlds_per_runner": _row(runs.training, RUN, "4"),
    "sampling.searched_share": _row(runs.training, IMITATING, "1.0"),
    "sampling.search_plans": _row(runs.training, IMITATING, "8"),
    "sampling.fragment_steps": _row(runs.training, RUN, "8"),
    "sampling.cpus_per_runner": _row(decisions.plan, REMOTE, "0.75"),
    "sampling.gpus_per_runner": _row(decisions.plan, REMOTE, "0.5"),
    "learners.num_learners": _row(decisions.plan, REMOTE, "2"),
    "learners.cpus_per_learner": _row(runs.threads, RUN, "2.0"),
    "learners.part_rows": _row(runs.training, RUN, "2"),
    "learners.memory_share": _row(runs.part_rows, LARGE, "0.001"),
    "learners.gpus_per_learner": _row(decisions.plan, REMOTE, "1.0"),
    "training.iterations": _row(runs.run_folder, SAVED, "3"),
    "training.time_limit_s": _row(runs.run_folder, SAVED, "0.001"),
    "training.max_restarts": _row(runs.losses, (RUN[0], *RUN[2:]), "1"),
    "training.checkpoint_every": _row(runs.run_folder, SAVED, "3"),
    "training.keep_checkpoints": _row(runs.run_folder, SAVED, "3"),
    "training.evaluate_every": _row(runs.training, SCORED, "2"),
    "training.evaluation_episodes": _row(runs.training, SCORED, "3"),
    "callbacks": _row(runs.callbacks, RUN, "[tests.unit.every_setting.runs:note]"),
    "monitoring.tensorboard": _row(runs.trackers, RUN, "false"),
    "monitoring.mlflow_uri": _row(runs.trackers, RUN, "sqlite:///store.db"),
    "monitoring.wandb_mode": _row(runs.trackers, RUN, "offline"),
    "monitoring.node_interval_s": _row(runs.readings, RUN, "10.0"),
    "controllers.warmup_iterations": _row(decisions.schedule, STEADY, "20"),
    "controllers.plateau": _row(decisions.schedule, STEADY, "lr", "entropy"),
    "controllers.plateau_rounds": _row(decisions.schedule, PLATEAU, "4"),
    "controllers.plateau_factor": _row(decisions.schedule, PLATEAU, "0.5"),
    "controllers.min_lr": _row(decisions.schedule, PLATEAU, "5e-4"),
    "controllers.kl_target": _row(decisions.schedule, STEADY, "0.01"),
    "controllers.kl_weight": _row(decisions.schedule, PENALTY, "2.0"),
    "controllers.kl_weight_range": _row(decisions.schedule, PENALTY, "[0.5, 100.0]", "[1e-4, 1.5]"),
    "controllers.on_divergence": _row(decisions.schedule, STEADY, "restore"),
    "controllers.max_restores": _row(decisions.schedule, RESTORE, "1"),
    "curriculum.pace": _row(
        decisions.schedule, ("curriculum_demo", "engine=local", "curriculum.pace=aggressive"), "conservative"
    ),
    "curriculum.stages[].num_uavs": _row(runs.worlds, STAGES, "[3, 3]", "[2, 2]"),
    "curriculum.stages[].num_obstacles": _row(runs.worlds, STAGES, "[1, 2]", "[0, 1]"),
    "curriculum.stages[].pass_score": _row(decisions.schedule, STAGES, "0.95"),
    "curriculum.stages[].mix": _row(runs.training, PASSED, "[0.2, 0.8]", item=1),
    "curriculum.num_passes": _row(decisions.schedule, STAGES, "2"),
    "curriculum.floor_share": _row(
        decisions.schedule, (*STAGES, f"curriculum.stages={TWO_STAGES}", "curriculum.floor_share=1.0"), "0.5", "null"
    ),
    "curriculum.grace": _row(decisions.schedule, STAGES, "5"),
    "curriculum.patience": _row(decisions.schedule, STAGES, "2"),
    "curriculum.fallback_share": _row(decisions.schedule, STAGES, "0.1"),
    "curriculum.num_failures": _row(decisions.schedule, STAGES, "2"),
    "curriculum.max_fallbacks": _row(decisions.schedule, STAGES, "0"),
    "curriculum.lr_decay": _row(decisions.schedule, STAGES, "0.9"),
    "study": _row(studies.study, STUDY, "null"),
    "study.engine": _row(studies.reserved, STUDY, "ray"),
    "study.search": _row(studies.samples, ("tune_demo", "study.scheduler=none"), "random", "gp", "pbt", "pb2"),
    "study.scheduler": _row(studies.verdicts, JUDGED, "none") + _row(studies.verdicts, JUDGED_BY_STAGE, "asha"),
    "study.metric": _row(studies.study, STUDY, "evaluation/satisfied_rate"),
    "study.num_trials": _row(studies.study, STUDY, "2"),
    "study.max_concurrent": _row(studies.study, STUDY, "1"),
    "study.first_seed": _row(studies.study, STUDY, "7"),
    "study.num_seeds": _row(studies.study, STUDY, "1"),
    "study.num_test_seeds": _row(studies.study, STUDY, "2", "0"),
    "study.grace_rounds": _row(studies.verdicts, JUDGED, "5"),
    "study.reduction": _row(studies.verdicts, JUDGED, "4.0"),
    "study.exploit": _row(studies.verdicts, JUDGED_BY_STAGE, "true"),
    "study.cpus_per_trial": _row(studies.study, STUDY, "1.0"),
    "study.gpus_per_trial": _row(studies.room, STUDY, "0.5"),
    "study.space[].key": _row(studies.samples, JUDGED, "ppo.gamma", item=1),
    "study.space[].low": _row(studies.samples, JUDGED, "2e-4"),
    "study.space[].high": _row(studies.samples, JUDGED, "2e-2"),
    "study.space[].log": _row(studies.samples, JUDGED, "false"),
}
ON_A_CLUSTER: dict[str, str] = {
    "sampling.mode": "test_algorithm.py::test_overlap__lags_one_update_behind_and_no_more",
    "sampling.max_lag": "test_async.py::test_fragments__that_lag_too_far_behind_are_dropped",
    "sampling.timeout_s": "test_faults.py::test_runners__that_are_lost_cost_no_iteration",
    "learners.min_learners": "test_faults.py::test_learners__leave_and_join_with_their_nodes",
    "learners.timeout_s": "test_faults.py::test_learner__that_is_lost_costs_no_more_than_a_checkpoint_interval",
}
"""Key -> the test in tests/ray that shows its effect, which needs more than one process."""
ON_A_GPU: dict[str, str] = {
    "learners.empty_cache_share": "test_update.py::test_cache__is_emptied_above_the_share",
}
"""Key -> the test in tests/gpu that shows its effect."""
REFUSED: dict[str, tuple[Base, str]] = {"allocate: reward.collision": (ALLOCATE, "1.0")}
"""Key -> settings with which another value would do nothing, and that value; it is refused."""
TABLE: dict[str, tuple[Row, ...]] = {
    **SHARED,
    **{f"allocate: {key}": row for key, row in {**WORLDS_OF_ALLOCATE, **PARTS}.items()},
    **{f"navigate: {key}": row for key, row in WORLDS_OF_NAVIGATE.items()},
}
