"""Files that commands write: all of them or none, a stream where one is asked for, nothing through a link."""

import json
import stat
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from rl_cluster.environment.scenario.scenario_file import SHIPPED_SCENARIOS

SMALL = str(SHIPPED_SCENARIOS["small"])
TINY = (
    "debug", "engine=local", "sampling.worlds_per_runner=2", "sampling.fragment_steps=4", "ppo.minibatch_rows=4",
    "model.width=8", "model.num_heads=2", "training.iterations=1", "training.evaluate_every=0",
    "monitoring.tensorboard=false", "generator.num_uavs=[2, 3]",
)  # fmt: skip


@pytest.fixture
def no_files(full_disk: Callable[[int], AbstractContextManager[None]]) -> Callable[..., object]:
    """A disk on which the first of the three dashboards' files finds room, but not the last."""
    return lambda: full_disk(6000)


@pytest.mark.parametrize("is_there", [True, False])
def test_dashboards__leave_all_three_files_or_none(
    tmp_path: Path,
    is_there: bool,
    no_files: Callable[[], AbstractContextManager[None]],
    error_line: Callable[..., str],
    exit_code: Callable[..., object],
) -> None:
    folder = tmp_path / "deep" / "monitoring"
    if is_there:
        folder.mkdir(parents=True)
        (folder / "alerts.yml").write_text("mine")
    before = sorted(tmp_path.rglob("*"))

    with no_files():
        line = error_line("dashboards", str(folder))

    assert "(File too large)" in line or "File too large; choose another" in line
    assert sorted(tmp_path.rglob("*")) == before
    assert not is_there or (folder / "alerts.yml").read_text() == "mine"
    assert exit_code("dashboards", str(folder)) == 0
    assert sorted(path.name for path in folder.iterdir()) == ["alerts.yml", "grafana.json", "prometheus.yml"]


def test_dash__is_standard_output_and_holds_the_file_alone(
    exit_code: Callable[..., object], capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("-", "/dev/stdout"):
        assert exit_code("evaluate", "--scenario", SMALL, "--policy", "greedy", "--episodes", "1", "--json", name) == 0
        printed = capsys.readouterr()
        assert json.loads(printed.out)["groups"]
        assert "greedy" in printed.err


def test_dash__takes_traces_scenarios_and_maps(
    tmp_path: Path, exit_code: Callable[..., object], capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code("evaluate", "--scenario", SMALL, "--policy", "greedy", "--episodes", "1", "--trace", "-") == 0
    assert all(json.loads(line)["steps"] for line in capsys.readouterr().out.splitlines())

    assert exit_code("scenario", "assign", SMALL, "--out", "-") == 0
    printed = capsys.readouterr()
    assert "goals chosen by" in printed.err
    (tmp_path / "assigned.yaml").write_text(printed.out)
    assert exit_code("scenario", "assign", str(tmp_path / "assigned.yaml"), "--out", str(tmp_path / "b.json")) == 0


def test_output__in_the_place_of_a_link_leaves_what_it_points_to(
    tmp_path: Path, exit_code: Callable[..., object]
) -> None:
    (tmp_path / "victim").write_text("content")
    (tmp_path / "scores.json").symlink_to("victim")

    code = exit_code(
        "evaluate",
        "--scenario",
        SMALL,
        "--policy",
        "greedy",
        "--episodes",
        "1",
        "--json",
        str(tmp_path / "scores.json"),
    )

    assert code == 0
    assert (tmp_path / "victim").read_text() == "content"
    assert stat.S_ISREG((tmp_path / "scores.json").lstat().st_mode)


@pytest.mark.slow
def test_train__started_twice_in_the_same_second_makes_two_folders_and_says_which(
    tmp_path: Path,
    exit_code: Callable[..., object],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    home = tmp_path / "home of mine"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr(time, "strftime", lambda _: "20260101-000000")

    printed = []
    for _ in range(2):
        assert exit_code("train", *TINY) == 0
        printed.append(capsys.readouterr().out.splitlines())

    runs = home / "rl_cluster_runs"
    assert sorted(path.name for path in runs.iterdir()) == ["debug-20260101-000000", "debug-20260101-000000-2"]
    assert printed[1][0] == f"run folder: {runs}/debug-20260101-000000-2"
    assert printed[1][-1] == f"score it: rl-cluster evaluate '{runs}/debug-20260101-000000-2'"


@pytest.mark.slow
@pytest.mark.parametrize("out", ["relative", "~/tilde", "with space/größe/run"])
def test_train__puts_the_run_where_its_path_says(
    tmp_path: Path, out: str, monkeypatch: pytest.MonkeyPatch, exit_code: Callable[..., object]
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "work")

    assert exit_code("train", *TINY, f"--out={out}") == 0
    assert exit_code("top", out, "--once") == 0
    assert exit_code("evaluate", out, "--episodes", "1", "--policy", "random", f"--json={out}.json") == 0

    place = tmp_path / "home" / "tilde" if out.startswith("~") else tmp_path / "work" / out
    assert (place / "checkpoints" / "checkpoint-000001").is_dir()
    assert place.with_name(f"{place.name}.json").is_file()
