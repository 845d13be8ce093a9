"""`train --seeds`: each run equals the one that is trained alone, a table at the end, and one signal stops all."""

import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from rl_cluster.training.checkpoints.checkpoint import Checkpoint, find_checkpoint
from tests.conftest import TINY

pytestmark = pytest.mark.slow

SETTINGS = ("debug", *TINY, "training.evaluate_every=2")


def _weights(run: Path) -> dict[str, torch.Tensor]:
    return Checkpoint.load(find_checkpoint(run).folder).weights


def test_seeds__train_the_runs_that_each_seed_alone_would_be(
    tmp_path: Path, exit_code: Callable[..., object], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "seeds"

    assert exit_code("train", *SETTINGS, "--seeds", "3,5", "--out", str(folder)) == 0

    printed = capsys.readouterr().out
    assert printed.startswith(f"folder: {folder}; 2 runs, ")
    assert {"seed 3: iteration 2/2", "seed 5: iteration 2/2"} <= {
        " ".join(line.split()[:4]) for line in printed.splitlines()
    }
    rows = [line.split() for line in printed.splitlines() if re.match(r" *(3|5|mean) ", line)]
    assert [row[0] for row in rows] == ["3", "5", "mean"]
    first, second, mean = ([float(cell) for cell in row[1:]] for row in rows)
    assert mean == pytest.approx([(a + b) / 2 for a, b in zip(first, second, strict=True)], abs=0.06)
    assert printed.splitlines()[-1] == f"score them: rl-cluster evaluate {folder}/seed-3 {folder}/seed-5"
    assert exit_code("train", *SETTINGS, "seed=5", "--out", str(tmp_path / "alone")) == 0
    alone, among = _weights(tmp_path / "alone"), _weights(folder / "seed-5")
    assert all(torch.equal(tensor, among[name]) for name, tensor in alone.items())


def test_seeds__go_on_where_they_are_and_leave_alone_what_has_ended(
    tmp_path: Path, exit_code: Callable[..., object], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "seeds"
    assert exit_code("train", *SETTINGS, "seed=0", "--out", str(folder / "seed-0")) == 0

    assert exit_code("train", *SETTINGS, "--seeds", "0,1", "--resume-or-start", str(folder)) == 0

    printed = capsys.readouterr().out
    assert f"seed 0: run folder: {folder}/seed-0; the run has ended" in printed
    assert "seed 1: iteration 2/2" in printed


def test_seeds__stop_at_one_signal_with_what_continues_all_of_them(tmp_path: Path) -> None:
    folder = tmp_path / "seeds"
    words = ["train", *SETTINGS, "training.iterations=100000", "training.checkpoint_every=50000"]
    command = [sys.executable, "-m", "rl_cluster", *words, "--seeds", "0,1", "--out", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as trainer:
        assert trainer.stdout is not None
        next(line for line in trainer.stdout if line.startswith("seed 0: iteration 1/"))
        trainer.send_signal(signal.SIGINT)
        _, errors = trainer.communicate()

    assert trainer.returncode == 130
    line = errors.splitlines()[-1]
    assert line.startswith("error: train: stopped by SIGINT; go on with rl-cluster train debug ")
    assert line.endswith(f"--seeds 0,1 --resume-or-start {folder}")
    assert find_checkpoint(folder / "seed-0").folder.name > "checkpoint-000000"


def test_seeds__of_which_one_fails_say_which_and_why(
    tmp_path: Path, exit_code: Callable[..., object], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "seeds"
    (folder / "seed-1").mkdir(parents=True)
    (folder / "seed-1" / "mine.txt").write_text("of the user")

    assert exit_code("train", *SETTINGS, "--seeds", "0,1", "--resume-or-start", str(folder)) == 2

    printed = capsys.readouterr()
    what = f"{folder}/seed-1: exists already, and is no run folder; name the folder of a run, or one that does not"
    assert printed.err.startswith(f"error: train: seed 1: {what}")
    assert "seed 0: iteration 2/2" in printed.out


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--seeds", "0,x"], "--seeds 0,x: is no list of whole numbers; write them with commas: --seeds 0,1,2"),
        (["--seeds", "0,99999999999"], "seed=99999999999: got 99999999999; give a whole number"),
        (["seed=4", "--seeds", "0,1"], "seed=4: contradicts --seeds; omit it"),
        (["--seeds", "0", "--resume", "x"], "--seeds and --resume exclude each other; go on with all of them"),
        (["--seeds", "0", "--resume-or-start", "x", "--out", "y"], "--resume-or-start excludes --out; omit it"),
        (["ppo.lrr=1", "--seeds", "0"], "ppo.lrr=1: unknown key"),
    ],
)
def test_seeds__refuse_what_contradicts_them(words: list[str], line: str, error_line: Callable[..., str]) -> None:
    assert line in error_line("train", *SETTINGS, *words)


def test_seeds__refuse_a_folder_that_exists(tmp_path: Path, error_line: Callable[..., str]) -> None:
    line = error_line("train", *SETTINGS, "--seeds", "0", "--out", str(tmp_path))

    assert line.startswith(f"error: {tmp_path}: exists already; choose another --out, or go on with what is there")


def test_seeds__without_settings_are_refused(error_line: Callable[..., str]) -> None:
    assert "name a preset or file, or a run to --resume" in error_line("train", "--seeds", "0")
