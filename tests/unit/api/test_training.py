"""Training from Python is training by the command line; callbacks see it, may end it, and change nothing."""

from pathlib import Path

import numpy as np
import pytest

from rl_cluster.api.run import Run
from rl_cluster.api.training import resume, train
from rl_cluster.config.schema import Config
from rl_cluster.errors import CheckpointError, ConfigError
from rl_cluster.training.callback import Callback
from rl_cluster.training.checkpoints.checkpoint import Checkpoint
from rl_cluster.training.local_engine import LocalEngine
from rl_cluster.training.loop import train as train_by_loop
from rl_cluster.training.run import Record
from rl_cluster.training.start import new_start


class Recorder(Callback):
    """Writes down what it is told, and ends the run after so many iterations."""

    def __init__(self, last: int = 99) -> None:
        self.told: list[object] = []
        self.last = last

    def on_start(self, folder: Path, config: Config) -> None:
        self.told.append((folder.name, config.name))

    def on_iteration(self, record: Record) -> None:
        self.told.append(record.done)

    def wants_end(self) -> bool:
        return self.told[-1] == self.last

    def on_end(self, checkpoint: Path) -> None:
        self.told.append(checkpoint.name)


def _weights(run: Run) -> dict[str, object]:
    return {name: tensor.tolist() for name, tensor in Checkpoint.load(run.checkpoints[-1]).weights.items()}


def test_train__gives_the_weights_of_the_loop(tiny_of_task: Config, tmp_path: Path) -> None:
    run = train(tiny_of_task, tmp_path / "here", callbacks=[Recorder()])

    train_by_loop(LocalEngine(tiny_of_task), new_start(tiny_of_task, tmp_path / "there"), lambda record: None)
    assert _weights(run) == _weights(Run.open(tmp_path / "there"))


def test_resume__equals_the_run_that_no_callback_ended(tiny: Config, tmp_path: Path) -> None:
    whole = train(tiny, tmp_path / "whole")
    ended = train(tiny, tmp_path / "ended", callbacks=[Recorder(last=1)])

    resumed = resume(ended)

    assert len(ended.metrics["iteration"]) == 2
    assert np.array_equal(resumed.metrics["learning/entropy"], whole.metrics["learning/entropy"])
    assert _weights(resumed) == _weights(whole)


def test_callbacks__are_called_in_order(tiny: Config, tmp_path: Path) -> None:
    recorder, done = Recorder(), list[int]()

    train(tiny, tmp_path / "run", callbacks=[recorder, lambda record: done.append(record.done)])

    assert recorder.told == [("run", "debug"), 1, 2, "checkpoint-000002"]
    assert done == [1, 2]


def test_wants_end__ends_and_saves_the_run(tiny: Config, tmp_path: Path) -> None:
    recorder = Recorder(last=1)

    run = train(tiny, tmp_path / "run", callbacks=[recorder])

    assert recorder.told == [("run", "debug"), 1, "checkpoint-000001"]
    assert run.checkpoints[-1].name == "checkpoint-000001"


class Half:
    """Has two of the hooks."""

    def on_start(self, folder: Path, config: Config) -> None:
        pass

    def on_iteration(self, record: Record) -> None:
        pass


@pytest.mark.parametrize(
    ("callback", "message"),
    [
        (Half(), "callback Half: has no wants_end; derive its class from rl_cluster.Callback"),
        (Recorder, "callback Recorder: is a class, not a callback; make one: write it with parentheses"),
        (3, "callback int: has no on_start; derive its class from rl_cluster.Callback"),
    ],
    ids=["lacks a hook", "a class", "a number"],
)
def test_train__refuses_what_is_no_callback(callback: object, message: str, tiny: Config, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        train(tiny, tmp_path / "run", callbacks=[callback])  # type: ignore[list-item]  # what is refused is no callback

    assert str(caught.value) == message
    assert not (tmp_path / "run").exists()


def test_train__refuses_a_folder_that_is_there(tiny: Config, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="exists already"):
        train(tiny, tmp_path)


def test_train__with_an_address_needs_ray(tiny: Config, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="omit --address, or set engine=ray"):
        train(tiny, tmp_path / "run", address="auto")
