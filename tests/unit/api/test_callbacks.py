"""Callbacks at import paths, of commands and in settings; `test_training.py` has those that Python hands over."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import rl_cluster
from rl_cluster.api.callbacks import load_callbacks
from rl_cluster.config.load import load_config
from rl_cluster.errors import ConfigError
from rl_cluster.extension.allowance import ALLOWED
from rl_cluster.extension.import_path import ExtensionFault
from rl_cluster.training.run import Record
from rl_cluster.training.start import Start, new_start
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
    (tmp_path / "broken_callbacks.py").write_text("1 / 0", encoding="utf-8")
    yield tmp_path
    for name in ("own_callbacks", "broken_callbacks"):
        sys.modules.pop(name, None)


def _start(*callbacks: str) -> Start:
    """A new run whose settings name these."""
    return new_start(load_config("debug", [*TINY, f"callbacks=[{', '.join(callbacks)}]"]), Path("first"))


def test_load_callbacks__makes_classes_and_takes_functions() -> None:
    callbacks, rllibs = load_callbacks(_start(), ["own_callbacks:note", "own_callbacks:Ending"])

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
        load_callbacks(_start(), [path])

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


NOT_ALLOWED = "own_callbacks:note is not allowed: what settings name is imported only if you allow it, each time anew"


def test_callbacks_in_settings__are_not_imported_unless_the_user_allows_it(
    error_line: Callable[..., str], mine: Path
) -> None:
    before = sorted(mine.iterdir())
    settings = (*TINY, "callbacks=[own_callbacks:note]", "--out", "first")

    for words in (
        ("train", "debug", *settings),
        ("train", "debug", *settings, "--seeds", "0,1"),
        ("train", "debug", *settings, "--callback", "own_callbacks:Ending"),
        ("submit", "debug", *TINY, "callbacks=[own_callbacks:note]"),
    ):
        assert error_line(*words) == (
            f"error: callbacks: {NOT_ALLOWED}; export {ALLOWED}=own_callbacks:note, or omit it by callbacks=[]"
        )

    assert "own_callbacks" not in sys.modules
    assert sorted(mine.iterdir()) == before


def test_callbacks_in_settings__are_called_if_the_environment_allows_it_and_on_resume_if_it_does_so_again(
    exit_code: Callable[..., object], error_line: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = "callbacks=[own_callbacks:note, own_callbacks:Ending]"
    monkeypatch.setenv(ALLOWED, "own_callbacks:Ending, own_callbacks:note")
    assert exit_code("train", "debug", *TINY, settings, "--out", "first") == 0
    assert sys.modules.pop("own_callbacks").told == ["first", 1, "checkpoint-000001"]

    monkeypatch.setenv(ALLOWED, "own_callbacks:Ending")
    assert exit_code("evaluate", "first", "--episodes", "1", "--policy", "greedy") == 0
    rl_cluster.load_policy("first")
    line = error_line("train", "--resume", "first")
    assert line == (
        f"error: first/config.yaml: callbacks: {NOT_ALLOWED}; "
        f"export {ALLOWED}=own_callbacks:Ending,own_callbacks:note, or omit it by callbacks=[]"
    )
    assert "own_callbacks" not in sys.modules

    assert exit_code("train", "--resume", "first", "--callback", "own_callbacks:note") == 0
    assert sys.modules["own_callbacks"].told == ["first", 2, "checkpoint-000002"]


def test_callbacks_in_settings__may_change_when_a_run_goes_on(
    exit_code: Callable[..., object], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ALLOWED, "own_callbacks:Ending")
    assert exit_code("train", "debug", *TINY, "callbacks=[own_callbacks:Ending]", "--out", "first") == 0
    monkeypatch.delenv(ALLOWED)

    assert exit_code("train", "--resume", "first", "callbacks=[]") == 0

    assert "changed after iteration 1: callbacks ['own_callbacks:Ending'] -> []" in capsys.readouterr().out


def test_train__from_python_calls_those_in_settings_first(monkeypatch: pytest.MonkeyPatch) -> None:
    config = load_config("debug", [*TINY, "callbacks=[own_callbacks:note]", "training.iterations=1"])
    with pytest.raises(ConfigError, match="own_callbacks:note is not allowed"):
        rl_cluster.train(config, "first")
    assert "own_callbacks" not in sys.modules
    monkeypatch.setenv(ALLOWED, "own_callbacks:note")

    rl_cluster.train(config, "first", callbacks=[lambda record: sys.modules["own_callbacks"].told.append("given")])

    assert sys.modules["own_callbacks"].told == [1, "given"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (
            "own_callbacks:Half",
            "callbacks own_callbacks:Half: has no on_iteration; derive its class from rl_cluster.Ca",
        ),
        ("own_callbacks:Other", "callbacks: module own_callbacks has no Other; it has Callback, Ending, note"),
        (
            "no_callbacks:Any",
            "callbacks: there is no module no_callbacks for no_callbacks:Any; install its package, or",
        ),
    ],
)
def test_callbacks_in_settings__say_what_is_wrong(path: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ALLOWED, path)

    with pytest.raises(ConfigError) as caught:
        load_callbacks(_start(path))

    assert str(caught.value).startswith(message)


def test_callbacks_in_settings__whose_module_raises_show_its_traceback(
    monkeypatch: pytest.MonkeyPatch, exit_code: Callable[..., object], capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(ALLOWED, "broken_callbacks:Any")
    with pytest.raises(ExtensionFault):
        load_callbacks(_start("broken_callbacks:Any"))

    assert exit_code("train", "debug", *TINY, "callbacks=[broken_callbacks:Any]", "--out", "first") == 1

    assert "error: broken_callbacks: ZeroDivisionError: division by zero; the lines above" in capsys.readouterr().err
    assert not Path("first").exists()
