"""Callbacks at import paths, for the command line; `test_training.py` has those that Python hands over."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rl_cluster.api.callbacks import load_callbacks
from rl_cluster.errors import ConfigError
from rl_cluster.training.run import Record
from tests.conftest import TINY

MINE = """
from rl_cluster import Callback

told = []

class Ending(Callback):
    def on_start(self, folder, config):
        told.append(folder.name)

    def on_iteration(self, record):
        self.done = record.done

    def wants_end(self):
        return self.done == 1

    def on_end(self, checkpoint):
        told.append(checkpoint.name)

def note(record):
    told.append(record.done)

class Half:
    def on_start(self, folder, config):
        pass

class Failing(Callback):
    def on_iteration(self, record):
        raise RuntimeError("no more of this")

constant = 3
"""


@pytest.fixture(autouse=True)
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a user's module, which is searched."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_callbacks.py").write_text(MINE, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("own_callbacks", None)


def test_load_callbacks__makes_classes_and_takes_functions() -> None:
    callbacks, rllibs = load_callbacks(["own_callbacks:note", "own_callbacks:Ending"])

    assert not rllibs
    assert not callbacks.wants_end()  # nobody is asked before the first iteration
    callbacks.on_iteration(Record(1, {}, []))

    assert callbacks.wants_end()
    assert sys.modules["own_callbacks"].told == [1]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (
            "own_callbacks:Half",
            "--callback own_callbacks:Half: has no on_iteration; derive its class from rl_cluster.Cal",
        ),
        (
            "own_callbacks:constant",
            "--callback own_callbacks:constant: has no on_start; derive its class from rl_cluster",
        ),
        ("own_callbacks:Other", "--callback: module own_callbacks has no Other; it has Callback, Ending, note"),
        ("own_callbacks", "--callback: own_callbacks is no import path; write module:Class"),
    ],
)
def test_load_callbacks__says_what_is_wrong(path: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_callbacks([path])

    assert message in str(caught.value)


def test_train__calls_the_callbacks_of_the_command_line(
    exit_code: Callable[..., object], capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--callback", "own_callbacks:note", "--callback", "own_callbacks:Ending", "--out", "first")

    assert exit_code("train", "debug", *TINY, *options) == 0

    assert sys.modules["own_callbacks"].told == ["first", 1, "checkpoint-000001"]
    assert "ended by a callback at iteration 1 of 2; go on with rl-cluster train --resume first" in (
        capsys.readouterr().out
    )
    assert exit_code("train", "--resume", "first") == 0


def test_train__shows_the_traceback_of_a_callback_that_raises(
    exit_code: Callable[..., object], capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code("train", "debug", *TINY, "--callback", "own_callbacks:Failing", "--out", "first") == 1

    printed = capsys.readouterr().err
    assert "own_callbacks.py" in printed
    assert "error: own_callbacks: RuntimeError: no more of this; the lines above show where" in printed
    assert Path("first", "checkpoints").is_dir()
