"""Settings that older versions have saved, as this version writes them. `formats.py` has what numbers are for.

A format's migration is a pure function from its data to that of the next one. A setting that a version did not have
gets the value by which that version behaved, so that a run goes on as it began: presets may have other values.

    format 1    files without a number: everything up to the first version that wrote one. Settings were added over
                time, and none was renamed or removed
    format 2    the number is the first key
    format 3    UAVs may choose in turn; episodes may start on pads and be drawn from a mixture; preferences; depots;
                an episode in which nobody does anything may end; searched choices may be imitated
    format 4    runs may train on given scenarios, and on variations of them
    format 5    settings may name callbacks
    format 6    trials of a study may have env runners and Learners of their own; sampling.mode took the place of
                sampling.overlap, as env runners may sample without pause
"""

from collections.abc import Callable, Mapping
from typing import Any

from rl_cluster.config.address_secrets import holds_secret
from rl_cluster.config.formats import FORMAT_KEY

__all__ = ["FORMAT", "UNNUMBERED", "migrated", "numbered"]

FORMAT = 6
"""Raised with each setting that is added, renamed or removed, or whose values mean something else."""
UNNUMBERED = 1
"""Format of files that runs saved before there were numbers."""

NEVER_S = 1e6
"""Nobody waits so long: there was no time limit."""
ADDED_BY_2: Mapping[str, Any] = {
    "task": "allocate",
    "api_stack": "new",
    "model.size": "auto",
    "model.attention": "dense",
    "sampling.overlap": False,
    "sampling.timeout_s": 600.0,
    "sampling.gpus_per_runner": 0.0,
    "learners.timeout_s": NEVER_S,
    "learners.memory_share": 1.0,
    "training.max_restarts": 0,
    "monitoring.tensorboard": False,
    "monitoring.mlflow_uri": "",
    "monitoring.wandb_mode": "disabled",
    "monitoring.node_interval_s": 5.0,
    "controllers.warmup_iterations": 0,
    "controllers.plateau": "none",
    "controllers.plateau_rounds": 5,
    "controllers.plateau_factor": 0.8,
    "controllers.min_lr": 0.0,
    "controllers.kl_target": 0.0,
    "controllers.kl_weight": 1.0,
    "controllers.kl_weight_range": [1e-4, 100.0],
    "controllers.on_divergence": "none",
    "controllers.max_restores": 3,
    "curriculum": None,
    "study": None,
}
"""Dotted key -> the value by which versions that lacked it behaved. A later setting is added by a step of its own."""
ADDED_BY_2_TO_ALLOCATE: Mapping[str, Any] = {
    "generator.polygon_share": 0.0,
    "generator.target_value": [1.0, 1.0],
    "generator.service_time_s": [0.0, 0.0],
    "generator.appearing_share": 0.0,
    "generator.failing_share": 0.0,
    "generator.has_depot": False,
    "world.coalition": "sum",
    "world.resource_kind": "consumed",
    "world.intent_rounds": 1,
}
LEAST_NODE_INTERVAL_S = 5.0
ADDED_BY_3: Mapping[str, Any] = {
    "ppo.imitation_weight": 0.0,
    "sampling.searched_share": 0.125,
    "sampling.search_plans": 16,
}
ADDED_BY_3_TO_ALLOCATE: Mapping[str, Any] = {
    "generator.depot_per_uav": False,
    "generator.prefer_crowding": [1.0, 1.0],
    "generator.prefer_time": [1.0, 1.0],
    "generator.prefer_distance": [1.0, 1.0],
    "generator.spacing_factor": [1.0, 1.0],
    "generator.uav_start": "scattered",
    "generator.num_pads": [2, 4],
    "generator.row_gap_m": 20.0,
    "generator.equal_share": 0.0,
    "generator.single_skill_share": 0.0,
    "generator.supply_draw": "uniform",
    "generator.mixture": [],
    "world.choose_in_turn": False,
    "world.idle_decisions": 0,
}
ADDED_BY_4: Mapping[str, Any] = {"generator.scenarios": [], "generator.vary.position_m": 0.0}
ADDED_BY_4_TO_ALLOCATE: Mapping[str, Any] = {
    "generator.vary.supply": [1.0, 1.0],
    "generator.vary.speed": [1.0, 1.0],
    "generator.vary.failing_share": 0.0,
    "generator.vary.extra_uavs": [0, 0],
}
ADDED_BY_5: Mapping[str, Any] = {"callbacks": []}
ADDED_BY_6: Mapping[str, Any] = {
    "sampling.max_lag": 4,
    "learners.min_learners": 0,
    "learners.empty_cache_share": 1.0,
    "model.compile": "none",
}
ADDED_BY_6_TO_STUDY: Mapping[str, Any] = {"study.engine": "local"}


