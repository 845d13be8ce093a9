"""The public face: what importing the package costs, and that every `__all__` is sorted and complete."""

import ast
import subprocess
import sys
from collections import defaultdict

import pytest

import rl_cluster
from tests.source_tree import PACKAGE, ROOT, module_name, trees

TREES = {module_name(path): tree for path, tree in trees().items()}


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


def test_all__is_sorted() -> None:
    assert DECLARED
    assert [module for module, names in DECLARED.items() if names != sorted(set(names), key=_sort_key)] == []


def test_all__holds_what_other_modules_use() -> None:
    """A package that declares nothing is used for its modules alone."""
    missing = {
        module: names
        for module, used in USED.items()
        if (names := {name for name in used if f"{module}.{name}" not in TREES} - set(DECLARED.get(module, [])))
    }

    assert missing == {}


def test_modules__declare_what_others_use() -> None:
    packages = {module.rpartition(".")[0] for module in TREES}

    assert sorted(USED.keys() - DECLARED.keys() - packages) == []


def test_package__offers_the_names_of_its_stub() -> None:
    """`__init__.pyi` has the types of what `__init__.py` imports at the first use."""
    stub = ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf-8"))
    typed = {alias.name: node.module for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names}

    assert typed == vars(rl_cluster)["_HOMES"]
    assert DECLARED["rl_cluster"] == sorted([*typed, "__version__"], key=_sort_key)


@pytest.mark.parametrize("name", DECLARED["rl_cluster"])
def test_package__imports_a_name_from_its_home(name: str) -> None:
    assert getattr(rl_cluster, name).__doc__
    assert name in dir(rl_cluster)


def test_package__has_no_other_names() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'trian'"):
        getattr(rl_cluster, "tri" + "an")


@pytest.mark.slow
def test_training_without_ray__imports_no_ray() -> None:
    code = "import sys; from rl_cluster import evaluate, load_policy, train; print('ray' in sys.modules)"

    printed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True).stdout

    assert printed.strip() == "False"
