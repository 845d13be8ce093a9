"""`evaluate`: side by side on the same episodes, and what it refuses before it plays or writes anything."""

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from rl_cluster.config.schema import Config
from rl_cluster.environment.allocate.heuristics import HEURISTICS
from rl_cluster.training.local_engine import LocalEngine
from rl_cluster.training.loop import train
from rl_cluster.training.start import new_start

SMALL = Path("rl_cluster/environment/scenario/shipped/small.yaml")


@pytest.fixture(scope="module")
def run(tiny: Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "run"
    config = tiny.model_copy(update={"training": tiny.training.model_copy(update={"checkpoint_every": 1})})
    train(LocalEngine(config), new_start(config, path), lambda record: None)
    return path


def test_evaluate__compares_a_checkpoint_with_every_heuristic(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], exit_code: Callable[..., object]
) -> None:
    scores, trace = tmp_path / "scores.json", tmp_path / "trace.jsonl"

    assert exit_code("evaluate", str(run), "--episodes", "3", "--json", str(scores), "--trace", str(trace)) == 0

    printed = capsys.readouterr().out
    assert "learnt from reward alone" in printed
    assert max(len(line.rstrip()) for line in printed.splitlines()[1:]) <= 80
    assert len(printed.splitlines()) <= 24
    assert " is best: NCS " in printed or " are level: NCS " in printed
    (group,) = json.loads(scores.read_text())["groups"]
    heuristics = list(HEURISTICS)
    assert list(group["means"]) == ["policy argmax", "policy sampled", *heuristics]
    assert list(group["differences"]) == ["policy argmax", "policy sampled"]
    assert list(group["differences"]["policy argmax"]) == heuristics
    assert len(trace.read_text().splitlines()) == 3 * (2 + len(heuristics))


def test_evaluate__searches_with_the_checkpoint(run: Path, tmp_path: Path, exit_code: Callable[..., object]) -> None:
    scores = tmp_path / "scores.json"

    words = ("--search", "plans=4", "--objective", "time=0.2", "--policy", "greedy", "--episodes", "2")
    assert exit_code("evaluate", str(run), *words, "--json", str(scores)) == 0

    (group,) = json.loads(scores.read_text())["groups"]
    assert list(group["means"]) == ["policy argmax", "policy sampled", "policy search", "greedy"]
    assert list(group["differences"]["policy search"]) == ["greedy"]


def test_evaluate__searches_with_the_heuristics_alone(tmp_path: Path, exit_code: Callable[..., object]) -> None:
    scores = tmp_path / "scores.json"

    words = ("--scenario", str(SMALL), "--search", "ms=5", "--policy", "greedy", "--episodes", "1")
    assert exit_code("evaluate", *words, "--json", str(scores)) == 0

    (group,) = json.loads(scores.read_text())["groups"]
    assert list(group["means"]) == ["search", "greedy"]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--search", "plans=0"), "error: --search: plans=0 is not between 1 and 100000; write plans=64 or ms=500"),
        (("--search", " "), "error: --search: is empty; give it a value, or omit it"),
        (("--objective", "time=1"), "error: --objective: weighs what a search finds, but there is none; add --search"),
        (("--search", "plans=1", "--objective", "x=1"), "error: --objective: x is no term of this task; choose from"),
    ],
)
def test_evaluate__refuses_a_search_that_cannot_be(
    words: tuple[str, ...], line: str, capsys: pytest.CaptureFixture[str], exit_code: Callable[..., object]
) -> None:
    assert exit_code("evaluate", *words) == 2
    assert capsys.readouterr().err.startswith(line)


def test_evaluate__scores_heuristics_on_a_scenario_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], exit_code: Callable[..., object]
) -> None:
    scores = tmp_path / "scores.json"

    code = exit_code(
        "evaluate", "--scenario", str(SMALL), "--policy", "greedy", "--episodes", "1", "--json", str(scores)
    )

    assert code == 0
    assert "small.yaml" in capsys.readouterr().out
    (group,) = json.loads(scores.read_text())["groups"]
    assert group["means"]["greedy"]["satisfied_rate"]["mean"] == 1.0


