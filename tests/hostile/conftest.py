"""What hostile tests share: the forking process, a run to copy, and ports that do not answer."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rl_cluster.cli import main
from tests.conftest import TINY

Ask = Callable[[dict[str, Any]], dict[str, Any]]

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def ask() -> Iterator[Ask]:
    """Runs a case (`words`, `cwd`, `env`, `stdin`) in a fork, and gives what became of it."""
    command = [sys.executable, "-W", "error", "-m", "tests.hostile.zygote"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        assert json.loads(process.stdout.readline()) == {"threads": []}

        def run(case: dict[str, Any]) -> dict[str, Any]:
            assert process.stdin
            assert process.stdout
            process.stdin.write(json.dumps(case) + "\n")
            process.stdin.flush()
            result: dict[str, Any] = json.loads(process.stdout.readline())
            return result

        yield run
        process.stdin.close()


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of task `allocate` of two iterations, with a checkpoint of each."""
    path = tmp_path_factory.mktemp("finished") / "run"
    with pytest.raises(SystemExit) as end:
        main(["train", "debug", *TINY, "training.checkpoint_every=1", "--out", str(path)])
    assert not end.value.code
    return path


@pytest.fixture(scope="session")
def silent_port() -> Iterator[int]:
    """Somebody listens there, and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        yield listener.getsockname()[1]


@pytest.fixture(scope="session")
def closed_port() -> Iterator[int]:
    """Nobody listens there, and nobody else will."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Variables of a user with an empty home."""
    home = tmp_path / "home"
    home.mkdir()
    kept = {name: os.environ[name] for name in ("PATH", "OMP_NUM_THREADS", "LANG") if name in os.environ}
    return {**kept, "HOME": str(home), "RAY_AUTH_MODE": "token", "TERM": "dumb"}
