"""A kernel is compiled anew if anything has changed that was compiled into it, and only then."""

import os
from pathlib import Path

import pytest

from rl_cluster.config.stale_kernels import STAMP, forget_stale_kernels

SOURCES = {
    "world/inner.py": "X = 1\n",
    "world/outer.py": "from package.world.inner import X\n",
    "world/outmost.py": "from package.world import (outer)\n",
    "world/alone.py": "import json\n",
    "types.py": "Y = 2\n",
    "world/typed.py": "from package.types import Y\n",
}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package whose modules have a compiled kernel each, with nothing changed since."""
    root = tmp_path / "package"
    for name, text in SOURCES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    forget_stale_kernels(root / "world", root)
    for name in SOURCES:
        for ending in ("nbi", "1.nbc"):
            _kept(root, name, ending).write_bytes(b"machine code")
    return root


def _kept(root: Path, name: str, ending: str = "nbi") -> Path:
    path = root / name
    (path.parent / "__pycache__").mkdir(exist_ok=True)
    return path.parent / "__pycache__" / f"{path.stem}.step-3.py311.{ending}"


def _left(root: Path) -> set[str]:
    forget_stale_kernels(root / "world", root)
    for name in SOURCES:
        assert _kept(root, name).exists() == _kept(root, name, "1.nbc").exists()
    return {Path(name).stem for name in SOURCES if _kept(root, name).exists() and name.startswith("world/")}


def _touch(path: Path) -> None:
    later = path.stat().st_mtime_ns + 1_000_000_000
    os.utime(path, ns=(later, later))


def test_kernels__are_kept_while_nothing_changes(package: Path) -> None:
    assert _left(package) == {"inner", "outer", "outmost", "alone", "typed"}


@pytest.mark.parametrize(
    ("changed", "left"),
    [
        ("world/outmost.py", {"inner", "outer", "alone", "typed"}),
        ("world/outer.py", {"inner", "alone", "typed"}),
        ("world/inner.py", {"alone", "typed"}),
        ("types.py", {"inner", "outer", "outmost", "alone"}),
    ],
)
def test_kernels__go_with_the_module_that_changed_and_with_those_that_import_it(
    changed: str, left: set[str], package: Path
) -> None:
    _touch(package / changed)

    assert _left(package) == left
    assert _left(package) == left, "once"


def test_kernels__go_if_a_module_that_they_import_has_moved(package: Path) -> None:
    (package / "world" / "inner.py").rename(package / "world" / "moved.py")

    assert _left(package) & {"outer", "outmost"} == set()


@pytest.mark.parametrize("content", ["", "[]", "{", '{"a": 1}', '{"a": ["x", 1]}'])
def test_kernels__all_go_where_nobody_knows_what_they_were_compiled_from(content: str, package: Path) -> None:
    (package / "world" / "__pycache__" / STAMP).write_text(content)

    assert _left(package) == set()
