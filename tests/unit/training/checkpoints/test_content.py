"""Whatever a checkpoint holds is what a run of its settings can have written, or it is refused before it is used."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.environment.tasks import make_source, make_worlds, saved_fault, saved_forms
from rl_cluster.errors import CheckpointError
from rl_cluster.learning.optimizer_form import optimizer_fault, optimizer_form
from rl_cluster.schedulers.curriculum import CurriculumState
from rl_cluster.training.checkpoints.checkpoint import Checkpoint, find_checkpoint
from rl_cluster.training.checkpoints.content import CONTROLLERS
from rl_cluster.training.checkpoints.sealed_folder import MANIFEST, read_sealed, write_sealed
from rl_cluster.training.local_engine import LocalEngine
from rl_cluster.training.run import Run
from tests.conftest import TINY

STAGES = (
    "curriculum={pace: aggressive, metric: success_rate, grace: 0, fallback_share: 0.5, num_failures: 2, "
    "max_fallbacks: 1, lr_decay: 0.5, floor_share: null, stages: ["
    "{num_uavs: [2, 2], num_targets: [2, 2], num_obstacles: [0, 0], mix: [1.0, 0.0], pass_score: 0.001}, "
    "{num_uavs: [2, 3], num_targets: [2, 3], num_obstacles: [0, 0], mix: [0.7, 0.3], pass_score: 1.0}]}"
)

Change = Callable[[Checkpoint], Checkpoint]


def _trained(config: Config, iterations: int = 1) -> Checkpoint:
    run = Run(LocalEngine(config), config, None)
    for _ in range(iterations):
        run.iterate()
    return run.checkpoint()


@pytest.fixture(scope="module")
def staged() -> Checkpoint:
    """Of a run that has passed a stage: it holds every kind of content."""
    settings = ["controllers.plateau=none", "training.evaluate_every=1", "generator.num_targets=[2, 3]"]
    config = load_config("debug", [*TINY, *settings, "generator.num_obstacles=[0, 0]", STAGES])
    checkpoint = _trained(config, iterations=1)
    assert checkpoint.config.curriculum
    controllers = json.loads(json.dumps(checkpoint.state[CONTROLLERS]))
    controllers["curriculum"] |= {"stage": 2, "transitions": 1, "references": [0.5], "rounds": 0, "passes": []}
    parts = {"weights": checkpoint.weights, "optimizer": checkpoint.optimizer}
    snapshots = {f"stage1/{part}/{name}": tensor for part, all_ in parts.items() for name, tensor in all_.items()}
    return replace(checkpoint, state={**checkpoint.state, CONTROLLERS: controllers}, snapshots=snapshots)


def _with(part: str, name: str, value: Any) -> Change:
    """Another value under a name, or none."""

    def change(checkpoint: Checkpoint) -> Checkpoint:
        others = {key: old for key, old in getattr(checkpoint, part).items() if key != name}
        assert len(others) < len(getattr(checkpoint, part)), name
        changed: dict[str, Any] = {part: others if value is None else {**others, name: value}}
        return replace(checkpoint, **changed)

    return change


def _controllers(path: str, value: Any) -> Change:
    def change(checkpoint: Checkpoint) -> Checkpoint:
        data = json.loads(json.dumps(checkpoint.state[CONTROLLERS]))
        *parents, name = path.split(".")
        place = data
        for parent in parents:
            place = place[parent]
        assert name in place
        place[name] = value
        return replace(checkpoint, state={**checkpoint.state, CONTROLLERS: data})

    return change


def _array(name: str, value: float) -> Change:
    """An array of an env runner, with another first entry."""

    def change(checkpoint: Checkpoint) -> Checkpoint:
        array = checkpoint.arrays[f"runner0/{name}"].copy()
        array.reshape(-1)[0] = value
        return replace(checkpoint, arrays={**checkpoint.arrays, f"runner0/{name}": array})

    return change


def _bytes(name: str, value: int) -> Change:
    def change(checkpoint: Checkpoint) -> Checkpoint:
        array = checkpoint.arrays[f"runner0/{name}"].copy()
        array.reshape(-1).view(np.uint8)[0] = value
        return replace(checkpoint, arrays={**checkpoint.arrays, f"runner0/{name}": array})

    return change


def _settings(*overrides: str) -> Change:
    def change(checkpoint: Checkpoint) -> Checkpoint:
        data = {**checkpoint.config.model_dump(mode="json")}
        for override in overrides:
            section, name, value = override.split(".")
            data[section] |= {name: json.loads(value)}
        return replace(checkpoint, config=type(checkpoint.config).model_validate_json(json.dumps(data)))

    return change


WRONG: dict[str, tuple[Change, str]] = {
    "a weight missing": (_with("weights", "norm.weight", None), "model.*weight norm.weight is missing"),
    "a weight of float64": (_with("weights", "norm.weight", torch.ones(8).double()), "model.*is float64"),
    "a weight beyond all": (_with("weights", "norm.weight", torch.full((8,), 1e30)), "model.*beyond 1e\\+06"),
    "value statistics": (
        _with("weights", "value_head.popart.square_sum", torch.tensor(-1.0)),
        "model.*square_sum is negative",
    ),
    "Adam of another shape": (_with("optimizer", "norm.weight.exp_avg", torch.ones(2)), "optimizer.*has shape"),
    "Adam of float64": (_with("optimizer", "norm.weight.exp_avg", torch.ones(8).double()), "optimizer.*is float64"),
    "Adam missing": (_with("optimizer", "norm.weight.exp_avg_sq", None), "optimizer.*is missing"),
    "Adam below 0": (_with("optimizer", "norm.weight.exp_avg_sq", -torch.ones(8)), "optimizer.*not within 0"),
    "Adam of NaN": (_with("optimizer", "norm.weight.exp_avg", torch.full((8,), torch.nan)), "optimizer.*not finite"),
    "steps below 0": (_with("optimizer", "norm.weight.step", torch.tensor(-1.0)), "optimizer.*not within 0"),
    "a part of nothing": (_with("optimizer", "part_rows", torch.tensor(0)), "optimizer.*part_rows.*not within 1"),
    "a part of too much": (_with("optimizer", "part_rows", torch.tensor(2**40)), "optimizer.*part_rows.*not within"),
    "a part of half": (_with("optimizer", "part_rows", torch.tensor(0.5)), "optimizer.*part_rows is float32"),
    "worlds missing": (_with("arrays", "runner0/time_s", None), "worlds.*'runner0/time_s' is missing"),
    "worlds misshapen": (_with("arrays", "runner0/time_s", np.zeros(9, np.float32)), "worlds.*is not float32"),
    "worlds of ints": (_with("arrays", "runner0/time_s", np.zeros(2, np.int32)), "worlds.*is not float32"),
    "worlds of NaN": (_array("time_s", np.nan), "worlds.*time_s holds numbers that are not finite"),
    "an index too high": (_array("uav_choice", 3), "worlds.*uav_choice holds 3, .*-1 to 2"),
    "an index too low": (_array("uav_choice", -2), "worlds.*uav_choice holds -2"),
    "a course too high": (_array("uav_course", 5), "worlds.*uav_course holds 5"),
    "no neighbours": (_array("k", 0), "worlds.*k holds 0"),
    "a count below 0": (_array("uav_collisions", -1), "worlds.*uav_collisions holds -1"),
    "an episode below 0": (_array("episode", -1), "worlds.*episode holds -1"),
    "a truth of 7": (_bytes("uav_exists", 7), "worlds.*uav_exists holds bytes"),
    "a UAV without speed": (_array("uav_cruise_mps", 0), "worlds.*runner 0 has a UAV without speed"),
    "no value": (_array("target_value", 0), "worlds.*runner 0 has a target without value"),
    "no time": (_array("time_limit_s", 0), "worlds.*runner 0 has an area or a time limit of 0"),
    "too much lacking": (_array("target_remaining", 1e9), "worlds.*runner 0 has a target that lacks more"),
    "a time beyond": (_array("time_s", 1e9), "worlds.*runner 0 has a world that flies on"),
    "another worlds_per_runner": (_settings("sampling.worlds_per_runner.4"), "worlds.*is not .*\\[4"),
    "more runners": (_settings("sampling.num_env_runners.3", "ppo.minibatch_rows.8"), "worlds.*'runner1/.*is missing"),
    "another width": (_settings("model.width.16"), "model.*has shape"),
    "no iteration": (lambda checkpoint: replace(checkpoint, iteration=-1), "state.*iteration -1 is none"),
    "an iteration of many digits": (
        lambda checkpoint: replace(checkpoint, iteration=10**60),
        "state.*iteration 10{19} is",
    ),
    "a counter of many digits": (_with("state", "time/elapsed_s", 10**400), "state.*elapsed_s is '10{39}', not"),
    "another iteration": (lambda checkpoint: replace(checkpoint, iteration=7), "state.*of iteration 7, the folder's"),
    "a counter below 0": (_with("state", "time/elapsed_s", -1.0), "state.*elapsed_s is '-1.0', not a number"),
    "a counter of text": (_with("state", "time/elapsed_s", "1"), "state.*elapsed_s is '1', not a number"),
    "a counter missing": (_with("state", "time/elapsed_s", None), "state.*elapsed_s' is missing"),
    "no controllers": (_with("state", CONTROLLERS, None), "state.*'controllers' is missing"),
    "controllers of text": (_with("state", CONTROLLERS, "x"), "state.*controllers is no mapping"),
    "a stage too high": (_controllers("curriculum.stage", 3), "state.*stage 3 of 2"),
    "a stage of text": (_controllers("curriculum.stage", "2"), "state.*'curriculum.stage': Input should be"),
    "no reference": (_controllers("curriculum.references", []), "state.*references that do not match"),
    "a mode of its own": (_controllers("curriculum.mode", "fly"), "state.*'curriculum.mode'"),
    "squares below 0": (_controllers("spread.squares", -1.0), "state.*'spread.squares'"),
    "a factor below 0": (_controllers("lr_factor", -1.0), "state.*'lr_factor'"),
    "a weight of KL": (_controllers("trust_region.weight", 1e5), "state.*weight of KL"),
    "a window too long": (_controllers("plateau.window", [0.5] * 2000), "state.*window that is over-full"),
    "a stage missing": (lambda checkpoint: replace(checkpoint, snapshots={}), "stages.*stage 1 is missing"),
    "a stage misshapen": (
        _with("snapshots", "stage1/optimizer/norm.weight.exp_avg", torch.ones(2)),
        "stages.*stage 1: tensor norm.weight.exp_avg has shape",
    ),
    "a stage's weight": (_with("snapshots", "stage1/weights/norm.weight", None), "stages.*stage 1: weight .*missing"),
}


@pytest.mark.parametrize(("change", "words"), WRONG.values(), ids=WRONG.keys())
def test_content__that_no_run_of_its_settings_writes_is_refused(
    staged: Checkpoint, tmp_path: Path, change: Change, words: str
) -> None:
    older = replace(staged, iteration=0).save(tmp_path, keep=2)
    folder = tmp_path / "checkpoint-000001"
    write_sealed(folder, change(replace(staged, iteration=1))._files())  # `save` would refuse some

    with pytest.raises(CheckpointError, match=words) as caught:
        Checkpoint.load(folder)
    assert caught.value.remedy == f"use {older}"


def test_content__of_every_kind_is_taken_as_it_was_written(staged: Checkpoint, tmp_path: Path) -> None:
    loaded = Checkpoint.load(staged.save(tmp_path, keep=2))

    assert loaded.snapshots.keys() == staged.snapshots.keys()
    assert CurriculumState(**loaded.state[CONTROLLERS]["curriculum"]).stage == 2


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_optimizer_form__is_that_of_an_updater(tiny: Config, precision: str) -> None:
    config = tiny.model_copy(update={"model": tiny.model.model_copy(update={"precision": precision})})
    engine = LocalEngine(config)
    for iteration in range(3):
        engine.iterate(iteration, Run(engine, config, None)._controllers.controls(0))
    state = engine.state().optimizer

    form = optimizer_form(engine.model())

    assert {name: (one.shape, one.dtype) for name, one in form.items()} == {
        name: (one.shape, one.dtype) for name, one in state.items()
    }
    assert optimizer_fault(config, state) is None


@pytest.mark.parametrize("preset", ["quick_demo", "curriculum_demo", "navigate_demo", "navigate_curriculum"])
def test_saved_forms__hold_for_worlds_at_every_moment(preset: str) -> None:
    config, generator = load_config(preset), np.random.default_rng(0)
    worlds = make_worlds(config, make_source(config, 0, is_training=True), 4, is_training=True)
    worlds.reset()
    forms = saved_forms(config, 4)
    for _ in range(60):
        state = worlds.state_dict()
        assert saved_fault(config, state) is None
        assert {name: form.fault(state[name]) for name, form in forms.items()} == dict.fromkeys(state)
        if config.task == "navigate":
            worlds.step(generator.uniform(-1, 1, worlds.state.uav_position_m.shape).astype(np.float32))
        else:
            noise = generator.random(worlds.observation.action_mask.shape)
            worlds.step(np.argmax(noise * worlds.observation.action_mask, axis=-1).astype(np.int16))


def test_load__bounds_sizes_before_it_reads(staged: Checkpoint, tmp_path: Path) -> None:
    folder = replace(staged, iteration=1).save(tmp_path, keep=2)
    files = read_sealed(folder)
    write_sealed(folder, {**files, "worlds.npz": files["worlds.npz"] + bytes(1 << 20)})

    with pytest.raises(CheckpointError, match=r"worlds\.npz: has \d+ bytes, and its settings need no more than"):
        Checkpoint.load(folder)
    with pytest.raises(CheckpointError, match=r"worlds\.npz: has \d+ bytes, and its settings need no more than"):
        find_checkpoint(tmp_path)


def test_load__opens_no_file_that_has_another_size_than_listed(staged: Checkpoint, tmp_path: Path) -> None:
    folder = replace(staged, iteration=1).save(tmp_path, keep=2)
    with (folder / "worlds.npz").open("r+b") as file:
        file.truncate(40 << 30)  # holes take no room on the disk

    with pytest.raises(CheckpointError, match=r"worlds\.npz: is changed: it has 42949672960 bytes, more than"):
        Checkpoint.load(folder)
    assert (folder / MANIFEST).is_file()
