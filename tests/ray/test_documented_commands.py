"""What README, the documents and `--help` say works as it stands, for a new user with an empty home.

A page marks its blocks by a comment on the line above:

    <!-- run -->         each line is run to its end, and succeeds
    <!-- start -->       the same, but a line that trains is stopped when it is under way; only in `make test-slow`
    <!-- file NAME -->   the block is a file of the folder in which the lines below it run
"""

import json
import re
import shlex
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer

from rl_cluster.cli.entry import app
from rl_cluster.training.checkpoints.checkpoint import find_checkpoint
from tests.conftest import TINY
from tests.ray.fresh_account import Account, fresh_account
from tests.ray.real_head import REPOSITORY
from tests.unit.environment.drawn_map import MAP

PAGES = (REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md")))
MARKED = re.compile(r"^<!-- (run|start|file) ?(\S*) -->\n```\w+\n(.*?)^```", re.DOTALL | re.MULTILINE)
TRAINS = re.compile(r"rl-cluster (train|tune)\b")
NEEDS_HEAD = re.compile(r"--address|\bstop\b")


class Marked(NamedTuple):
    """A marked block of a page."""

    mark: str
    file: str
    text: str

    @property
    def lines(self) -> list[str]:
        return [line for line in self.text.splitlines() if line.strip()]


def _marked(page: Path) -> list[Marked]:
    return [Marked(*found) for found in MARKED.findall(page.read_text(encoding="utf-8"))]


def _pages_with(mark: str) -> list[Path]:
    return [page for page in PAGES if any(block.mark == mark for block in _marked(page))]


def _help_examples() -> list[str]:
    """Command lines in the epilogs of all commands."""
    root = typer.main.get_command(app)
    epilogs: list[str] = []

    def walk(command: Any) -> None:  # Typer's own copy of click has no public name
        epilogs.append(command.epilog or "")
        for part in getattr(command, "commands", {}).values():
            walk(part)

    walk(root)
    return [line for epilog in epilogs for line in re.split(r"; (?:then|or) ", epilog.removeprefix("Example: "))]


@pytest.fixture
def account() -> Iterator[Account]:
    with fresh_account() as account:
        yield account


def _run(account: Account, line: str, *, may_stop: bool) -> None:
    """Runs a line; one that trains is stopped when it is under way, if it may be."""
    stops = may_stop and bool(TRAINS.search(line))

    outcome = account.run(line, stops=stops)

    assert outcome.exit_code == (143 if stops else 0), f"{line}\n{outcome.output}"
    assert "Traceback" not in outcome.output, f"{line}\n{outcome.output}"


def _play(account: Account, page: Path, mark: str) -> None:
    """Writes the files of a page, and runs its lines, in their order."""
    jobs = []
    for block in _marked(page):
        if block.mark == "file":
            (account.work / block.file).write_text(block.text, encoding="utf-8")
        for line in block.lines if block.mark == mark else ():
            if "rl-cluster submit" in line:
                jobs.append(_submit(account, line))
            else:
                _run(account, line, may_stop=mark == "start")
    for job, folder in jobs:
        stopped = account.run(f"rl-cluster stop {job} --address http://127.0.0.1:8265")
        assert "143" in stopped.output
        assert find_checkpoint(folder).folder.is_dir()


@pytest.mark.parametrize("page", _pages_with("run"), ids=lambda page: page.stem)
def test_page__runs_line_by_line(account: Account, page: Path) -> None:
    _play(account, page, "run")


@pytest.mark.long
@pytest.mark.parametrize("page", _pages_with("start"), ids=lambda page: page.stem)
def test_page__starts_line_by_line(account: Account, page: Path) -> None:
    _play(account, page, "start")


def test_pages__mark_what_a_new_user_does_first() -> None:
    assert {"README", "first_hour", "own_problem"} <= {page.stem for page in _pages_with("run")}
    assert "README" in {page.stem for page in _pages_with("start")}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page__marks_nothing_but_blocks(page: Path) -> None:
    marks = re.findall(r"^<!-- (?:run|start|file)\b.*$", page.read_text(encoding="utf-8"), re.MULTILINE)

    assert len(marks) == len(_marked(page)), "a mark stands on the line above ```, and is one of run, start, file NAME"


def _submit(account: Account, line: str) -> tuple[str, Path]:
    """A job that is no longer followed, and goes on; its run folder."""
    outcome = account.run(line, stops=True, how=signal.SIGINT)

    assert outcome.exit_code == 130, outcome.output
    ((job,), (folder,)) = (
        re.findall(rf"^{name}: (\S+)$", outcome.output, re.MULTILINE) for name in ("job", "run folder")
    )
    return job, Path(folder)


@pytest.fixture(scope="module")
def things(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that examples name: settings, a map, its scenario, a trace, and a run."""
    folder = tmp_path_factory.mktemp("things")
    (folder / "my_run.yaml").write_text("base: debug\nseed: 3\n", encoding="utf-8")
    (folder / "harbour.geojson").write_text(json.dumps(MAP), encoding="utf-8")
    with fresh_account() as account:
        for line in (
            "rl-cluster scenario import {0}/harbour.geojson --out {0}/harbour.yaml",
            "rl-cluster evaluate --scenario {0}/harbour.yaml --policy greedy --episodes 1 --trace {0}/t.jsonl",
            f"rl-cluster train debug {shlex.join(TINY)} --out {{0}}/first",
        ):
            outcome = account.run(line.format(folder))
            assert outcome.exit_code == 0, outcome.output
    return folder


LOCAL_EXAMPLES = [line for line in _help_examples() if line.startswith("rl-cluster") and not NEEDS_HEAD.search(line)]


def test_help__has_an_example_for_each_command() -> None:
    assert all(line.startswith(("rl-cluster ", "prometheus ")) for line in _help_examples())
    assert len(LOCAL_EXAMPLES) >= 12


@pytest.mark.parametrize("line", [line for line in _help_examples() if line.startswith("rl-cluster ")])
def test_help__example_has_words_that_its_command_takes(line: str) -> None:
    command: Any = typer.main.get_command(app)
    _, *words = shlex.split(line.partition(" > ")[0])
    context = None

    while hasattr(command, "commands"):
        with command.make_context("rl-cluster", words, parent=context) as context:
            _, command, words = command.resolve_command(context, [*context._protected_args, *context.args])

    assert command.make_context("command", words, parent=context).args == []


@pytest.mark.long
def test_help__examples_run_as_they_stand(account: Account, things: Path) -> None:
    for line in LOCAL_EXAMPLES:
        _lay_out(account, things, line)
        _run(account, line, may_stop=True)


def _lay_out(account: Account, things: Path, line: str) -> None:
    """What the example finds in its user's folder."""
    for path in things.iterdir():
        if path.is_file() and f"--out {path.name}" not in line:
            shutil.copy(path, account.work)
    runs, studies = account.work / "runs", account.work / "studies"
    if "runs/first" in line and "--out runs/first" not in line and not runs.exists():
        shutil.copytree(things / "first", runs / "first")
    if "studies/first/" in line:
        (studies / "first").mkdir(parents=True, exist_ok=True)
        shutil.copy(things / "my_run.yaml", studies / "first" / "best.yaml")
