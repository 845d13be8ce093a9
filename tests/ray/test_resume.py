"""A trainer that is killed, whatever it does just then, goes on from its last checkpoint as if nothing had been."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rl_cluster.metrics.names import is_timed
from rl_cluster.training.checkpoints.checkpoint import Checkpoint, find_checkpoint

REPOSITORY = Path(__file__).parents[2]
TRAIN = [sys.executable, "-m", "rl_cluster", "train"]
SETTINGS = [
    "debug",
    "sampling.worlds_per_runner=8",
    "ppo.minibatch_rows=64",
    "training.iterations=6",
    "training.checkpoint_every=2",
    "training.time_limit_s=1000",
    "training.evaluate_every=0",
]
IN_PROCESS = "sampling.num_env_runners=0"
DYING_TRAINER = """
import os, signal, sys
import torch
import rl_cluster.sampling.rollout as rollout
from rl_cluster.cli import main

owner, name, deadly_call = {
    "sampling": (rollout, "act", 3 * 16 + 5),       # of 16 decisions an iteration
    "update": (torch.optim.Adam, "step", 3 * 6 + 4),  # of 6 minibatches an iteration
    "saving": (os, "fsync", 2 * 8 + 3),             # of 8 files and folders a checkpoint; the first is of iteration 0
}[sys.argv[1]]
function, calls = getattr(owner, name), 0

def call_or_die(*arguments, **settings):
    global calls
    calls += 1
    if calls == deadly_call:
        os.kill(os.getpid(), signal.SIGKILL)
    return function(*arguments, **settings)

setattr(owner, name, call_or_die)
main(sys.argv[2:])
"""


def _run(*command: str) -> "subprocess.CompletedProcess[str]":
    """In an environment without an address, so that the command starts a Ray of its own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    return subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)


def _metrics(run: Path) -> dict[int, dict[str, Any]]:
    """Iteration -> what was measured, apart from how long it took."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return {line["iteration"]: {name: value for name, value in line.items() if not is_timed(name)} for line in lines}


def _assert_same(left: Path, right: Path) -> None:
    """Metrics, weights, optimizer and worlds, bit for bit."""
    assert _metrics(left) == _metrics(right)
    one, other = (Checkpoint.load(find_checkpoint(run).folder) for run in (left, right))
    assert one.iteration == other.iteration == 6
    for tensors, others in ((one.weights, other.weights), (one.optimizer, other.optimizer)):
        assert tensors.keys() == others.keys()
        assert all(torch.equal(tensor, others[name]) for name, tensor in tensors.items())
    assert one.arrays.keys() == other.arrays.keys()
    assert all(np.array_equal(array, other.arrays[name]) for name, array in one.arrays.items())


def _assert_resumes(run: Path, after: int) -> None:
    resumed = _run(*TRAIN, "--resume", str(run))

    assert resumed.returncode == 0, resumed.stderr
    first_lines = resumed.stdout.splitlines()
    assert first_lines[0] == f"run folder: {run}"
    assert first_lines[2].startswith("first iteration after ")
    assert first_lines[3].startswith(f"iteration {after + 1}/6")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("whole") / "run"
    assert _run(*TRAIN, *SETTINGS, IN_PROCESS, "--out", str(run)).returncode == 0
    return run


@pytest.mark.parametrize(
    "phase",
    [pytest.param("sampling", marks=pytest.mark.long), pytest.param("update", marks=pytest.mark.long), "saving"],
)
def test_train__killed_in_any_phase_goes_on_as_if_it_had_not_been(tmp_path: Path, whole: Path, phase: str) -> None:
    run = tmp_path / "run"
    killed = _run(sys.executable, "-c", DYING_TRAINER, phase, "train", *SETTINGS, IN_PROCESS, "--out", str(run))
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert max(_metrics(run)) == {"sampling": 3, "update": 3, "saving": 4}[phase]

    _assert_resumes(run, 2)

    _assert_same(run, whole)


@pytest.mark.long
def test_train__with_a_remote_runner_and_learner_goes_on_after_a_kill(tmp_path: Path) -> None:
    remote = ["learners.num_learners=1", "learners.cpus_per_learner=0.5"]
    runs = [tmp_path / "whole", tmp_path / "killed"]
    assert _run(*TRAIN, *SETTINGS, *remote, "--out", str(runs[0])).returncode == 0
    killed = _run(sys.executable, "-c", DYING_TRAINER, "saving", "train", *SETTINGS, *remote, "--out", str(runs[1]))
    assert killed.returncode == -signal.SIGKILL, killed.stderr

    _assert_resumes(runs[1], 2)

    _assert_same(*runs)


@pytest.mark.parametrize("first", ["engine=ray", pytest.param("engine=local", marks=pytest.mark.long)])
def test_train__lengthened_equals_one_that_was_longer_from_the_start(tmp_path: Path, first: str) -> None:
    """At a constant learning rate; also if the run began without Ray."""
    constant = ["ppo.lr=[1e-3, 1e-3]", "ppo.entropy_weight=[0.01, 0.01]", IN_PROCESS]
    runs = [tmp_path / "whole", tmp_path / "cut"]
    assert _run(*TRAIN, *SETTINGS, *constant, "--out", str(runs[0])).returncode == 0
    cut = _run(*TRAIN, *SETTINGS, *constant, first, "training.iterations=3", "--out", str(runs[1]))
    assert cut.returncode == 0, cut.stderr

    longer = _run(*TRAIN, "--resume", str(runs[1]), "training.iterations=6", "engine=ray")

    assert longer.returncode == 0, longer.stderr
    assert longer.stdout.startswith("changed after iteration 3: ")
    _assert_same(*runs)
