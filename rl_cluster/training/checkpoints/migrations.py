"""Converts parts of older checkpoints to what this version writes: pure functions from data to data.

    format 1    config.yaml has no number (`config/migrations.py`). Parts that later versions added may be missing:
                stages.safetensors, the controllers and parts of their state, the number of graphs in a part, columns of
                features. Worlds in flight may have other fields: no run can resume from those.
    format 2    worlds in flight lack the fields of `ADDED_FIELDS`, and have those of `REMOVED_FIELDS`
    format 3    as `checkpoint.py` writes it

A missing part becomes what a new run begins with: versions without a controller were not controlled.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from rl_cluster.config.schema import Config
from rl_cluster.environment.allocate.crowding import write_ideals
from rl_cluster.environment.tasks import graph_spec
from rl_cluster.learning.optimizer_form import PART_ROWS
from rl_cluster.training.checkpoints.files import SNAPSHOTS, format_tensors

__all__ = [
    "ADDED_FIELDS",
    "REMOVED_FIELDS",
    "migrated_arrays",
    "migrated_files",
    "migrated_optimizer",
    "migrated_state",
    "migrated_weights",
]

TARGET_FEATURES, ADDED_TARGET_FEATURES = 7, 3
"""Columns of the first version, after 5 for each kind of resource; columns added after them. One for each kind was
added before them."""
Arrays = Mapping[str, NDArray[Any]]


def _ideals(_: Config, worlds: Arrays) -> NDArray[Any]:
    """The fewest UAVs that could cover each target; in large teams of those that are near it now, not at the start."""
    demand = worlds["target_demand"]
    ideals = np.empty(demand.shape[:2], dtype=np.int16)
    uavs = [worlds[name] for name in ("uav_exists", "uav_position_m", "uav_initial_resources")]
    write_ideals(np.arange(len(ideals)), *uavs, worlds["target_position_m"], demand, ideals)
    return ideals


ADDED_FIELDS: Mapping[str, Mapping[str, Callable[[Config, Arrays], NDArray[Any]]]] = {
    "allocate": {
        "preference": lambda config, worlds: np.ones((len(worlds["time_s"]), 3), dtype=np.float32),
        "capture_radius_m": lambda config, own: _in_each_world(own, config.world.capture_radius_m),
        "clearance_m": lambda config, own: _in_each_world(own, config.world.obstacle_clearance_m),
        "decision_interval_s": lambda config, own: _in_each_world(own, config.world.decision_interval_s),
        "depot_position_m": lambda _, own: own["depot_m"][:, None],
        "uav_depot": lambda _, own: (own["uav_exists"] & own["has_depot"][:, None]).astype(np.int16),
        "substep_s": lambda config, own: _in_each_world(own, config.world.substep_s),
        "target_ideal": _ideals,
        "idle_decisions": lambda config, worlds: np.zeros(len(worlds["time_s"]), dtype=np.int16),
    },
    "navigate": {},
}
"""Task -> field of its worlds' state that format 3 added -> its value in older worlds, from the run's settings and the
other fields of a runner's worlds."""
REMOVED_FIELDS: Mapping[str, Mapping[str, str]] = {
    "allocate": {"has_depot": "ended", "depot_m": "area_m"},
    "navigate": {},
}
"""Task -> field that only older worlds have -> a field of the same form."""


def migrated_files(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files of a checkpoint. Runs without a curriculum had passed no stage, and wrote no file of stages."""
    return {SNAPSHOTS: format_tensors({}), **files}


def migrated_state(state: Mapping[str, Any], name: str, first: Mapping[str, Any]) -> dict[str, Any]:
    """The state of a run, completed by the controllers' first state. What makes no sense is left as it is.

    Args:
        state: Counters, and perhaps the controllers' state.
        name: Key of the controllers' state.
        first: The state of controllers that have decided nothing.
    """
    return {**state, name: _completed(state.get(name, {}), first)}


def _completed(data: Any, first: Mapping[str, Any]) -> Any:
    if not isinstance(data, Mapping):
        return data
    known = {key: _completed(value, first[key]) if _is_mapping(first, key) else value for key, value in data.items()}
    return {**first, **known}


def _is_mapping(first: Mapping[str, Any], key: str) -> bool:
    return isinstance(first.get(key), Mapping)


def migrated_arrays(config: Config, arrays: Arrays) -> dict[str, NDArray[Any]]:
    """The worlds in flight, with the fields that were added since, and without those that were removed."""
    runners = {name.partition("/")[0] for name in arrays}
    removed = REMOVED_FIELDS.get(config.task, {})
    new = {name: array for name, array in arrays.items() if name.partition("/")[2] not in removed}
    for runner in runners:
        own = {name.partition("/")[2]: array for name, array in arrays.items() if name.startswith(f"{runner}/")}
        for name, fill in ADDED_FIELDS.get(config.task, {}).items():
            new[f"{runner}/{name}"] = fill(config, own)
    return new


def _in_each_world(own: Arrays, value: float) -> NDArray[Any]:
    """(B,) float64: a rule that was a setting of all worlds."""
    return np.full(len(own["time_s"]), value)


def migrated_weights(config: Config, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights (or the optimizer's state of each weight) of encoders whose feature rows were narrower.

    Added features get weights of 0, so the network's output is the same as without them.
    """
    return {name: _widened(config, name, tensor) for name, tensor in tensors.items()}


def _widened(config: Config, name: str, tensor: Tensor) -> Tensor:
    if config.task != "allocate" or tensor.dim() != 2:
        return tensor
    kinds, width = config.generator.num_resources, tensor.shape[1]
    if "uav_encoder.0.weight" in name:  # all that was added came last
        return functional.pad(tensor, (0, max(0, graph_spec(config).num_uav_features - width)))
    if "target_encoder.0.weight" in name and width == TARGET_FEATURES + 5 * kinds:
        of_kinds, others = tensor.split([5 * kinds, TARGET_FEATURES], dim=1)
        parts = functional.pad(of_kinds, (0, kinds)), functional.pad(others, (0, ADDED_TARGET_FEATURES))
        return torch.cat(parts, dim=1)
    return tensor


def migrated_optimizer(config: Config, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The optimizer's state. Unless it says otherwise, whole minibatches went through the network together."""
    if not tensors:
        return {}
    return {PART_ROWS: torch.tensor(config.ppo.minibatch_rows), **migrated_weights(config, tensors)}
