"""`submit` and `stop`, from a fresh shell to a head with a token; and dashboards that say no."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from rl_cluster.extension.allowance import ALLOWED
from rl_cluster.training.checkpoints.checkpoint import find_checkpoint
from tests.ray.real_head import REPOSITORY, Head

COMMAND = [sys.executable, "-m", "rl_cluster"]
SMALL = [
    "debug",
    "model.width=8",
    "model.num_heads=2",
    "sampling.worlds_per_runner=2",
    "sampling.fragment_steps=4",
    "ppo.minibatch_rows=4",
    "training.evaluate_every=0",
]


def _submit(head: Head, folder: Path, *words: str) -> list[str]:
    return [*COMMAND, "submit", *SMALL, *words, "--address", head.dashboard, "--out", str(folder)]


def _run(head: Head, command: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=REPOSITORY,
        env=head.environment | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )


def test_submit__follows_the_job_and_ends_with_its_exit_code(head: Head, tmp_path: Path) -> None:
    folder, allowed = tmp_path / "run", {ALLOWED: "builtins:print"}
    words = ("training.iterations=2", "callbacks=[builtins:print]", "--runners", "1")
    done = _run(head, _submit(head, folder, *words), **allowed)

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("job: raysubmit_")
    assert "iteration 2/2" in done.stdout
    assert "Record(done=2" in done.stdout  # what the callback prints, which the job may import
    assert find_checkpoint(folder).folder.name == "checkpoint-000002"
    again = _run(head, _submit(head, folder, "training.iterations=2"))
    assert again.returncode == 2
    assert f"error: {folder}: exists already" in again.stdout


def test_stop__leaves_a_checkpoint_of_the_last_iteration(head: Head, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    command = _submit(head, folder, "training.iterations=100000", "training.checkpoint_every=100000")
    with subprocess.Popen(
        command, cwd=REPOSITORY, env=head.environment, stdout=subprocess.PIPE, text=True
    ) as following:
        assert following.stdout
        job = following.stdout.readline().split()[-1]
        for line in following.stdout:
            if line.startswith("iteration 2/"):
                break
        stopped = _run(head, [*COMMAND, "stop", job, "--address", head.dashboard])
        following.stdout.read()

    assert stopped.stdout == f"job {job} has ended with exit code 143\n", stopped.stderr
    assert following.returncode == 143
    last = json.loads((folder / "metrics.jsonl").read_text().splitlines()[-1])["iteration"]
    assert find_checkpoint(folder).folder.name == f"checkpoint-{last:06d}"
    assert last >= 2
    again = _run(head, [*COMMAND, "stop", job, "--address", head.dashboard])
    assert again.returncode == 0


@pytest.fixture
def old_dashboard() -> Iterator[str]:
    """What answers as the dashboard of another Ray would."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = json.dumps(
                {"version": "4", "ray_version": "2.59.1", "ray_commit": "", "session_name": ""}
            ).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Prints nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_submit__is_refused_in_one_line(head: Head, tmp_path: Path, old_dashboard: str) -> None:
    refused = {
        "the cluster asks for another token; export RAY_AUTH_MODE=token": (head.dashboard, "0" * 64),
        "the cluster runs Ray 2.59.1, this is Ray 2.60": (old_dashboard, ""),
        "nothing answers there": ("http://127.0.0.1:9", ""),
        "this is not the address of a dashboard": (f"127.0.0.1:{head.port}", ""),
    }
    for words, (address, token) in refused.items():
        environment = {"RAY_AUTH_TOKEN": token} if token else {}
        answer = _run(head, [*COMMAND, "submit", *SMALL, "--address", address], **environment)

        assert answer.returncode == 2
        assert answer.stdout == ""
        assert answer.stderr.startswith(f"error: address {address}: ")
        assert words in answer.stderr
        assert answer.stderr.count("\n") == 1


def test_stop__says_done_only_where_something_is_saved(head: Head, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    submitted = _run(head, [*_submit(head, folder, "training.iterations=100000"), "--detach"])
    job = submitted.stdout.splitlines()[0].split()[-1]
    stopped = _run(head, [*COMMAND, "stop", job, "--address", head.dashboard])

    if stopped.returncode:
        assert stopped.returncode == 2
        assert stopped.stderr == (
            f"error: job {job}: it was stopped before its first iteration, and nothing is saved; submit it again\n"
        )
        assert not folder.exists()
    else:
        assert find_checkpoint(folder).folder.name.startswith("checkpoint-")


def test_stop__of_a_job_that_is_not_there_is_refused(head: Head) -> None:
    answer = _run(head, [*COMMAND, "stop", "raysubmit_none", "--address", head.dashboard])

    assert answer.returncode == 2
    assert answer.stderr.count("\n") == 1
