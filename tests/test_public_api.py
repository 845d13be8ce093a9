"""The public face: what importing the package costs, and that every `__all__` is sorted and complete."""

import ast
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TREES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): ast.parse(
        path.read_text(encoding="utf-8")
    )
    for path in sorted((ROOT / "rl_cluster").rglob("*.py"))
}


def _declared(tree: ast.Module) -> list[str] | None:
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(ast.unparse(target) == "__all__" for target in node.targets):
            names: list[str] = ast.literal_eval(node.value)
            return names
    return None


def _names_used_elsewhere() -> dict[str, set[str]]:
    """Module -> names that other modules of the package import from it."""
    used: dict[str, set[str]] = defaultdict(set)
    for tree in TREES.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module in TREES:
                used[node.module].update(alias.name for alias in node.names)
    return used


def _sort_key(name: str) -> tuple[int, str]:
    """Constants, then classes, then functions."""
    return (0 if name.isupper() else 1 if name[:1].isupper() else 2, name)


DECLARED = {module: names for module, tree in TREES.items() if (names := _declared(tree)) is not None}
USED = _names_used_elsewhere()


@pytest.mark.parametrize("module", ["rl_cluster", "rl_cluster.cli", "rl_cluster.config.load"])
def test_import__leaves_the_heavy_packages_alone(module: str) -> None:
    code = f"import sys, {module}; print([name for name in ('ray', 'torch', 'numba', 'scipy') if name in sys.modules])"

    printed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True).stdout

    assert printed.strip() == "[]"


@pytest.mark.parametrize("module", DECLARED)
def test_all__is_sorted_and_holds_what_other_modules_use(module: str) -> None:
    names = DECLARED[module]

    assert names == sorted(set(names), key=_sort_key)
    assert {name for name in USED[module] if f"{module}.{name}" not in TREES} <= set(names)


@pytest.mark.parametrize("module", USED)
def test_module__declares_what_others_use(module: str) -> None:
    is_package = any(other.startswith(f"{module}.") for other in TREES)

    assert module in DECLARED or (is_package and all(f"{module}.{name}" in TREES for name in USED[module]))
