"""A run that is ended at any moment, from the first import to the last line, goes on as if it had not been."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from rl_cluster.metrics.names import is_timed
from tests.conftest import TINY

ROOT = Path(__file__).parents[2]
SETTINGS = ("debug", *TINY, "training.iterations=8", "training.checkpoint_every=3", "training.keep_checkpoints=2")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)
NUM_FEW, NUM_MANY = 4, 100
LIMIT_S = 60.0
OURS = "rl-cluster"
"""In the names of our temporary files."""


class _Whole(NamedTuple):
    path: Path
    seconds: float


def _command(folder: Path) -> list[str]:
    return [sys.executable, "-m", "rl_cluster", "train", *SETTINGS, "--out", str(folder / "run")]


def _environment(folder: Path) -> dict[str, str]:
    """Of a user with an empty home, whose temporary files are counted."""
    for name in ("home", "tmp"):
        (folder / name).mkdir()
    places = {"HOME": str(folder / "home"), "TMPDIR": str(folder / "tmp"), "PYTHONPATH": str(ROOT)}
    return {"PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1", **places}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> _Whole:
    """A run that nobody ends."""
    folder = tmp_path_factory.mktemp("whole")
    begin_s = time.monotonic()
    subprocess.run(_command(folder), cwd=folder, env=_environment(folder), check=True, stdout=subprocess.DEVNULL)
    return _Whole(folder / "run", time.monotonic() - begin_s)


def _metrics(run: Path) -> list[dict[str, Any]]:
    """What was measured, apart from how long it took."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if not is_timed(name)} for line in lines]


def _names(run: Path) -> set[str]:
    """All files, apart from TensorBoard's: each process writes its own."""
    return {str(path.relative_to(run)) for path in run.rglob("*") if path.parent.name != "tensorboard"}


def _interrupt(folder: Path, number: signal.Signals, after_s: float) -> None:
    """Starts a run and ends it; whatever it was at, it ends in order."""
    errors = folder / "errors.txt"
    with errors.open("wb") as file, (folder / "printed.txt").open("wb") as printed:
        process = subprocess.Popen(
            _command(folder), cwd=folder, env=_environment(folder), stdout=printed, stderr=file, start_new_session=True
        )
        try:
            process.wait(after_s)
        except subprocess.TimeoutExpired:
            process.send_signal(number)
        code = process.wait(LIMIT_S)
    lines = errors.read_text().splitlines()
    errors.unlink()
    (folder / "printed.txt").unlink()
    # the interpreter itself ends by the signal before it has come to our first line, and after the last one
    assert code in {0, -number, 128 + number}, lines
    assert sum(line.startswith("error: ") for line in lines) <= 1, lines
    assert not [line for line in lines if "Traceback" in line or "Exception" in line], lines


def _assert_goes_on(folder: Path, whole: _Whole, exit_code: Callable[..., object]) -> None:
    run = folder / "run"
    if not run.exists():
        assert exit_code("train", *SETTINGS, "--out", str(run)) == 0
    elif not (run / "checkpoints" / "checkpoint-000008").exists():
        assert exit_code("train", "--resume", str(run)) == 0
    assert _metrics(run) == _metrics(whole.path)
    assert _names(run) == _names(whole.path)
    assert sorted(path.name for path in folder.iterdir()) == ["home", "run", "tmp"]
    litter = [path for name in ("home", "tmp") for path in (folder / name).rglob("*") if OURS in path.name]
    assert not litter  # libraries keep their caches there


def _try(seed: int, count: int, folder: Path, whole: _Whole, exit_code: Callable[..., object]) -> None:
    """One of `count` moments that divide the whole of a run's time."""
    draw = random.Random(seed)
    number = draw.choice(SIGNALS)
    after_s = (seed % count + draw.random()) / count * whole.seconds
    _interrupt(folder, number, after_s)
    _assert_goes_on(folder, whole, exit_code)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(NUM_FEW))
def test_run__that_is_ended_at_any_moment_goes_on_bit_for_bit(
    seed: int, tmp_path: Path, whole: _Whole, exit_code: Callable[..., object]
) -> None:
    _try(seed, NUM_FEW, tmp_path, whole, exit_code)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(NUM_FEW, NUM_FEW + NUM_MANY))
def test_run__that_is_ended_at_any_of_many_moments_goes_on_bit_for_bit(
    seed: int, tmp_path: Path, whole: _Whole, exit_code: Callable[..., object]
) -> None:
    _try(seed, NUM_MANY, tmp_path, whole, exit_code)
