"""A disk that fills: a run goes on, or ends in one line; a command leaves nothing; what was on the disk stays sound."""

import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rl_cluster.training.checkpoints.checkpoint import Checkpoint, find_checkpoint
from tests.conftest import TINY

pytestmark = pytest.mark.slow

DISK_BYTES = 8 << 20
LIMIT_S = 60
TRAIN = ["train", "debug", *TINY, "training.checkpoint_every=1"]

Ask = Callable[[dict[str, Any]], dict[str, Any]]


class Disk:
    """A small disk of its own, and the ballast that fills it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self, left_bytes: int = 0) -> None:
        """Leaves so many bytes, in whole pages."""
        room = os.statvfs(self.folder)
        num_bytes = room.f_bavail * room.f_frsize - left_bytes
        with self._ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(1, num_bytes))

    def clear(self) -> None:
        """Takes the ballast away."""
        self._ballast.unlink()

    def names(self) -> set[str]:
        """Of all files and folders, but for the ballast."""
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*")} - {"ballast"}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]
    made = subprocess.run(mount, capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"no disk can be mounted here: {made.stderr.strip()}")
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _train(words: list[str], environment: dict[str, str], act: Callable[[str], None]) -> tuple[int, list[str]]:
    """Exit code and error lines of a run; `act` is told of every line that it prints."""
    command = [sys.executable, "-m", "rl_cluster", *TRAIN, *words]
    variables = environment | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        watchdog = threading.Timer(LIMIT_S, process.kill)
        watchdog.start()
        assert process.stdout
        assert process.stderr
        for line in process.stdout:
            act(line)
        errors = [line for line in process.stderr.read().splitlines() if line.startswith("error: ")]
        process.wait()
        watchdog.cancel()
    return process.returncode, errors


def test_disk__that_is_full_for_a_while_costs_no_iteration(disk: Disk, environment: dict[str, str]) -> None:
    out = disk.folder / "run"

    def act(line: str) -> None:
        if line.startswith("iteration 3/"):
            disk.fill()
        if line.startswith("iteration 20/"):
            disk.clear()

    exit_code, errors = _train(["training.iterations=40", "--out", str(out)], environment, act)

    assert (exit_code, errors) == (0, [])
    lines = (out / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["iteration"] for line in lines] == list(range(1, 41))
    assert find_checkpoint(out).folder.name == "checkpoint-000040"
    assert not [name for name in disk.names() if "tmp" in name or ".new" in name]


def test_disk__that_stays_full_ends_the_run_in_one_line(disk: Disk, environment: dict[str, str]) -> None:
    out = disk.folder / "run"

    def act(line: str) -> None:
        if line.startswith("iteration 3/"):
            disk.fill()

    exit_code, errors = _train(["training.iterations=20", "--out", str(out)], environment, act)

    assert (exit_code, len(errors)) == (2, 1)
    assert Checkpoint.load(find_checkpoint(out).folder).iteration >= 2


def test_disk__that_is_full_at_the_start_leaves_no_folder(disk: Disk, environment: dict[str, str], ask: Ask) -> None:
    out = disk.folder / "run"
    case = {"words": [*TRAIN, "--out", str(out)], "cwd": str(disk.folder), "env": environment, "stdin": ""}
    disk.fill()
    refused = ask(case)
    names = disk.names()
    disk.clear()

    assert (refused["exit_code"], refused["signal"]) == (2, None), refused["stderr"]
    assert names == set()
    assert ask(case)["exit_code"] == 0


OUTPUTS = {
    "scores": [
        "evaluate",
        "--policy",
        "greedy",
        "--episodes",
        "2",
        "--preset",
        "debug",
        "--json",
        "{disk}/scores.json",
    ],
    "trace": [
        "evaluate",
        "--policy",
        "greedy",
        "--episodes",
        "2",
        "--preset",
        "debug",
        "--trace",
        "{disk}/trace.jsonl",
    ],
    "dashboards": ["dashboards", "{disk}/monitoring"],
    "findings": ["doctor", "--ports", "1", "--json", "{disk}/findings.json"],
}


@pytest.mark.parametrize("words", OUTPUTS.values(), ids=OUTPUTS.keys())
def test_disk__that_is_full_gets_no_part_of_an_output(
    disk: Disk, environment: dict[str, str], ask: Ask, words: list[str]
) -> None:
    disk.fill()
    filled = [word.replace("{disk}", str(disk.folder)) for word in words]

    result = ask({"words": filled, "cwd": str(disk.folder), "env": environment, "stdin": ""})

    assert (result["exit_code"], result["signal"]) == (2, None), result["stderr"]
    assert len([line for line in result["stderr"].splitlines() if line.startswith("error: ")]) == 1
    assert disk.names() == set()


def _fill_to_some_byte(disk: Disk, environment: dict[str, str], ask: Ask, seed: int) -> None:
    """A run that finds so little room that any of its writes may be the one that fails."""
    out = disk.folder / f"run-{seed}"
    disk.fill(left_bytes=4096 * random.Random(seed).randrange(1, 300))
    words = [*TRAIN, "training.iterations=4", f"seed={seed}", "--out", str(out)]
    case = {"words": words, "cwd": str(disk.folder), "env": environment, "stdin": ""}
    result = ask(case)
    disk.clear()

    assert result["exit_code"] in {0, 2}, f"seed {seed}: {result}"
    assert "Traceback" not in result["stderr"], f"seed {seed}: {result['stderr']}"
    if out.exists():
        assert Checkpoint.load(find_checkpoint(out).folder).config.seed == seed


def test_disk__that_fills_at_some_byte_leaves_what_can_be_used(
    disk: Disk, environment: dict[str, str], ask: Ask
) -> None:
    for seed in range(6):
        _fill_to_some_byte(disk, environment, ask, seed)


@pytest.mark.long
def test_disk__that_fills_at_any_byte_leaves_what_can_be_used(
    disk: Disk, environment: dict[str, str], ask: Ask
) -> None:
    for seed in range(6, 106):
        _fill_to_some_byte(disk, environment, ask, seed)
