"""Installed packages of users train through Ray, and what goes wrong in their modules there is told as theirs."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import ray.cluster_utils

from rl_cluster.extension.allowance import ALLOWED
from tests.source_tree import ROOT

TEMPLATE = ROOT / "examples" / "my_task"
SETTINGS = (
    "model.width=8",
    "model.num_heads=2",
    "sampling.num_env_runners=2",
    "sampling.worlds_per_runner=2",
    "sampling.fragment_steps=4",
    "ppo.minibatch_rows=8",
    "ppo.num_epochs=1",
    "training.iterations=2",
    "training.evaluate_every=0",
    "learners.cpus_per_learner=0.5",
)
FAULTS = """

import torch
from my_task import network, worlds
from my_task.task import MY_TASK
from rl_cluster import Callback

class TooCalm(worlds.CalmWorlds):
    def advance(self, actions):
        raise ArithmeticError("no term without a turn")

class NoGradient(network.MyNetwork):
    def forward(self, observation):
        if torch.is_grad_enabled():
            raise ArithmeticError("no gradient today")
        return super().forward(observation)

class NoNetwork(network.MyNetwork):
    def __init__(self, config, spec):
        raise ArithmeticError("no network at all")

class Refusing(Callback):
    def on_iteration(self, record):
        raise ArithmeticError("no more iterations")

def make_worlds(source, config, *numbers):
    return TooCalm(source, config.world, config.reward, *numbers)

def no_worlds(source, config, *numbers):
    raise ArithmeticError("no worlds at all")
"""
"""What a user may get wrong; `replace` of the record is at the end of the module of the task."""

Train = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder with the template as pip would install it."""
    folder = tmp_path / "site"
    shutil.copytree(TEMPLATE / "my_task", folder / "my_task", ignore=shutil.ignore_patterns("__pycache__"))
    declared = folder / "my_task-0.1.dist-info"
    declared.mkdir()
    (declared / "METADATA").write_text("Metadata-Version: 2.1\nName: my-task\nVersion: 0.1\n", encoding="utf-8")
    points = "[rl_cluster.tasks]\nmy_task = my_task.task:MY_TASK\n"
    (declared / "entry_points.txt").write_text(points, encoding="utf-8")
    return folder


@pytest.fixture
def run(nodes: ray.cluster_utils.Cluster, installed: Path) -> Train:
    """Runs a command on the cluster in the folder of the package, where the workers of a run look, too."""

    def run_command(*words: str, variables: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
        paths = {"PYTHONPATH": str(ROOT), "RAY_ADDRESS": nodes.address}
        return subprocess.run(
            [sys.executable, "-m", "rl_cluster", *words],
            cwd=installed, env=os.environ | paths | dict(variables or {}), capture_output=True, text=True, check=False,
        )  # fmt: skip

    return run_command


def test_template__trains_through_ray_with_two_runners_and_its_checkpoint_is_evaluated(
    run: Train, installed: Path
) -> None:
    callback = "my_task.callback:StopEarly"

    trained = run(
        "train", "my_task", *SETTINGS, f"callbacks=[{callback}]", "--out", "first", variables={ALLOWED: callback}
    )
    scored = run("evaluate", "first", "--episodes", "2", "--policy", "largest-first")

    assert trained.returncode == 0, trained.stderr
    assert "iteration 2/2" in trained.stdout
    settings = (installed / "first" / "config.yaml").read_text(encoding="utf-8")
    assert "task: my_task" in settings
    assert callback in settings
    assert scored.returncode == 0, scored.stderr
    assert "largest-first" in scored.stdout


@pytest.mark.parametrize(
    ("part", "options", "where", "words"),
    [
        ("make_worlds=make_worlds", (), "in advance", "no term without a turn"),
        pytest.param("make_worlds=no_worlds", (), "in no_worlds", "no worlds at all", marks=pytest.mark.long),
        pytest.param(
            "make_network=NoNetwork",
            ("learners.num_learners=1",),
            "in __init__",
            "no network at all",
            marks=pytest.mark.long,
        ),
        ("make_worlds=make_worlds", ("api_stack=old",), "in advance", "no term without a turn"),
        ("make_network=NoGradient", ("learners.num_learners=1",), "in forward", "no gradient today"),
        ("", ("--callback", "my_task.faults:Refusing"), "in on_iteration", "no more iterations"),
    ],
    ids=["reward", "worlds", "network that cannot be made", "reward on the old API stack", "network", "callback"],
)
def test_fault_of_a_users_module__shows_its_own_traceback(
    part: str, options: tuple[str, ...], where: str, words: str, run: Train, installed: Path
) -> None:
    module = installed / "my_task" / "faults.py"
    record = f"\nfrom dataclasses import replace\nFAULTY = replace(MY_TASK, {part})\n"
    module.write_text(FAULTS + record, encoding="utf-8")
    points = "[rl_cluster.tasks]\nmy_task = my_task.faults:FAULTY\n"
    (installed / "my_task-0.1.dist-info" / "entry_points.txt").write_text(points, encoding="utf-8")

    settings = [word for word in SETTINGS if "api_stack=old" not in options or not word.startswith("learners.")]

    ended = run("train", "my_task", *settings, *options, "--out", "first")

    assert ended.returncode == 1
    told = ended.stderr.splitlines()
    frame = told[told.index("Traceback (most recent call last):") + 1]
    assert f'File "{module}"' in frame
    assert where in frame
    assert told[-1] == f"error: my_task.faults: ArithmeticError: {words}; the lines above show where it was raised"