def migrated(data: Mapping[str, Any], number: int) -> dict[str, Any]:
    """Settings of a format as those of the newest one; what makes no sense is left for the schema to name.

    Args:
        data: Nested plain data without its number, which is not changed.
        number: Of its format, from 1 to `FORMAT`.
    """
    new = _copied(data)
    for step in STEPS[number - 1 :]:
        step(new)
    return new


def numbered(data: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of the newest format with the number in front."""
    return {FORMAT_KEY: FORMAT, **data}


def _copied(data: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _copied(value) if isinstance(value, dict) else value for key, value in data.items()}


def _to_2(data: dict[str, Any]) -> None:
    for key, value in ADDED_BY_2.items():
        _add(data, key, value)
    if data["task"] == "allocate":
        for key, value in ADDED_BY_2_TO_ALLOCATE.items():
            _add(data, key, value)
        _add(data, "world.training_intent_rounds", _value(data, "world.intent_rounds"))
    _add(data, "learners.part_rows", _value(data, "ppo.minibatch_rows"))
    if data["curriculum"] is not None:
        _add(data, "curriculum.floor_share", None)
    _loosen(data)


def _to_3(data: dict[str, Any]) -> None:
    for key, value in ADDED_BY_3.items():
        _add(data, key, value)
    if data.get("task") == "allocate":
        for key, value in ADDED_BY_3_TO_ALLOCATE.items():
            _add(data, key, value)


def _to_4(data: dict[str, Any]) -> None:
    for key, value in ADDED_BY_4.items():
        _add(data, key, value)
    if data.get("task") == "allocate":
        for key, value in ADDED_BY_4_TO_ALLOCATE.items():
            _add(data, key, value)


def _to_5(data: dict[str, Any]) -> None:
    for key, value in ADDED_BY_5.items():
        _add(data, key, value)


def _to_6(data: dict[str, Any]) -> None:
    sampling = data.get("sampling")
    if isinstance(sampling, dict) and "overlap" in sampling:
        former = sampling.pop("overlap")
        sampling.setdefault("mode", {True: "overlap", False: "sync"}[former] if type(former) is bool else former)
    for key, value in ADDED_BY_6.items():
        _add(data, key, value)
    if data.get("study") is not None:
        for key, value in ADDED_BY_6_TO_STUDY.items():
            _add(data, key, value)


def _loosen(data: dict[str, Any]) -> None:
    """What later versions refuse, but nothing that is learnt depends on."""
    sampling, monitoring = data.get("sampling"), data.get("monitoring")
    if isinstance(sampling, dict) and sampling.get("num_env_runners") == 0:
        sampling["overlap"] = False
    if isinstance(monitoring, dict):
        interval_s = monitoring["node_interval_s"]
        if type(interval_s) in {int, float} and 1.0 <= interval_s < LEAST_NODE_INTERVAL_S:
            monitoring["node_interval_s"] = LEAST_NODE_INTERVAL_S
        if holds_secret(monitoring["mlflow_uri"]):
            monitoring["mlflow_uri"] = ""


def _add(data: dict[str, Any], key: str, value: Any) -> None:
    """Sets a dotted key that is not there, with its section; a section that is no mapping stays as it is."""
    *sections, name = key.split(".")
    place: Any = data
    for section in sections:
        place = place.setdefault(section, {})
        if not isinstance(place, dict):
            return
    place.setdefault(name, value)


def _value(data: Any, key: str) -> Any:
    for name in key.split("."):
        data = data.get(name) if isinstance(data, dict) else None
    return data


STEPS: tuple[Callable[[dict[str, Any]], None], ...] = (_to_2, _to_3, _to_4, _to_5, _to_6)
"""The first one makes format 2 of format 1, in place."""
assert len(STEPS) == FORMAT - 1