def test_evaluate__prints_all_metrics_where_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], exit_code: Callable[..., object]
) -> None:
    short, whole = tmp_path / "short.json", tmp_path / "whole.json"
    words = ("evaluate", "--policy", "greedy", "--policy", "random", "--episodes", "2", "--json")

    assert exit_code(*words, str(short)) == 0
    summary = capsys.readouterr().out
    assert exit_code(*words, str(whole), "--all") == 0
    everything = capsys.readouterr().out

    assert everything.startswith(summary)
    assert "wasted/UAV" in everything
    assert "wasted/UAV" not in summary
    assert short.read_bytes() == whole.read_bytes()


def test_evaluate__pools_several_scenario_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], exit_code: Callable[..., object]
) -> None:
    """Random play draws, and plays each file several times; greedy plays it once."""
    scores, trace, other = tmp_path / "scores.json", tmp_path / "trace.jsonl", SMALL.with_name("balanced.yaml")
    files = ("--scenario", str(SMALL), "--scenario", str(other))
    options = ("--policy", "greedy", "--policy", "random", "--episodes", "3", "--all")

    assert exit_code("evaluate", *files, *options, "--json", str(scores), "--trace", str(trace)) == 0

    lines = capsys.readouterr().out.splitlines()
    assert "2 scenario files, each of which counts once" in lines
    assert sum(line.startswith("NCS ") for line in lines) == 2  # means and differences over both files
    assert [line.split()[0] for line in lines if ".yaml" in line] == ["small.yaml", "balanced.yaml"]
    assert any(line.startswith("Means of 2 scenarios, best first") for line in lines)
    data = json.loads(scores.read_text())
    of_files = [group["means"]["greedy"]["satisfied_rate"] for group in data["groups"]]
    pooled = data["pooled"]["means"]["greedy"]["satisfied_rate"]
    assert data["pooled"]["num_scenarios"] == 2
    assert pooled["mean"] == pytest.approx(sum(each["mean"] for each in of_files) / 2)
    assert (of_files[0]["low"], pooled["low"]) == (None, pytest.approx(min(each["mean"] for each in of_files)))
    assert [json.loads(line)["policy"] for line in trace.read_text().splitlines()] == ["greedy", *["random"] * 3] * 2


def test_evaluate__the_same_seed_scores_the_same(tmp_path: Path, exit_code: Callable[..., object]) -> None:
    files = [tmp_path / "a.json", tmp_path / "b.json"]
    for file in files:
        exit_code("evaluate", "--policy", "random", "--episodes", "5", "--seed", "3", "--json", str(file))

    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--policy", "gredy"),
            "gredy is not a heuristic of task allocate; did you mean greedy? Or choose from random, greedy",
        ),
        (("--policy", "greedy", "--policy", "greedy"), "greedy is named twice; name each policy once"),
        (("--json", "no-such-folder/scores.json"), "lies in a folder that does not exist; make the folder first"),
        (("--trace", "tests"), "tests: is a folder; name a file"),
        (("--episodes", "0"), "--episodes"),
        (("--preset", "quick_demmo"), "quick_demo"),
        (("--preset", ""), "is no path: it is empty; name a file or folder"),
        (("--json", "same.json", "--trace", "same.json"), "same.json: is also read, or written by another option"),
        (("--scenario", str(SMALL), "--json", str(SMALL)), "small.yaml: is also read, or written by another option"),
        (("no-such-run",), "does not exist; name a run folder or a checkpoint folder"),
        (("tests",), "holds no checkpoint; name a run or checkpoint folder"),
        (("--scenario", "no-such-file.yaml"), "no-such-file.yaml"),
    ],
)
def test_evaluate__refuses_bad_arguments(
    arguments: tuple[str, ...], message: str, error_line: Callable[..., str]
) -> None:
    line = error_line("evaluate", *arguments)

    assert line.startswith("error: ")
    assert message in line


