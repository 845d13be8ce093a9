"""Every example runs, and does what its first lines say."""

import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rl_cluster.environment.scenario.scenario_file import SHIPPED_SCENARIOS
from tests.source_tree import ROOT

FOLDER = ROOT / "examples"
Run = Callable[..., str]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs an example in an empty folder; gives what it prints."""

    def run_example(name: str, *arguments: str) -> str:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", [name, *arguments])
        monkeypatch.syspath_prepend(str(FOLDER))
        runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")
        return capsys.readouterr().out

    return run_example


def test_train_and_evaluate__prints_rewards_and_two_tables(run: Run) -> None:
    printed = run("train_and_evaluate", "first", "training.iterations=2", "generator.num_uavs=[2, 3]")

    assert "iteration 2" in printed
    assert "first argmax: mean of 20 episodes" in printed
    assert "complete-first: mean of 20 episodes" in printed
    assert len((FOLDER / "train_and_evaluate.py").read_text().strip().splitlines()) <= 13


def test_own_heuristic__is_compared_with_two_others(run: Run) -> None:
    lines = run("own_heuristic").splitlines()

    assert [line.partition(":")[0] for line in lines] == [
        "satisfied, largest-first minus greedy",
        "satisfied, largest-first minus complete-first",
    ]


@pytest.mark.parametrize(
    "policy", [[], [str(ROOT / "tests" / "stored" / "format_3" / "run")]], ids=["heuristic", "run"]
)
def test_on_board__decides_at_each_interval(policy: list[str], run: Run) -> None:
    lines = run("on_board", str(SHIPPED_SCENARIOS["balanced"]), *policy).splitlines()

    assert [line.split(" s ")[0].strip() for line in lines[:3]] == ["0", "20", "40"]
    assert all("'t" in line or "None" in line for line in lines)


@pytest.mark.slow
def test_template__passes_its_own_tests(tmp_path: Path) -> None:
    folder = FOLDER / "my_task"
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, str(folder / "tests")]
    paths = {"PYTHONPATH": f"{ROOT}{os.pathsep}{folder}"}

    ended = subprocess.run(words, cwd=tmp_path, env=os.environ | paths, capture_output=True, text=True, check=False)

    assert ended.returncode == 0, ended.stdout
    assert "2 passed" in ended.stdout
