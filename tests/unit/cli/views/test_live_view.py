"""What `top` shows comes from a run's status, and a status from a run."""

import io
import json
import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from rl_cluster.cli.views.live_view import live_view, sparkline
from rl_cluster.config.schema import Config
from rl_cluster.errors import CheckpointError
from rl_cluster.metrics.gpu import GpuReading
from rl_cluster.metrics.names import CHECKPOINT_AGE_S, ELAPSED_S, ETA_S
from rl_cluster.training.engine import EngineStatus
from rl_cluster.training.files.status import MAX_BYTES, MAX_POINTS, STATUS, StatusBoard, read_status
from rl_cluster.training.local_engine import LocalEngine
from rl_cluster.training.loop import train
from rl_cluster.training.start import new_start


@pytest.fixture(scope="module")
def run(tiny: Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two iterations."""
    path = tmp_path_factory.mktemp("top") / "run"
    train(LocalEngine(tiny), new_start(tiny, path), lambda record: None)
    return path


def _shown(status: dict[str, object]) -> str:
    text = io.StringIO()
    Console(file=text, width=140).print(live_view(status))
    return text.getvalue()


def test_view__of_a_run_shows_its_parts(run: Path, tiny: Config) -> None:
    shown = _shown(read_status(run))

    assert shown.startswith(f"{tiny.name} (engine local)  iteration 2/2  elapsed 0:")
    for words in ("time  ", "update ", "agent-steps/s", "1 env runner", "nodes", "GiB"):
        assert words in shown
    assert "GPUs" not in shown
    assert "alert" not in shown


def test_view__shows_gpus_and_alerts_and_a_dash_for_what_is_not_measured(run: Path) -> None:
    status = read_status(run)
    gpu = GpuReading(0, "H200", None, 3e9, 4e9, 350.0, None, None, ("heat",))
    status["nodes"][0]["gpus"] = [asdict(gpu)]
    status["alerts"] = ["gpu/throttled"]

    lines = _shown(status).splitlines()

    assert "alert: gpu/throttled is beyond its limit" in lines
    assert lines[-1].split()[1:] == ["0", "H200", "-", "75%", "350", "-", "-", "heat"]


def test_view__marks_a_run_that_is_silent_or_has_ended(run: Path) -> None:
    status = read_status(run)
    assert "ended" in _shown(status).splitlines()

    status["iterations"], status["metrics"][ETA_S], status["metrics"][ELAPSED_S] = 9, 70.0, 20.0
    marks = []
    for age_s in (5.0, 55.0, 65.0):
        status["time_s"] = time.time() - age_s
        marks.append("silent for 1:05: an iteration takes 0:10" in _shown(status))
    assert marks == [False, False, True]

    status["metrics"][ELAPSED_S] = 60.0  # iterations of 30 s: two minutes without a word are usual
    status["time_s"] = time.time() - 140.0
    assert "silent" not in _shown(status)
    status["time_s"] = time.time() - 160.0
    assert "silent for 2:40: an iteration takes 0:30" in _shown(status)


def test_sparkline__runs_from_the_least_to_the_greatest() -> None:
    assert sparkline([0.0, 0.5, 1.0], columns=10) == "▁▅█"
    assert sparkline([3.0] * 4, columns=2) == "▁▁"
    assert sparkline(list(range(80)), columns=8) == "▁▂▃▄▅▆▇█"


def test_board__keeps_the_whole_curve_in_few_points_and_that_of_the_past(tiny: Config, tmp_path: Path) -> None:
    lines = tmp_path / "metrics.jsonl"
    key = "episode/normalized_completion_score"
    lines.write_text("".join(json.dumps({"iteration": number, key: 0.5}) + "\n" for number in range(1, 4)))
    board = StatusBoard(tiny, lines)
    for done in range(4, 3 * MAX_POINTS):
        status = board.note(done, {key: 1.0}, [], EngineStatus())

    points = status["curves"]["sampled"]
    assert len(points) <= MAX_POINTS
    assert points[0] == (1, 0.5)
    assert points[-1][0] > 3 * MAX_POINTS - 5
    assert "NCS sampled" in _shown({**status, "metrics": {ELAPSED_S: 1.0, ETA_S: 1.0, CHECKPOINT_AGE_S: 1.0}})


def test_board__of_a_run_that_goes_back_forgets_what_came_later(tiny: Config, tmp_path: Path) -> None:
    key = "episode/normalized_completion_score"
    board = StatusBoard(tiny, tmp_path / "none")
    for done, value in ((1, 0.1), (2, 0.2), (3, 0.3), (2, 0.5)):
        status = board.note(done, {key: value}, [], EngineStatus())

    assert status["curves"]["sampled"] == [(1, 0.1), (2, 0.5)]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is no JSON that can be read"),
        ("{", "is no JSON that can be read"),
        ("[" * 100_000, "is no JSON that can be read"),
        ("\udcff", "is no JSON that can be read"),
        ("[]", "is no status of this version"),
        ('{"metrics": 1}', "is no status of this version"),
        (" " * (MAX_BYTES + 1), "has 4.0 MiB, more than 4 MiB"),
    ],
)
def test_status__that_is_none_is_refused(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / STATUS).write_bytes(content.encode(errors="surrogateescape"))

    with pytest.raises(CheckpointError, match=f"{words}.*; use the version"):
        read_status(tmp_path)


def test_status__that_is_a_pipe_is_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / STATUS)

    with pytest.raises(CheckpointError, match="is not a regular file"):
        read_status(tmp_path)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("run", "a\x1b[2J"),
        ("run", "a\u202eb"),
        ("run", 3),
        ("run", "x" * 2000),
        ("time_s", "now"),
        ("time_s", 1e300),
        ("time_s", 10**400),
        ("iteration", -1),
        ("iteration", 1.5),
        ("iterations", True),
        ("headline", None),
        ("alerts", [3]),
        ("alerts", ["\n"]),
        ("curves", {"sampled": [[1]]}),
        ("curves", {"sampled": [[1, "x"]]}),
        ("curves", {"\x07": []}),
        ("metrics", {}),
        ("metrics/time~elapsed_s", -1.0),
        ("metrics/share~env", 1e12),
        ("metrics/share~env", "much"),
        ("nodes", [{}]),
        ("nodes/0/node", "\x9b"),
        ("nodes/0/host/cpu_share", "x"),
        ("nodes/0/host", {}),
        ("nodes/0/gpus", [{"index": 0}]),
        ("runners/0/seconds", {"env": "long"}),
        ("runners/0/seconds", 3),
        ("runners", [{"runner": "a"}]),
    ],
)
def test_status__that_cannot_be_shown_is_refused(run: Path, tmp_path: Path, path: str, value: object) -> None:
    status = read_status(run)
    place: Any = status
    *parents, name = [int(part) if part.isdigit() else part.replace("~", "/") for part in path.split("/")]
    for parent in parents:
        place = place[parent]
    assert name in place
    place[name] = value
    (tmp_path / STATUS).write_text(json.dumps(status))

    with pytest.raises(CheckpointError, match=r"is no status of this version: .*; use the version") as caught:
        read_status(tmp_path)
    assert caught.value.what.isprintable()


def test_status__of_a_newer_version_is_refused_by_name(run: Path, tmp_path: Path) -> None:
    status = read_status(run)
    assert status["format"] == 1
    (tmp_path / STATUS).write_text(json.dumps({"format": 2, "nothing": "else"}))
    with pytest.raises(CheckpointError, match=r"newer version of rl_cluster \(format 2; .*; install that version"):
        read_status(tmp_path)

    del status["format"]
    (tmp_path / STATUS).write_text(json.dumps(status))
    assert read_status(tmp_path) == status


def test_status__of_a_folder_without_one_says_so(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"has no status.json: no iteration has been done in it"):
        read_status(tmp_path)
    with pytest.raises(CheckpointError, match="is no folder"):
        read_status(tmp_path / "nowhere")
