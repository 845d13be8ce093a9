"""The rules of the source tree that no linter holds, read off the syntax of every file: sizes, names, borders."""

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from rl_cluster.metrics.names import CATALOGUE, DEVICE_CATALOGUE, HOST_CATALOGUE

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "rl_cluster"
RING = {"rllib", "tune", "operations", "cli"}
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 50
GRAB_BAGS = {"util", "utils", "common", "helper", "helpers", "manager", "managers", "misc"}

SOURCES = sorted(PACKAGE.rglob("*.py"))
CORE = [path for path in SOURCES if path.relative_to(PACKAGE).parts[0] not in RING]
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES}


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _imports(tree: ast.AST) -> Iterator[str]:
    """Dotted names that the tree imports, `from a import b` as `a` and `a.b`: b may be a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _num_code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the end, less the docstring's: to explain a thing does not make it long."""
    docstring = ast.get_docstring(function, clean=False)
    return (function.end_lineno or 0) - function.lineno + 1 - (docstring.count("\n") + 1 if docstring else 0)


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("path", CORE, ids=_name)
def test_core__imports_no_ray(path: Path) -> None:
    assert not [name for name in _imports(TREES[path]) if name.split(".")[0] == "ray"]


def test_package__needs_no_pettingzoo_but_in_its_own_face() -> None:
    names = {"pettingzoo", "rl_cluster.environment.faces.pettingzoo_face"}
    users = [path for path in SOURCES if any(name in names for name in _imports(TREES[path]))]

    assert users == [PACKAGE / "environment" / "faces" / "pettingzoo_face.py"]


def test_old_stack__is_a_leaf_that_one_place_knows() -> None:
    leaf = PACKAGE / "rllib" / "old"
    users = {
        path
        for path in SOURCES
        if leaf not in path.parents and any(name.startswith("rl_cluster.rllib.old") for name in _imports(TREES[path]))
    }

    assert users == {PACKAGE / "cli" / "train.py"}  # where the engine is chosen


def test_modules__import_each_other_without_a_cycle() -> None:
    modules = {_module(path): path for path in SOURCES}
    graph = {module: {name for name in _imports(TREES[path]) if name in modules} for module, path in modules.items()}

    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"these modules import each other in a circle: {' -> '.join(error.args[1])}")

    assert order.index("rl_cluster.errors") < order.index("rl_cluster.cli")


@pytest.mark.parametrize("path", [path for path in SOURCES if path.parent != PACKAGE / "cli"], ids=_name)
def test_imports__stand_at_the_top_but_in_the_command_line(path: Path) -> None:
    assert not [function.name for function in _functions(TREES[path]) if list(_imports(function))]


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_file__is_one_idea_of_bounded_length(path: Path) -> None:
    lengths = {function.name: _num_code_lines(function) for function in _functions(TREES[path])}

    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_FILE_LINES
    assert {name: length for name, length in lengths.items() if length > MAX_FUNCTION_LINES} == {}


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_name__says_what_is_inside(path: Path) -> None:
    assert not GRAB_BAGS & set(path.relative_to(PACKAGE).with_suffix("").parts)


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_module__opens_with_its_idea(path: Path) -> None:
    assert ast.get_docstring(TREES[path])


RLLIBS_OWN = {"_weights_seq_no", "last_sample"}
"""Attributes that RLlib's classes declare, and ours must set."""


def _stored_attributes(function: ast.AST) -> set[str]:
    return {
        node.attr
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        if isinstance(node.value, ast.Name) and node.value.id == "self"
    }


def _declared_attributes(kind: ast.ClassDef) -> set[str]:
    """Those that stand in the class's own body."""
    names: list[ast.expr] = [node.target for node in kind.body if isinstance(node, ast.AnnAssign)]
    names += [target for node in kind.body if isinstance(node, ast.Assign) for target in node.targets]
    return {name.id for name in names if isinstance(name, ast.Name)}


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_attribute__is_declared_in_the_class_or_at_its_birth(path: Path) -> None:
    undeclared: dict[str, set[str]] = {}
    for kind in (node for node in ast.walk(TREES[path]) if isinstance(node, ast.ClassDef)):
        stored = {node.name: _stored_attributes(node) for node in kind.body if isinstance(node, ast.FunctionDef)}
        known = _declared_attributes(kind) | stored.pop("__init__", set()) | RLLIBS_OWN
        undeclared |= {f"{kind.name}.{name}": names - known for name, names in stored.items() if names - known}

    assert undeclared == {}


def _texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and text of every string that is no docstring; of an f-string, its beginning."""
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.lineno, node.value


KEYS = {*CATALOGUE, *HOST_CATALOGUE, *DEVICE_CATALOGUE}
KEY = re.compile(rf"({'|'.join(sorted({key.split('/')[0] for key in KEYS}))})/[a-z_]*")


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_metric_key__is_spelt_in_one_place(path: Path) -> None:
    spelt = [f"line {line}: {text}" for line, text in _texts(TREES[path]) if text in KEYS or KEY.fullmatch(text)]

    assert not spelt or path == PACKAGE / "metrics" / "names.py", "take these keys from metrics/names.py"


TASK_FOLDERS = [PACKAGE / "environment" / "allocate", PACKAGE / "environment" / "navigate"]


def _written(tree: ast.AST) -> Iterator[str]:
    """What the tree assigns to, as it is written."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            yield from map(ast.unparse, node.targets)
        elif isinstance(node, ast.AugAssign | ast.AnnAssign):
            yield ast.unparse(node.target)


@pytest.mark.parametrize("path", [path for path in SOURCES if not set(TASK_FOLDERS) & set(path.parents)], ids=_name)
def test_state_of_worlds__is_written_in_the_folders_of_the_tasks_alone(path: Path) -> None:
    assert not [target for target in _written(TREES[path]) if "worlds.state." in target]


PRINTING = {"print", "Console", "echo", "secho", "stdout", "stderr", "__stdout__", "__stderr__"}
"""What would carry the control characters of a name to a terminal."""
PRINTERS = {"cli/console.py", "cli/streams.py", "cli/exits.py", "cli/entry.py", "cli/submit.py", "rllib/messages.py"}
STREAM_FILES = {"training/output_file.py"}
"""Hands out the standard streams themselves, to whoever asks for a file named `-`."""


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_printing__happens_in_one_place(path: Path) -> None:
    used = set()
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            used.add(node.func.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in {"sys", "typer"}:
            used.add(node.attr)

    assert not used & PRINTING or str(path.relative_to(PACKAGE)) in PRINTERS | STREAM_FILES
