"""What the program tells people to type can be pasted into a shell, whatever their paths hold."""

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from rl_cluster.errors import typed

PACKAGE = Path(__file__).parents[2] / "rl_cluster"
COMMAND = re.compile(r"(?:rl-cluster [a-z ]*|(?:^|[ (])--(?:resume|weights|out|storage|address)[ =]|chmod [a-z+-]+ )$")
"""What stands before a value in a command that somebody is told to type."""

NOT_TYPED = {"{__version__}": "what --version prints", "{self._config.name}": "the heading of a table"}


def _unquoted(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.JoinedStr):
            continue
        text = ""
        for part in node.values:
            if isinstance(part, ast.Constant):
                text += str(part.value)
            elif COMMAND.search(text) and ast.unparse(part) not in NOT_TYPED:
                yield f"{path.name}:{node.lineno}: {ast.unparse(part)}"
                text += "VALUE"
            else:
                text += "VALUE"


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_messages__write_what_is_to_be_typed_by_typed_alone(path: Path) -> None:
    assert list(_unquoted(path)) == []


def test_unquoted__is_found(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("f'go on with --resume {path}'\nf'see rl-cluster train {path}'\nf'{typed(path)} --out'\n")

    assert [line.partition(": ")[2] for line in _unquoted(bad)] == ["{path}", "{path}"]


@pytest.mark.parametrize("path", ["plain/path", "with space", "quo'te", "$HOME;rm", "größe", "a\nb", "*"])
def test_typed__survives_a_shell(path: str) -> None:
    assert shlex.split(typed("rl-cluster", "evaluate", Path(path))) == ["rl-cluster", "evaluate", path]


def test_typed__lets_no_path_look_like_an_option() -> None:
    assert typed("evaluate", "--json", Path("-x")) == "evaluate --json ./-x"
