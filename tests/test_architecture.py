"""The rules of the source tree that no linter holds, read off the syntax of every file: sizes, names, borders."""

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from rl_cluster.metrics.names import CATALOGUE, DEVICE_CATALOGUE, HOST_CATALOGUE
from tests.source_tree import PACKAGE, ROOT, SOURCES, module_name, offenders, trees

RING = {"rllib", "tune", "operations", "cli"}
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 50
GRAB_BAGS = {"util", "utils", "common", "helper", "helpers", "manager", "managers", "misc"}

CORE = [path for path in SOURCES if path.relative_to(PACKAGE).parts[0] not in RING]


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


def test_core__imports_no_ray() -> None:
    def find(path: Path) -> list[str]:
        return [name for name in _imports(trees()[path]) if name.split(".")[0] == "ray"]

    assert offenders(find, CORE) == {}


def test_package__needs_no_pettingzoo_but_in_its_own_face() -> None:
    names = {"pettingzoo", "rl_cluster.environment.faces.pettingzoo_face"}
    users = [path for path in SOURCES if any(name in names for name in _imports(trees()[path]))]

    assert users == [PACKAGE / "environment" / "faces" / "pettingzoo_face.py"]


def test_old_stack__is_a_leaf_that_one_place_knows() -> None:
    leaf = PACKAGE / "rllib" / "old"
    users = {
        path
        for path in SOURCES
        if leaf not in path.parents and any(name.startswith("rl_cluster.rllib.old") for name in _imports(trees()[path]))
    }

    assert users == {PACKAGE / "api" / "engines.py"}


def test_modules__import_each_other_without_a_cycle() -> None:
    modules = {module_name(path): path for path in SOURCES}
    graph = {module: {name for name in _imports(trees()[path]) if name in modules} for module, path in modules.items()}

    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"these modules import each other in a circle: {' -> '.join(error.args[1])}")

    assert order.index("rl_cluster.errors") < order.index("rl_cluster.cli")


FOR_SOME_RUNS = {
    PACKAGE / name for name in ("api/engines.py", "api/trackers.py", "training/tracker_openers.py", "tune/trial_run.py")
}
"""They import what only some runs need, as Ray, for those runs alone."""


def test_imports__stand_at_the_top_but_in_the_command_line() -> None:
    def find(path: Path) -> list[str]:
        return [function.name for function in _functions(trees()[path]) if list(_imports(function))]

    paths = [path for path in SOURCES if path.parent != PACKAGE / "cli" and path not in FOR_SOME_RUNS]
    assert offenders(find, paths) == {}


def test_files__have_a_bounded_length() -> None:
    def find(path: Path) -> int:
        num_lines = len(path.read_text(encoding="utf-8").splitlines())
        return num_lines if num_lines > MAX_FILE_LINES else 0

    assert offenders(find, SOURCES) == {}


def test_functions__have_a_bounded_length() -> None:
    def find(path: Path) -> dict[str, int]:
        lengths = {function.name: _num_code_lines(function) for function in _functions(trees()[path])}
        return {name: length for name, length in lengths.items() if length > MAX_FUNCTION_LINES}

    assert offenders(find, SOURCES) == {}


def test_names__say_what_is_inside() -> None:
    def find(path: Path) -> set[str]:
        return GRAB_BAGS & set(path.relative_to(PACKAGE).with_suffix("").parts)

    assert offenders(find, SOURCES) == {}


def test_modules__open_with_their_idea() -> None:
    assert offenders(lambda path: ast.get_docstring(trees()[path]) is None, SOURCES) == {}


RLLIBS_OWN = {"_iteration", "_pg_offset", "_weights_seq_no", "last_sample"}
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


def test_attributes__are_declared_in_the_class_or_at_their_birth() -> None:
    def find(path: Path) -> dict[str, set[str]]:
        undeclared: dict[str, set[str]] = {}
        for kind in (node for node in ast.walk(trees()[path]) if isinstance(node, ast.ClassDef)):
            stored = {node.name: _stored_attributes(node) for node in kind.body if isinstance(node, ast.FunctionDef)}
            known = _declared_attributes(kind) | stored.pop("__init__", set()) | RLLIBS_OWN
            undeclared |= {f"{kind.name}.{name}": names - known for name, names in stored.items() if names - known}
        return undeclared

    assert offenders(find, SOURCES) == {}


def _texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and text of every string that is no docstring; of an f-string, its beginning."""
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.lineno, node.value


KEYS = {*CATALOGUE, *HOST_CATALOGUE, *DEVICE_CATALOGUE}
KEY = re.compile(rf"({'|'.join(sorted({key.split('/')[0] for key in KEYS}))})/[a-z_]*")


def test_metric_keys__are_spelt_in_one_place() -> None:
    def find(path: Path) -> list[str]:
        return [f"line {line}: {text}" for line, text in _texts(trees()[path]) if text in KEYS or KEY.fullmatch(text)]

    assert offenders(find, [path for path in SOURCES if path != PACKAGE / "metrics" / "names.py"]) == {}


TASK_FOLDERS = [PACKAGE / "environment" / "allocate", PACKAGE / "environment" / "navigate"]


def _written(tree: ast.AST) -> Iterator[str]:
    """What the tree assigns to, as it is written."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            yield from map(ast.unparse, node.targets)
        elif isinstance(node, ast.AugAssign | ast.AnnAssign):
            yield ast.unparse(node.target)


def test_states_of_worlds__are_written_in_the_folders_of_the_tasks_alone() -> None:
    def find(path: Path) -> list[str]:
        return [target for target in _written(trees()[path]) if "worlds.state." in target]

    assert offenders(find, [path for path in SOURCES if not set(TASK_FOLDERS) & set(path.parents)]) == {}


FILE = re.compile(r"`((?:\w+/)*\w+\.py)`")


def test_docstrings__name_files_that_are_there() -> None:
    folders = ("rl_cluster", "tests", "benchmarks")
    there = [f"/{path.relative_to(ROOT)}" for folder in folders for path in ROOT.glob(f"{folder}/**/*.py")]

    def find(path: Path) -> list[str]:
        texts = [node.value for node in ast.walk(trees()[path]) if isinstance(node, ast.Expr)]
        named = [name for text in texts if isinstance(text, ast.Constant) for name in FILE.findall(str(text.value))]
        return [name for name in named if not any(one.endswith(f"/{name}") for one in there)]

    assert offenders(find, SOURCES) == {}


PRINTING = {"print", "Console", "echo", "secho", "stdout", "stderr", "__stdout__", "__stderr__"}
"""What would carry the control characters of a name to a terminal."""
PRINTERS = {"cli/console.py", "cli/streams.py", "cli/exits.py", "cli/entry.py", "cli/submit.py", "rllib/messages.py"}
STREAM_FILES = {"training/files/output_file.py"}
"""Hands out the standard streams themselves, to whoever asks for a file named `-`."""


def _printing(path: Path) -> set[str]:
    """Names that print, of those that a file uses."""
    used = set()
    for node in ast.walk(trees()[path]):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            used.add(node.func.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in {"sys", "typer"}:
            used.add(node.attr)
    return used & PRINTING


def test_printing__happens_in_one_place() -> None:
    allowed = {PACKAGE / name for name in PRINTERS | STREAM_FILES}

    assert offenders(_printing, [path for path in SOURCES if path not in allowed]) == {}
