"""A run that goes on with changed settings: lengthened = longer from the start, and any runner takes any world."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from rl_cluster.config.load import load_config, overridden
from rl_cluster.config.schema import Config
from rl_cluster.errors import ConfigError
from rl_cluster.training.changes import changes_between, check_changes, exactness_note, fitted, schedule_note
from rl_cluster.training.checkpoints.checkpoint import Checkpoint, find_checkpoint
from rl_cluster.training.files.changes_file import read_changes
from rl_cluster.training.local_engine import LocalEngine
from rl_cluster.training.loop import train
from rl_cluster.training.run import Record
from rl_cluster.training.start import new_start, resumed_start

CONSTANT = ("ppo.lr=[1e-3, 1e-3]", "ppo.entropy_weight=[0.01, 0.01]", "training.checkpoint_every=1")


def _no_report(record: Record) -> None:
    """Shows nothing."""


def _train(config: Config, run: Path) -> Checkpoint:
    train(LocalEngine(config), new_start(config, run), _no_report)
    return Checkpoint.load(find_checkpoint(run).folder)


def _go_on(run: Path, *changes: str, iterations: int = 1000) -> Checkpoint:
    start, done = resumed_start(run, changes), list[int]()
    train(LocalEngine(start.config), start, lambda record: done.append(record.done), lambda: len(done) == iterations)
    return Checkpoint.load(find_checkpoint(run).folder)


def _assert_same(left: Checkpoint, right: Checkpoint) -> None:
    """Bit for bit."""
    assert left.iteration == right.iteration
    for expected, tensors in ((left.weights, right.weights), (left.optimizer, right.optimizer)):
        assert expected.keys() == tensors.keys()
        assert all(torch.equal(tensor, tensors[name]) for name, tensor in expected.items())
    assert left.arrays.keys() == right.arrays.keys()
    assert all(np.array_equal(array, right.arrays[name]) for name, array in left.arrays.items())


@pytest.mark.slow
def test_run__that_is_lengthened_equals_one_that_was_longer_from_the_start(
    tiny_of_task: Config, tmp_path: Path
) -> None:
    config = overridden(tiny_of_task, [*CONSTANT, "training.iterations=4"], "test")
    whole = _train(config, tmp_path / "whole")
    _train(overridden(config, ["training.iterations=2"], "test"), tmp_path / "cut")

    lengthened = _go_on(tmp_path / "cut", "training.iterations=4")

    _assert_same(whole, lengthened)
    assert lengthened.config == whole.config


@pytest.mark.slow
def test_run__that_its_time_limit_has_cut_is_lengthened_to_what_it_would_have_been(
    tiny: Config, tmp_path: Path
) -> None:
    config = overridden(tiny, [*CONSTANT, "training.iterations=3"], "test")
    whole = _train(config, tmp_path / "whole")
    _train(overridden(config, ["training.time_limit_s=0.001"], "test"), tmp_path / "cut")

    lengthened = _go_on(tmp_path / "cut", f"training.time_limit_s={config.training.time_limit_s}")

    _assert_same(whole, lengthened)


@pytest.mark.slow
def test_changes__are_noted_with_the_iteration_from_which_they_hold(tiny: Config, tmp_path: Path) -> None:
    run = tmp_path / "run"
    _train(overridden(tiny, CONSTANT, "test"), run)
    _go_on(run, "training.iterations=6", "ppo.lr=[2e-3, 2e-3]", iterations=2)
    _go_on(run, "training.evaluate_every=5", iterations=1)

    _go_on(run, iterations=1)

    noted = {done: [change.words for change in changes] for done, changes in read_changes(run).items()}
    assert noted == {
        2: ["ppo.lr [0.001, 0.001] -> [0.002, 0.002]", "training.iterations 2 -> 6"],
        4: ["training.evaluate_every 0 -> 5"],
    }


@pytest.mark.slow
def test_changes__of_a_run_that_goes_back_are_noted_where_they_hold_now(tiny: Config, tmp_path: Path) -> None:
    run = tmp_path / "run"
    _train(overridden(tiny, [*CONSTANT, "training.keep_checkpoints=9"], "test"), run)
    _go_on(run, "training.iterations=6", iterations=2)
    for number in (3, 4):
        shutil.rmtree(run / "checkpoints" / f"checkpoint-{number:06}")

    _go_on(run, "training.evaluate_every=5", iterations=1)

    words = [change.words for change in read_changes(run)[2]]
    assert words == ["training.iterations 2 -> 6", "training.evaluate_every 0 -> 5"]
    assert list(read_changes(run)) == [2]


@pytest.mark.slow
def test_changes__that_were_made_but_never_trained_with_still_hold(tiny: Config, tmp_path: Path) -> None:
    """The trainer is killed after it has written the new settings, and before its first iteration."""
    run = tmp_path / "run"
    _train(overridden(tiny, CONSTANT, "test"), run)

    def kill(record: Record) -> None:
        raise InterruptedError

    start = resumed_start(run, ["training.iterations=4", "training.checkpoint_every=4"])
    with pytest.raises(InterruptedError):
        train(LocalEngine(start.config), start, kill)

    again = resumed_start(run)
    assert again.config.training.iterations == 4
    assert [change.key for change in again.changes] == ["training.iterations", "training.checkpoint_every"]


@pytest.mark.slow
def test_worlds__are_shared_out_among_other_runners_and_back(tiny: Config, tmp_path: Path) -> None:
    config = overridden(tiny, [*CONSTANT, "sampling.num_env_runners=2", "sampling.worlds_per_runner=3",
                               "ppo.minibatch_rows=12"], "test")  # fmt: skip
    checkpoint = _train(config, tmp_path / "run")
    changes = ["sampling.num_env_runners=3", "sampling.worlds_per_runner=2"]

    shared = fitted(checkpoint, overridden(config, changes, "test"))

    assert {name.partition("/")[0] for name in shared.arrays} == {"runner0", "runner1", "runner2"}
    before = np.concatenate([checkpoint.arrays[f"runner{runner}/time_s"] for runner in range(2)])
    after = np.concatenate([shared.arrays[f"runner{runner}/time_s"] for runner in range(3)])
    assert np.array_equal(before, after)
    _assert_same(fitted(shared, config), checkpoint)
    assert _go_on(tmp_path / "run", *changes, "training.iterations=3").iteration == 3


def _differ(config: Config, *changes: str) -> Callable[[], None]:
    after = overridden(config, changes, "test")
    return lambda: check_changes(changes_between(config, after), config, after, "RUN")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("seed=9", r"^RUN: seed=9: may not change from 0 while a run goes on: it keys every draw .*--weights$"),
        ("name=other", "it is the run's name in trackers"),
        ("generator.num_uavs=[2, 2]", "the worlds in flight were drawn from it"),
        ("world.intent_rounds=3", "the worlds in flight follow it"),
        ("reward.waste=9.0", "of the former reward"),
        ("model.num_layers=3", "the saved weights have the form"),
        ("ppo.clip=0.1", "it decides what is learnt from a batch"),
        ("sampling.fragment_steps=8", "it decides what a batch is"),
        ("controllers.plateau=lr", "their state follows from it"),
        ("sampling.worlds_per_runner=4", "is not the run's 2 worlds in flight; set sampling.worlds_per_runner=2, too"),
    ],
)
def test_check_changes__says_why_not(tiny: Config, change: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        _differ(tiny, change)()


@pytest.mark.parametrize(
    "change",
    [
        "training.iterations=9", "training.evaluate_every=1", "training.keep_checkpoints=4", "ppo.lr=[1e-5, 1e-6]",
        "controllers.min_lr=1e-6", "monitoring.tensorboard=false", "learners.cpus_per_learner=2", "engine=ray",
        "learners.part_rows=2",
    ],
)  # fmt: skip
def test_check_changes__lets_pass_what_decides_how_long_how_fast_and_on_what(tiny: Config, change: str) -> None:
    _differ(tiny, change)()


@pytest.mark.parametrize("mode", ["overlap", "async"])
def test_exactness_note__speaks_only_where_samples_are_made_ahead(mode: str) -> None:
    ahead = load_config("quick_demo", ["sampling.num_env_runners=2", f"sampling.mode={mode}"])

    assert exactness_note(ahead) == f"sampling.mode={mode}: it goes on with other samples than if it had not stopped"
    assert exactness_note(load_config("quick_demo")) is None
    assert exactness_note(ahead.model_copy(update={"engine": "local"})) is None


def test_schedule_note__speaks_only_of_schedules_that_move(tiny: Config) -> None:
    constant = overridden(tiny, CONSTANT, "test")
    falling = overridden(constant, ["ppo.lr=[1e-3, 1e-4]"], "test")
    longer = ["training.iterations=20"]

    assert schedule_note(constant, overridden(constant, longer, "test")) is None
    assert schedule_note(falling, overridden(falling, ["training.evaluate_every=1"], "test")) is None
    note = schedule_note(falling, overridden(falling, longer, "test"))
    assert note is not None
    assert note.startswith("ppo.lr=[0.001, 0.0001] changes over training.iterations")
    assert note.endswith("what is trained already followed the former schedule")