@pytest.mark.slow
def test_evaluate__climbs_the_ladder(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], exit_code: Callable[..., object]
) -> None:
    scores, plot = tmp_path / "ladder.json", tmp_path / "ladder.png"

    assert exit_code("evaluate", str(run), "--ladder", "2,4", "--json", str(scores), "--plot", str(plot)) == 0

    printed = capsys.readouterr().out
    assert "NCS at constant density, trained on up to 3 UAVs" in printed
    assert max(map(len, printed.splitlines())) <= 100
    ladders = json.loads(scores.read_text())["ladders"]
    assert [[rung["num_uavs"] for rung in ladder["rungs"]] for ladder in ladders] == [[2, 3, 4]] * 2
    assert plot.read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_evaluate__climbs_the_ladder_with_several_seeds(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], exit_code: Callable[..., object]
) -> None:
    shutil.copytree(run, tmp_path / "again")
    plot = tmp_path / "ladder.svg"

    assert exit_code("evaluate", str(run), str(tmp_path / "again"), "--ladder", "4", "--plot", str(plot)) == 0

    printed = capsys.readouterr().out
    assert "trained on up to 3 UAVs, mean of 2 networks" in printed
    assert "1.00-1.00" in printed
    assert max(map(len, printed.splitlines())) <= 100


@pytest.mark.slow
def test_evaluate__refuses_a_ladder_of_unlike_runs(
    run: Path, tmp_path: Path, exit_code: Callable[..., object], error_line: Callable[..., str]
) -> None:
    settings = ["engine=local", "training.iterations=1", "sampling.worlds_per_runner=16"]
    assert exit_code("train", "debug", *settings, "--out", str(tmp_path / "other")) == 0

    line = error_line("evaluate", str(run), str(tmp_path / "other"), "--ladder", "4")

    assert f"{tmp_path / 'other'}: has another generator than {run}; take networks that were trained alike" in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--ladder", "2,x"), "--ladder: got 'x'; write numbers from 1 to 4096"),
        (
            ("--ladder", "2", "--policy", "greedy"),
            "--ladder: takes CHECKPOINTs, --seed, --json and --plot, and nothing",
        ),
        (("--plot", "ladder.png"), "--ladder: takes CHECKPOINTs"),
        (("--ladder", "2", "--plot", "ladder.txt"), "ladder.txt: is no name of a plot; name it *.png"),
        (("--ladder", "2", "--plot", "a.svg", "--json", "a.svg"), "a.svg: is also read, or written by another option"),
    ],
)
def test_evaluate__refuses_a_faulty_ladder(
    arguments: tuple[str, ...], message: str, run: Path, error_line: Callable[..., str]
) -> None:
    assert message in error_line("evaluate", str(run), *arguments)


def test_evaluate__climbs_with_a_checkpoint_only(error_line: Callable[..., str]) -> None:
    assert "--ladder: takes CHECKPOINTs" in error_line("evaluate", "--ladder", "8")


