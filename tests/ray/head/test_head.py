"""A head started as an operator would, with token authentication: training by address, and as a submitted job."""

import json
import subprocess
import sys
from pathlib import Path

from tests.ray.real_head import RAY, REPOSITORY, Head

TRAIN = [
    "-m",
    "rl_cluster",
    "train",
    "debug",
    "training.iterations=2",
    "model.width=8",
    "model.num_heads=2",
    "sampling.worlds_per_runner=2",
    "sampling.fragment_steps=4",
    "ppo.minibatch_rows=4",
    "training.evaluate_every=0",
    "training.time_limit_s=1000",
]


def test_head__train_by_address_auto(head: Head, tmp_path: Path) -> None:
    before = len(head.env_runners())

    output = head.run(sys.executable, *TRAIN, "--address", "auto", "--out", str(tmp_path / "run"))

    assert "Traceback" not in output
    assert (tmp_path / "run" / "checkpoints" / "checkpoint-000002").is_dir()
    assert len(head.env_runners()) == before + 1


def test_head__train_as_a_submitted_job(head: Head, tmp_path: Path) -> None:
    before = {actor["actor_id"] for actor in head.env_runners()}

    output = head.run(
        *RAY, "job", "submit", "--address", head.dashboard, "--working-dir", ".",
        "--runtime-env-json", json.dumps({"env_vars": {"RAY_JOB_STOP_WAIT_TIME_S": "120"}}),
        "--", sys.executable, *TRAIN, "--out", str(tmp_path / "run"),
    )  # fmt: skip

    assert "succeeded" in output
    assert (tmp_path / "run" / "checkpoints" / "checkpoint-000002").is_dir()
    (runner,) = [actor for actor in head.env_runners() if actor["actor_id"] not in before]
    assert runner["state"] == "DEAD"


def test_head__train_with_another_token_is_refused_in_one_line(head: Head, tmp_path: Path) -> None:
    environment = {**head.environment, "RAY_AUTH_TOKEN": "another", "NUMBA_DISABLE_JIT": "0"}
    command = [sys.executable, *TRAIN, "--address", "auto", "--out", str(tmp_path / "run")]

    answer = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)

    assert answer.returncode == 2
    assert answer.stderr.startswith("error: address ")
    assert answer.stderr.count("\n") == 1
    assert not (tmp_path / "run").exists()
