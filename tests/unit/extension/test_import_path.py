"""`module:Class`: found, missing, and faulty."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rl_cluster.errors import ConfigError
from rl_cluster.extension.import_path import (
    ExtensionFault,
    is_import_path,
    is_users,
    load_object,
    name_module,
    search_working_folder,
)

Write = Callable[[str, str], None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes a module into the working folder, which is searched."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    search_working_folder()
    known = set(sys.modules)

    def write_module(name: str, text: str) -> None:
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")

    yield write_module
    for name in set(sys.modules) - known:
        del sys.modules[name]


@pytest.mark.parametrize("text", ["a:B", "a.b:C", "a.b:C.d"])
def test_is_import_path__takes_module_and_name(text: str) -> None:
    assert is_import_path(text)


@pytest.mark.parametrize("text", ["greedy", "complete-first", "a/b.py:C", "C:\\runs", "a:", ":b", "a.:b", "a:b:c", ""])
def test_is_import_path__takes_nothing_else(text: str) -> None:
    assert not is_import_path(text)


def test_load_object__finds_it_in_the_working_folder(write: Write) -> None:
    write("mine_a", "class Outer:\n    inner = 3\n")

    assert load_object("mine_a:Outer.inner", "--policy") == 3


def test_search_working_folder__adds_it_once_and_last(write: Write, tmp_path: Path) -> None:
    search_working_folder()

    assert sys.path[-1] == str(tmp_path)
    assert sys.path.count(str(tmp_path)) == 1


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("mine", "--policy: mine is no import path; write module:Class, as my_package.mine:Greedy"),
        ("mine_b:Greedy", "--policy: module mine_b has no Greedy; it has Slow, Fast"),
        ("empty_b:Greedy", "--policy: module empty_b has no Greedy; write module:Class, as my_package.mine:Greedy"),
        ("no_such:Greedy", "--policy: there is no module no_such for no_such:Greedy; install its package, or"),
        (
            "no_such.part:Greedy",
            "--policy: there is no module no_such for no_such.part:Greedy; install its package, or",
        ),
        ("mine_b.part:Greedy", "there is no module mine_b.part for mine_b.part:Greedy; install its package, or"),
    ],
)
def test_load_object__says_what_is_missing(path: str, message: str, write: Write) -> None:
    write("mine_b", "class Slow:\n    pass\nclass Fast(Slow):\n    pass\n_hidden = 1\n")
    write("empty_b", "")

    with pytest.raises(ConfigError) as caught:
        load_object(path, "--policy")

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "kind"),
    [("1 / 0", ZeroDivisionError), ("import no_such_module", ModuleNotFoundError), ("x = (", SyntaxError)],
)
def test_load_object__keeps_the_error_of_a_module_that_raises(text: str, kind: type[Exception], write: Write) -> None:
    write("broken_c", text)

    with pytest.raises(ExtensionFault, match="broken_c:Greedy cannot be imported") as caught:
        load_object("broken_c:Greedy", "--policy")

    assert isinstance(caught.value.__cause__, kind)


def test_is_users__holds_for_what_was_named_and_for_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rl_cluster.extension.import_path._loaded", set())
    name_module("mine.task")
    name_module("ray.rllib.callbacks.callbacks")

    assert all(map(is_users, ["mine", "mine.task", "mine.worlds.parts", "ray.rllib.callbacks.callbacks"]))
    assert not any(map(is_users, ["min", "mine2", "ray", "ray.rllib.callbacks.utils", "rl_cluster.errors", ""]))
