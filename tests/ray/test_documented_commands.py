"""What README and `--help` say works as it stands, for a new user with an empty home."""

import json
import re
import shlex
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from rl_cluster.cli.entry import app
from rl_cluster.training.checkpoints.checkpoint import find_checkpoint
from tests.conftest import TINY
from tests.ray.fresh_account import Account, fresh_account
from tests.ray.real_head import REPOSITORY
from tests.unit.environment.drawn_map import MAP

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
TRAINS = re.compile(r"rl-cluster (train|tune)\b")
NEEDS_HEAD = re.compile(r"--address|\bstop\b")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)


def _lines(block: str) -> list[str]:
    return [line for line in block.splitlines() if line.strip()]


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


def _run(account: Account, line: str) -> None:
    """Runs a line; one that trains is stopped when it is under way."""
    stops = bool(TRAINS.search(line))

    outcome = account.run(line, stops=stops)

    assert outcome.exit_code == (143 if stops else 0), f"{line}\n{outcome.output}"
    assert "Traceback" not in outcome.output, f"{line}\n{outcome.output}"


@pytest.mark.long
def test_readme__runs_line_by_line(account: Account) -> None:
    without_head, with_head = (_lines(block) for block in _blocks("sh")[1:3])
    (scenario,) = _blocks("yaml")
    (account.work / "my_swarm.yaml").write_text(scenario, encoding="utf-8")

    for line in [*without_head, *with_head]:
        if "rl-cluster submit" in line:
            job, folder = _submit(account, line)
        else:
            _run(account, line)

    stopped = account.run(f"rl-cluster stop {job} --address http://127.0.0.1:8265")
    assert "143" in stopped.output
    assert find_checkpoint(folder).folder.is_dir()


def test_first_hour__runs_line_by_line(account: Account) -> None:
    page = (REPOSITORY / "docs" / "first_hour.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^<!-- run -->\n```sh\n(.*?)^```", page, flags=re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in _lines(block)]
    assert len(lines) > 8

    for line in lines:
        outcome = account.run(line)

        assert outcome.exit_code == 0, f"{line}\n{outcome.output}"
        assert "Traceback" not in outcome.output, f"{line}\n{outcome.output}"


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
        _run(account, line)


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
