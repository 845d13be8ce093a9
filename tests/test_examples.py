"""Every example runs as a user would run it, and does what its first lines say."""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from rl_cluster.environment.scenario.scenario_file import SHIPPED_SCENARIOS
from tests.source_tree import ROOT

pytestmark = pytest.mark.slow

FOLDER = ROOT / "examples"
SHORT = ("training.iterations=2", "generator.num_uavs=[2, 3]")
BALANCED = str(SHIPPED_SCENARIOS["balanced"])


class Use(NamedTuple):
    """One way to run an example."""

    arguments: tuple[str, ...]
    printed: tuple[str, ...]
    """beginnings of lines that it prints, in this order; others may stand between them"""


USES: dict[str, tuple[Use, ...]] = {
    "on_board": (
        Use((BALANCED,), ("   0 s {", "  20 s {", "  40 s {")),
        Use((BALANCED, str(ROOT / "tests" / "stored" / "format_3" / "run")), ("   0 s {", "  20 s {", "  40 s {")),
    ),
    "own_heuristic": (
        Use((), ("satisfied, largest-first minus greedy: ", "satisfied, largest-first minus complete-first: ")),
    ),
    "own_network": (Use(("first", *SHORT), ("Alone has ", "first argmax: mean of 20 episodes")),),
    "own_reward": (
        Use(("first", *SHORT, "reward.calm=0.5"), ("reward.calm=0.5: [", "first argmax: mean of 20 episodes")),
    ),
    "train_and_evaluate": (
        Use(
            ("first", *SHORT),
            ("iteration 1", "iteration 2", "reward: [", "first argmax: mean of 20", "complete-first: mean of 20"),
        ),
    ),
}
"""Example -> how it is run."""
EXAMPLES = sorted(path.stem for path in FOLDER.glob("*.py"))


def _run(words: list[str], folder: Path, *paths: Path) -> subprocess.CompletedProcess[str]:
    searched = {"PYTHONPATH": os.pathsep.join(map(str, paths))}
    return subprocess.run(
        [sys.executable, *words], cwd=folder, env=os.environ | searched, capture_output=True, text=True, check=False
    )


def test_uses__are_those_of_all_examples() -> None:
    assert sorted(USES) == EXAMPLES


@pytest.mark.parametrize(
    ("name", "use"),
    [pytest.param(name, use, id=f"{name}-{n}") for name in EXAMPLES for n, use in enumerate(USES.get(name, ()))],
)
def test_example__runs_and_prints(name: str, use: Use, tmp_path: Path) -> None:
    ended = _run([str(FOLDER / f"{name}.py"), *use.arguments], tmp_path, ROOT)

    assert (ended.returncode, ended.stderr) == (0, "")
    lines = iter(ended.stdout.splitlines())
    for beginning in use.printed:
        assert any(line.startswith(beginning) for line in lines), f"{beginning} is not in {ended.stdout}"


def test_shortest_example__is_ten_lines_of_code() -> None:
    assert len((FOLDER / "train_and_evaluate.py").read_text().strip().splitlines()) <= 13


def test_template__passes_its_own_tests(tmp_path: Path) -> None:
    folder = FOLDER / "my_task"
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, str(folder / "tests")]

    ended = _run(words, tmp_path, ROOT, folder)

    assert ended.returncode == 0, ended.stdout
    assert "2 passed" in ended.stdout
