"""An error in a user's module is told from one of ours, also where only its words arrive."""

import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rl_cluster.errors import ConfigError
from rl_cluster.extension.import_path import load_object
from rl_cluster.extension.users_fault import UsersFault, telling_users_faults, users_fault

TASK = """
from own_faults import worlds


def refuse(error):
    raise error
"""
WORLDS = """
def advance(number):
    return 1 / number
"""


@pytest.fixture(autouse=True)
def own_faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A user's package, of which only the module `task` is named, and no other."""
    monkeypatch.setattr("rl_cluster.extension.import_path._loaded", set())
    folder = tmp_path / "own_faults"
    folder.mkdir()
    for name, text in (("__init__", ""), ("task", TASK), ("worlds", WORLDS), ("broken", "1 / 0")):
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield load_object("own_faults.task:worlds", "--policy")
    for name in [name for name in sys.modules if name.startswith("own_faults")]:
        del sys.modules[name]


def _raised(call: Any) -> UsersFault | None:
    with pytest.raises(ArithmeticError) as caught:
        call()
    return users_fault(caught.value)


def test_users_fault__names_the_module_and_shows_the_traceback_from_there(own_faults: Any) -> None:
    fault = _raised(lambda: own_faults.advance(0))

    assert fault
    assert (fault.module, fault.words) == ("own_faults.worlds", "ZeroDivisionError: division by zero")
    assert "own_faults/worlds.py" in fault.trace
    assert "return 1 / number" in fault.trace
    assert Path(__file__).name not in fault.trace


def test_users_fault__is_none_for_an_error_of_ours() -> None:
    assert _raised(lambda: 1 / 0) is None


def test_users_fault__of_a_module_that_cannot_be_imported_is_its_own_error() -> None:
    with pytest.raises(Exception, match="cannot be imported") as caught:
        load_object("own_faults.broken:Any", "--policy")

    fault = users_fault(caught.value)

    assert fault
    assert (fault.module, fault.words) == ("own_faults.broken", "ZeroDivisionError: division by zero")


def test_users_fault__crosses_process_borders(own_faults: Any) -> None:
    with pytest.raises(UsersFault) as caught, telling_users_faults():
        own_faults.advance(0)

    back: UsersFault = pickle.loads(pickle.dumps(caught.value))

    assert users_fault(back) is back
    assert (back.module, back.words, back.trace) == caught.value.args
    assert str(back).startswith("own_faults.worlds: ZeroDivisionError: division by zero\n")


def test_telling_users_faults__lets_all_others_pass(own_faults: Any) -> None:
    refuse = load_object("own_faults.task:refuse", "--policy")
    for error, call in (
        (ZeroDivisionError, lambda: 1 / 0),
        (ConfigError, lambda: refuse(ConfigError("where", "what", "remedy"))),
        (UsersFault, lambda: refuse(UsersFault("a", "b", "c"))),
    ):
        with pytest.raises(error) as caught, telling_users_faults():
            call()
        assert caught.value.__cause__ is None