@pytest.mark.parametrize("name", ["model.safetensors", "worlds.npz", "state.json", "config.yaml", "manifest.json"])
@pytest.mark.parametrize("damage", ["truncated", "flipped"])
def test_evaluate__names_the_damaged_file_and_offers_the_older_checkpoint(
    run: Path, tmp_path: Path, name: str, damage: str, error_line: Callable[..., str]
) -> None:
    checkpoints = tmp_path / "checkpoints"
    for folder in sorted((run / "checkpoints").iterdir()):
        (checkpoints / folder.name).mkdir(parents=True)
        for file in folder.iterdir():
            (checkpoints / folder.name / file.name).write_bytes(file.read_bytes())
    path = checkpoints / "checkpoint-000002" / name
    content = bytearray(path.read_bytes())
    if damage == "truncated":
        del content[-1]
    else:
        content[len(content) // 2] ^= 1
    path.write_bytes(content)

    line = error_line("evaluate", str(checkpoints / "checkpoint-000002"))

    assert f"checkpoint-000002/{name}" in line
    assert line.endswith(f"use {checkpoints / 'checkpoint-000001'}")


def _without_uavs(scenario: dict[str, Any]) -> None:
    scenario["uavs"] = []


def _uav_in_obstacle(scenario: dict[str, Any]) -> None:
    center = scenario["uavs"][0]["position_m"]
    scenario["obstacles"] = [{"kind": "circle", "center_m": center, "radius_m": 50}]


def _negative_resource(scenario: dict[str, Any]) -> None:
    scenario["uavs"][0]["resources"][0] = -1


def _wrong_length(scenario: dict[str, Any]) -> None:
    scenario["uavs"][0]["resources"].append(1)


def _duplicate_id(scenario: dict[str, Any]) -> None:
    scenario["uavs"][1]["id"] = scenario["uavs"][0]["id"]


def _other_kinds(scenario: dict[str, Any]) -> None:
    for entity, field in ((scenario["uavs"], "resources"), (scenario["targets"], "demand")):
        for item in entity:
            item[field] = [1, 1, 1]


@pytest.mark.parametrize(
    ("fault", "place"),
    [
        (_without_uavs, "uavs"),
        (_uav_in_obstacle, "uavs"),
        (_negative_resource, "resources"),
        (_wrong_length, "resources"),
        (_duplicate_id, "id"),
        (_other_kinds, "resource kinds"),
    ],
)
def test_evaluate__refuses_a_faulty_scenario(
    fault: Callable[[dict[str, Any]], None], place: str, run: Path, tmp_path: Path, error_line: Callable[..., str]
) -> None:
    scenario = yaml.safe_load(SMALL.read_text())
    fault(scenario)
    path, scores = tmp_path / "faulty.yaml", tmp_path / "scores.json"
    path.write_text(yaml.safe_dump(scenario))

    line = error_line("evaluate", str(run), "--scenario", str(path), "--json", str(scores))

    assert line.startswith("error: ")
    assert "faulty.yaml" in line
    assert place in line
    assert "; " in line
    assert not scores.exists()


MINE = """
import numpy as np

class Waiting:
    name, is_deterministic = "waiting", True

    def act(self, worlds, observation):
        return np.zeros(observation.decides.shape, dtype=np.int16)

class Failing(Waiting):
    name = "failing"

    def act(self, worlds, observation):
        return observation.no_such_field
"""


@pytest.fixture
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An own folder with `own_policies.py`, and with `broken_policies.py`, which raises when it is imported."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "own_policies.py").write_text(MINE, encoding="utf-8")
    (tmp_path / "broken_policies.py").write_text("half = 1 / 0\n", encoding="utf-8")
    yield tmp_path
    sys.modules.pop("own_policies", None)


def test_evaluate__plays_a_heuristic_of_the_working_folder(
    working_folder: Path, exit_code: Callable[..., object]
) -> None:
    words = ("--policy", "own_policies:Waiting", "--policy", "greedy", "--episodes", "2", "--json", "scores.json")

    assert exit_code("evaluate", *words) == 0

    (group,) = json.loads((working_folder / "scores.json").read_text())["groups"]
    assert group["means"]["waiting"]["satisfied_rate"]["mean"] == 0.0
    assert list(group["differences"]) == ["waiting"]


@pytest.mark.parametrize(
    ("policy", "traced", "line"),
    [
        ("broken_policies:Any", "half = 1 / 0", "broken_policies: ZeroDivisionError: division by zero"),
        ("own_policies:Failing", "observation.no_such_field", "own_policies: AttributeError: 'Observation' object"),
    ],
)
def test_evaluate__shows_the_traceback_of_a_users_module(
    policy: str,
    traced: str,
    line: str,
    working_folder: Path,
    exit_code: Callable[..., object],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert exit_code("evaluate", "--policy", policy, "--episodes", "1") == 1

    first, *others, last = capsys.readouterr().err.splitlines()
    assert first == "Traceback (most recent call last):"
    assert f'File "{working_folder}' in others[0]
    assert traced in others[1]
    assert line in last
    assert last.endswith("the lines above show where it was raised")
