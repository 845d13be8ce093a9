"""What older checkpoints lack is what a run has before it has done anything."""

from typing import Any

import numpy as np
import pytest
import torch

from rl_cluster.config.schema import Config
from rl_cluster.environment.tasks import make_source, make_worlds, task_of
from rl_cluster.learning.optimizer_form import PART_ROWS
from rl_cluster.training.checkpoints.files import SNAPSHOTS, parse_tensors
from rl_cluster.training.checkpoints.migrations import (
    ADDED_FIELDS,
    migrated_arrays,
    migrated_files,
    migrated_optimizer,
    migrated_state,
    migrated_weights,
)

FIRST = {"lr_factor": 1.0, "curriculum": {"stage": 1, "floors": []}}


def test_migrated_files__have_no_stage_that_was_passed() -> None:
    files = migrated_files({"state.json": b"{}"})

    assert files["state.json"] == b"{}"
    assert parse_tensors(files[SNAPSHOTS]) == {}
    assert migrated_files({SNAPSHOTS: b"own"}) == {SNAPSHOTS: b"own"}


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({}, FIRST),
        ({"controllers": {"curriculum": {"stage": 2}}}, {"lr_factor": 1.0, "curriculum": {"stage": 2, "floors": []}}),
        ({"controllers": {"lr_factor": 0.5, **FIRST}}, FIRST),
        ({"controllers": 3}, 3),
        ({"controllers": {"curriculum": 3}}, {"lr_factor": 1.0, "curriculum": 3}),
        ({"controllers": {"unknown": {"stage": 2}}}, {**FIRST, "unknown": {"stage": 2}}),
    ],
)
def test_migrated_state__is_completed_by_what_controllers_begin_with(state: dict[str, Any], expected: Any) -> None:
    assert migrated_state({"seconds": 2.0, **state}, "controllers", FIRST) == {"seconds": 2.0, "controllers": expected}


def test_migrated_weights__of_features_that_were_added_are_zero(tiny: Config) -> None:
    kinds = tiny.generator.num_resources
    uav, target = torch.randn(8, 14 + 4 * kinds), torch.randn(8, 7 + 5 * kinds)
    wide = migrated_weights(tiny, {"uav_encoder.0.weight": uav, "target_encoder.0.weight": target, "x.bias": uav[0]})

    x, new_x = torch.randn(14 + 4 * kinds), torch.randn(8)
    assert torch.allclose(wide["uav_encoder.0.weight"] @ torch.cat([x, new_x]), uav @ x)
    of_kinds, others, new_kinds, new_others = (torch.randn(size) for size in (5 * kinds, 7, kinds, 3))
    row = torch.cat([of_kinds, new_kinds, others, new_others])
    assert torch.allclose(wide["target_encoder.0.weight"] @ row, target @ torch.cat([of_kinds, others]), atol=1e-5)
    assert wide["x.bias"] is not None
    again = migrated_weights(tiny, wide)
    assert all(torch.equal(again[name], wide[name]) for name in wide)


def test_migrated_optimizer__puts_whole_minibatches_through_the_network(tiny: Config) -> None:
    moment = {"norm.weight.exp_avg": torch.ones(8)}

    assert int(migrated_optimizer(tiny, moment)[PART_ROWS]) == tiny.ppo.minibatch_rows
    assert int(migrated_optimizer(tiny, {**moment, PART_ROWS: torch.tensor(2)})[PART_ROWS]) == 2
    assert migrated_optimizer(tiny, {}) == {}


def test_migrated_arrays__have_the_fields_that_a_new_episode_has(tiny: Config) -> None:
    """Of worlds in flight, whose UAVs have delivered a part; nobody has counted idle decisions."""
    worlds = make_worlds(tiny, make_source(tiny, 0, is_training=True), num_worlds=3, is_training=True)
    policy, observation = task_of(tiny).heuristics["greedy"](0), worlds.reset()
    for _ in range(3):
        worlds.advance(policy.act(worlds, observation))
        observation = worlds.observe()
    arrays = worlds.state_dict()
    older = {f"0/{name}": array for name, array in arrays.items() if name not in ADDED_FIELDS[tiny.task]}
    older |= {"0/has_depot": np.zeros(3, dtype=np.bool_), "0/depot_m": np.zeros((3, 2), dtype=np.float32)}
    assert len(older) < len(arrays)

    new = migrated_arrays(tiny, older)

    assert new.keys() == {f"0/{name}" for name in arrays}
    assert all(new[f"0/{name}"].dtype == array.dtype for name, array in arrays.items())
    np.testing.assert_array_equal(new["0/target_ideal"], arrays["target_ideal"])
    assert not new["0/idle_decisions"].any()
