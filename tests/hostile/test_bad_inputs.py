"""Every bad input ends with its exit code and one line, in time and in bounded memory, and leaves no trace."""

import os
import re
import shutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.row import FIFO, FOLDER, File, Link, Row

pytestmark = pytest.mark.slow

AREAS = sorted(path.stem for path in (Path(__file__).parent / "rows").glob("*.py"))
ROWS: dict[str, Row] = {
    f"{area}-{number}-{' '.join(row.words)[:60]!a}": row
    for area in AREAS
    for number, row in enumerate(import_module(f"tests.hostile.rows.{area}").ROWS)
}
MAX_BYTES = 1 << 30
LEAST_ROWS = 300


def test_table__holds_hundreds_of_different_inputs() -> None:
    different = {repr((row.words, sorted(row.files.items(), key=str), row.stdin, row.env)) for row in ROWS.values()}

    assert len(different) == len(ROWS) >= LEAST_ROWS


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_bad_input__ends_with_one_line_and_leaves_no_trace(
    row: Row,
    ask: Callable[[dict[str, Any]], dict[str, Any]],
    finished_run: Path,
    silent_port: int,
    closed_port: int,
    environment: dict[str, str],
    tmp_path: Path,
) -> None:
    cwd = tmp_path / "cwd"
    cwd.mkdir()
    places = {
        "{run}": "run",
        "{cwd}": str(cwd),
        "{home}": environment["HOME"],
        "{silent_port}": str(silent_port),
        "{closed_port}": str(closed_port),
    }

    def filled(text: str) -> str:
        for name, value in places.items():
            text = text.replace(name, value)
        return text

    if "{run}" in repr(row) or any(name.startswith("run/") for name in row.files):
        shutil.copytree(finished_run, cwd / "run")
    for name, content in row.files.items():
        _make(cwd / name, content, filled)
    variables = {**environment, **{name: filled(value) for name, value in row.env.items()}}
    before = _tree(tmp_path)

    result = ask({
        "words": [filled(word) for word in row.words],
        "cwd": str(cwd),
        "env": {name: value for name, value in variables.items() if value},
        "stdin": row.stdin,
    })  # fmt: skip

    assert (result["exit_code"], result["signal"], result["stdout"]) == (row.exit_code, None, ""), result["stderr"]
    (line,) = result["stderr"].splitlines()
    assert re.search(f"^error: (?s:.)*?(?:{row.line})", line), line
    assert result["bytes"] < MAX_BYTES
    assert _tree(tmp_path) == before


def _make(path: Path, content: File, filled: Callable[[str], str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    if content is None or content is FOLDER:
        path.mkdir()
    elif content is FIFO:
        os.mkfifo(path)
    elif isinstance(content, Link):
        path.symlink_to(filled(content.target))
    else:
        assert isinstance(content, str | bytes)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def _tree(folder: Path) -> dict[str, tuple[object, ...]]:
    """Everything below a folder: kind and mode, and the content, target or nothing."""
    tree: dict[str, tuple[object, ...]] = {}
    for path in sorted(folder.rglob("*")):
        mode = path.lstat().st_mode
        content = path.readlink() if path.is_symlink() else path.read_bytes() if path.is_file() else None
        tree[str(path.relative_to(folder))] = (mode, content)
    return tree
