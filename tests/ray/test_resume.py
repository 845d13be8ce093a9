"""A trainer that is killed in the middle goes on from its last checkpoint, and plays what it would have played."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
TRAIN = [sys.executable, "-m", "rl_cluster", "train"]
SETTINGS = [
    "debug",
    "sampling.worlds_per_runner=8",
    "ppo.minibatch_rows=64",
    "training.iterations=12",
    "training.checkpoint_every=5",
]
TIMES = ("time/", "sampling/agent_steps_per_s")


def _environment() -> dict[str, str]:
    """Without an address, so that the command starts a Ray of its own."""
    return {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}


def _metrics(run: Path) -> dict[int, dict[str, Any]]:
    """Iteration -> what was measured, apart from how long it took."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return {
        line["iteration"]: {name: value for name, value in line.items() if not name.startswith(TIMES)} for line in lines
    }


def _kill_after(iteration: int, run: Path) -> None:
    """Trains until an iteration is reported, then kills the trainer as the kernel would."""
    command = [*TRAIN, *SETTINGS, "--out", str(run)]
    with subprocess.Popen(command, cwd=REPOSITORY, env=_environment(), stdout=subprocess.PIPE, text=True) as trainer:
        assert trainer.stdout is not None
        for line in trainer.stdout:
            if line.startswith(f"iteration {iteration}/"):
                break
        trainer.send_signal(signal.SIGKILL)
    assert trainer.returncode == -signal.SIGKILL


def test_train__killed_in_the_middle_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    run = tmp_path / "run"
    _kill_after(8, run)
    before = _metrics(run)

    resumed = subprocess.run(
        [*TRAIN, "--resume", str(run)], cwd=REPOSITORY, env=_environment(), capture_output=True, text=True, check=False
    )

    assert resumed.returncode == 0, resumed.stderr
    first_lines = resumed.stdout.splitlines()
    assert first_lines[0] == f"run folder: {run}"
    assert first_lines[1].startswith("iteration 6/12")
    after = _metrics(run)
    assert sorted(after) == list(range(1, 13))
    for iteration in (6, 7, 8):  # played before the kill and again after it
        assert after[iteration] == before[iteration]
