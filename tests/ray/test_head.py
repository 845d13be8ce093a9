"""A head started as an operator would, with token authentication: training by address, and as a submitted job."""

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[2]
RAY = [sys.executable, "-m", "ray.scripts.scripts"]
TRAIN = [
    "-m",
    "rl_cluster",
    "train",
    "debug",
    "training.iterations=2",
    "sampling.worlds_per_runner=8",
    "training.time_limit_s=1000",
]


@dataclass(frozen=True)
class Head:
    environment: dict[str, str]
    dashboard: str

    def run(self, *command: str) -> str:
        """Output of a command that must succeed; the repository is its working directory."""
        answer = subprocess.run(
            command, cwd=REPOSITORY, env=self.environment, capture_output=True, text=True, check=False, timeout=200
        )
        assert answer.returncode == 0, answer.stdout + answer.stderr
        return answer.stdout

    def env_runners(self) -> list[dict[str, Any]]:
        """The env runners in the head's list of actors, living and dead."""
        token = Path(self.environment["RAY_AUTH_TOKEN_PATH"]).read_text()
        request = urllib.request.Request(
            f"{self.dashboard}/api/v0/actors?detail=1", headers={"Authorization": f"Bearer {token}"}
        )
        with urllib.request.urlopen(request) as answer:
            actors = json.load(answer)["data"]["result"]["result"]
        return [actor for actor in actors if actor["class_name"] == "SwarmEnvRunner"]


@pytest.fixture(scope="module")
def head(free_ports: Callable[[int], list[str]]) -> Iterator[Head]:
    folder = Path(tempfile.mkdtemp(prefix="rlh-", dir="/tmp"))  # short: sockets lie in it
    (folder / "token").write_text(secrets.token_hex(32))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")} | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "OMP_NUM_THREADS": "1",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(folder / "token"),
        "RAY_TMPDIR": str(folder),
    }
    port, dashboard_port, agent_port, metrics_port, runtime_env_port = free_ports(5)
    command = [
        *RAY, "start", "--head", "--block", "--num-cpus=2", "--disable-usage-stats", "--dashboard-host=127.0.0.1",
        f"--port={port}", f"--dashboard-port={dashboard_port}", f"--dashboard-agent-listen-port={agent_port}",
        f"--metrics-export-port={metrics_port}", f"--runtime-env-agent-port={runtime_env_port}",
    ]  # fmt: skip
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    with process:
        assert process.stdout
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "Ray runtime started" in line:
                break
        assert process.poll() is None, "".join(lines)
        yield Head(environment, f"http://127.0.0.1:{dashboard_port}")
        process.terminate()
        process.stdout.read()
    shutil.rmtree(folder)


def test_head__train_by_address_auto(head: Head, tmp_path: Path) -> None:
    output = head.run(sys.executable, *TRAIN, "--address", "auto", "--out", str(tmp_path / "run"))

    assert "Traceback" not in output
    assert (tmp_path / "run" / "checkpoints" / "checkpoint-000002").is_dir()
    assert len(head.env_runners()) == 1


def test_head__train_as_a_submitted_job(head: Head, tmp_path: Path) -> None:
    before = {actor["actor_id"] for actor in head.env_runners()}

    output = head.run(
        *RAY, "job", "submit", "--address", head.dashboard, "--working-dir", ".",
        "--runtime-env-json", json.dumps({"env_vars": {"RAY_JOB_STOP_WAIT_TIME_S": "120"}}),
        "--", "python", *TRAIN, "--out", str(tmp_path / "run"),
    )  # fmt: skip

    assert "succeeded" in output
    assert (tmp_path / "run" / "checkpoints" / "checkpoint-000002").is_dir()
    (runner,) = [actor for actor in head.env_runners() if actor["actor_id"] not in before]
    assert runner["state"] == "DEAD"


def test_head__train_with_another_token_is_refused_in_one_line(head: Head, tmp_path: Path) -> None:
    environment = {**head.environment, "RAY_AUTH_TOKEN": "another"}
    command = [sys.executable, *TRAIN, "--address", "auto", "--out", str(tmp_path / "run")]

    answer = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)

    assert answer.returncode == 2
    assert answer.stderr.startswith("error: address ")
    assert answer.stderr.count("\n") == 1
    assert not (tmp_path / "run").exists()
