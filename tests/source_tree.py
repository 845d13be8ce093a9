"""The package's files and their syntax trees, parsed once for all tests that read them."""

import ast
from collections.abc import Callable
from functools import cache
from pathlib import Path

__all__ = ["PACKAGE", "ROOT", "SOURCES", "module_name", "offenders", "trees"]

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "rl_cluster"
SOURCES = sorted(PACKAGE.rglob("*.py"))


@cache
def trees() -> dict[Path, ast.Module]:
    """Path -> its syntax tree."""
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES}


def module_name(path: Path) -> str:
    """Dotted."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def offenders(find: Callable[[Path], object], paths: list[Path]) -> dict[str, object]:
    """Path -> what is wrong in that file, of those in which anything is."""
    assert paths
    return {str(path.relative_to(ROOT)): found for path in paths if (found := find(path))}
