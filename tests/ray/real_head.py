"""A head started as an operator would, with token authentication, on ports of its own.

Its environment is not activated: no `python` and no `ray` of ours is on its PATH.
"""

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

__all__ = ["RAY", "REPOSITORY", "Head", "started_head", "wait_for_end"]

REPOSITORY = Path(__file__).parents[2]
RAY = [sys.executable, "-m", "ray.scripts.scripts"]


@dataclass(frozen=True)
class Head:
    """A head that listens on the loopback interface, and how to reach it."""

    environment: dict[str, str]
    """of a process that knows its token"""
    dashboard: str
    port: int
    ports: tuple[str, ...]
    """all that `ray start --head` takes by default, here with other numbers"""

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


@contextmanager
def started_head(ports: Sequence[str]) -> Iterator[Head]:
    """Starts one on six ports that are free, and ends it."""
    folder = Path(tempfile.mkdtemp(prefix="rlh-", dir="/tmp"))  # short: sockets lie in it
    (folder / "token").write_text(secrets.token_hex(32))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")} | {
        "PATH": "/usr/bin:/bin",
        "OMP_NUM_THREADS": "1",
        "NUMBA_DISABLE_JIT": "1",  # a job unpacks the package anew, and would compile for minutes
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(folder / "token"),
        "RAY_TMPDIR": str(folder),
    }
    port, dashboard_port, client_port, agent_port, metrics_port, runtime_env_port = ports
    command = [
        *RAY, "start", "--head", "--block", "--num-cpus=2", "--disable-usage-stats", "--dashboard-host=127.0.0.1",
        f"--port={port}", f"--dashboard-port={dashboard_port}", f"--dashboard-agent-listen-port={agent_port}",
        f"--ray-client-server-port={client_port}",
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
        yield Head(environment, f"http://127.0.0.1:{dashboard_port}", int(port), tuple(ports[:4]))
        process.terminate()
        process.stdout.read()
    wait_for_end(folder)
    shutil.rmtree(folder)


def wait_for_end(folder: Path) -> None:
    """Returns once no process of the Ray whose RAY_TMPDIR this is lives: agents and workers end after their head."""
    left = [process for process in psutil.process_iter() if _belongs(process, folder)]
    for process in psutil.wait_procs(left, timeout=20)[1]:
        process.kill()
    assert not psutil.wait_procs(left, timeout=20)[1], left


def _belongs(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.environ().get("RAY_TMPDIR") == str(folder)
    except psutil.Error:  # it has ended meanwhile, or is another account's
        return False
