"""Studies on a real Ray: what is searched is trained, what was finished is not repeated, who is behind is replaced."""

import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ray._private.state import actors

from rl_cluster.config.load import load_config, to_yaml
from rl_cluster.config.schema import Config
from rl_cluster.tune.entry import Entry
from rl_cluster.tune.journal import read_entries
from rl_cluster.tune.result import StudyResult
from rl_cluster.tune.search import make_search
from rl_cluster.tune.search_space import study_of
from rl_cluster.tune.study import run_study
from rl_cluster.tune.study_folder import begin_study, find_study
from rl_cluster.tune.trial import StudyTrial

TINY = [
    "generator.num_uavs=[2, 3]",
    "generator.num_targets=[2, 3]",
    "model.width=8",
    "sampling.worlds_per_runner=2",
    "sampling.fragment_steps=4",
    "ppo.minibatch_rows=4",
    "training.iterations=8",
    "training.evaluate_every=2",
    "training.evaluation_episodes=4",
    "study.num_trials=4",
    "study.num_seeds=2",
    "study.num_test_seeds=2",
    "study.grace_rounds=1",
    "study.cpus_per_trial=0.5",
]


def _config(*overrides: str) -> Config:
    return load_config("tune_demo", [*TINY, *overrides])


class _Stop:
    """Asks a study to stop once a trial has ended, as Ctrl-C would."""

    def __init__(self) -> None:
        self.told: list[Entry] = []

    def report(self, trial: Entry) -> None:
        self.told.append(trial)

    def is_set(self) -> bool:
        return bool(self.told)


@pytest.mark.usefixtures("cluster")
def test_study_that_is_stopped_and_moved__goes_on_where_each_trial_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = _config("study.search=random", "study.scheduler=none", "study.num_trials=3", "study.num_test_seeds=1")
    first, moved = begin_study(config, Path("with spaces") / "first"), tmp_path / "ünd" / "#moved %20"
    stop = _Stop()

    part = run_study(config, Path("with spaces") / "first", stop.report, stop.is_set)

    assert not part.is_whole
    assert not (first / "best.yaml").exists()
    before = read_entries(first / "trials.jsonl", config)
    ended = [entry.trial for entry in before if entry.status == "ended"]
    assert ended
    assert set(ended) == {entry.trial for entry in stop.told}
    moved.parent.mkdir()
    first.rename(moved)
    for pickle in moved.rglob("*.pkl"):
        pickle.write_bytes(b"never read")
    told: list[Entry] = []

    result = run_study(find_study(moved, config), moved, told.append)

    entries = read_entries(moved / "trials.jsonl", config)
    assert entries[: len(before)] == before
    rounds = [(entry.trial, entry.rounds) for entry in entries if entry.status == "trains"]
    assert len(rounds) == len(set(rounds)), "a round was trained twice"
    assert {entry.trial for entry in told} == {"00000", "00001", "00002", "test-given", result.tests[1].trial} - set(
        ended
    )
    assert result.is_whole
    assert not result.failed
    assert [trial.rounds for trial in result.trials] == [4, 4, 4]
    search = make_search(study_of(config), config.seed)
    assert {trial.trial: trial.sample for trial in result.trials} == {
        name: pytest.approx(search.ask(int(name))) for name in ("00000", "00001", "00002")
    }
    _check_end(config, moved, result)
    assert not first.exists()
    # the score of a trial that was stopped in between is that of one that was not
    last = next(trial for trial in result.trials if trial.trial not in ended)
    settings = {"run": to_yaml(config), "study": "alone", "seeds": [100, 101], "resumed": {}}
    alone = StudyTrial({**settings, "trials": str(tmp_path / "alone"), **last.sample})
    assert [alone.step()["score"] for _ in range(4)][-1] == last.score
    alone.stop()


DISTRIBUTED = [
    "study.engine=ray", "study.search=random", "study.scheduler=none", "study.num_trials=2", "study.num_test_seeds=0",
    "study.cpus_per_trial=0.1", "sampling.num_env_runners=2", "sampling.cpus_per_runner=0.1",
    "learners.num_learners=1", "learners.cpus_per_learner=0.1", "training.iterations=4",
]  # fmt: skip


@pytest.mark.usefixtures("cluster")
def test_trials_with_actors_of_their_own__score_as_one_process_does_and_go_on(tmp_path: Path) -> None:
    config, folder = _config(*DISTRIBUTED), tmp_path / "study"
    begin_study(config, folder)
    stop = _Stop()

    part = run_study(config, folder, stop.report, stop.is_set)
    result = run_study(config, folder, lambda entry: None)

    assert any(entry.status == "ended" for entry in part.trials)
    assert result.is_whole
    assert [(trial.status, trial.rounds) for trial in result.trials] == [("ended", 2), ("ended", 2)]
    for trial in result.trials:  # the same sample, trained in a process
        settings = {"run": to_yaml(_config(*DISTRIBUTED, "study.engine=local", "learners.num_learners=0"))}
        shared = {**settings, "study": "alone", "seeds": [100, 101], "trials": str(tmp_path / "alone"), "resumed": {}}
        alone = StudyTrial({**shared, **trial.sample})
        rounds = [alone.step() for _ in range(2)]
        alone.stop()
        assert [rounds[-1][f"score_seed_{seed}"] for seed in (100, 101)] == pytest.approx(
            [trial.scores["100"], trial.scores["101"]], abs=1e-5
        )
        for seed in ("100", "101"):
            assert list((folder / "trials" / trial.trial / seed / "tensorboard").iterdir())
    _wait_for_no_actors()


def _wait_for_no_actors() -> None:
    """Ray ends the actors of a trial with the trial; it needs a moment."""
    deadline_s = time.monotonic() + 30.0
    pending = threading.Event()
    while alive := [one for one in actors().values() if one["State"] == "ALIVE"]:
        assert time.monotonic() < deadline_s, alive
        pending.wait(0.2)


@pytest.mark.long
@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize("search", ["random", "pbt", "tpe", "gp", "pb2"])
def test_study__ends_with_the_best_settings(search: str, tmp_path: Path) -> None:
    scheduler = "asha" if search == "random" else "none"
    config, folder = _config(f"study.search={search}", f"study.scheduler={scheduler}"), tmp_path / "study"
    begin_study(config, folder)
    told: list[Entry] = []

    result = run_study(config, folder, told.append)

    assert len(result.trials) == 4
    assert len(told) == 4 + 2
    _check_end(config, folder, result)


def _check_end(config: Config, folder: Path, result: StudyResult) -> None:
    study = study_of(config)
    standings = [(trial.rounds, trial.score or 0.0) for trial in result.trials]
    assert standings == sorted(standings, reverse=True)
    assert {one.key for one in study.space} == set(result.trials[0].sample)
    given, best = result.tests
    assert given.sample == {}
    assert best.sample == pytest.approx(result.trials[0].sample)
    # test seeds chose nothing: trials had others
    assert set(result.trials[0].scores) == {str(seed) for seed in study.seeds}
    assert set(best.scores) == {str(seed) for seed in study.test_seeds}
    written = load_config(str(folder / "best.yaml"))
    assert written == result.recommended
    assert written.study is None
    chosen = config.ppo.clip if result.is_given_as_good else best.sample["ppo.clip"]
    assert written.ppo.clip == pytest.approx(chosen)
    curves = list(folder.glob("search*/*/events.out.tfevents.*"))
    assert len(curves) >= study.num_trials
    for trial in {file.parent for file in curves}:  # TensorBoard's page HParams reads the searched values from there
        content = b"".join(file.read_bytes() for file in curves if file.parent == trial)
        assert all(name in content for name in (b"_hparams_/session_start_info", b"ppo.clip", b"ray/tune/score"))


CLASHING = (
    "study.space=[{key: world.capture_radius_m, low: 61, high: 100, log: false}, "
    "{key: world.max_turn_rate_radps, low: 0.181, high: 0.3, log: false}]"
)
"""Each is allowed by itself; a small radius and a small rate together are not."""


@pytest.mark.long
@pytest.mark.usefixtures("cluster")
def test_trial_that_fails__is_named_and_tried_again(tmp_path: Path) -> None:
    config = _config(CLASHING, "study.search=random", "study.scheduler=none", "study.num_test_seeds=0")
    begin_study(config, tmp_path / "study")
    told: list[Entry] = []

    result = run_study(config, tmp_path / "study", told.append)

    assert {entry.status for entry in told} == {"ended", "failed"}
    assert result.is_whole
    assert 0 < len(result.failed) < 4
    assert {entry.rounds for entry in result.failed} == {0}
    assert result.trials[-1].status == "failed"
    told.clear()
    again = run_study(config, tmp_path / "study", told.append)
    assert {entry.trial for entry in told} == {entry.trial for entry in result.failed}
    assert again.trials[0] == result.trials[0]


def _curriculum(tiny_overrides: list[str], pass_score: float) -> Config:
    """Two stages, which anything passes, or nothing."""
    stage = {"num_obstacles": [0, 0], "pass_score": pass_score, "mix": [1.0, 0.0]}
    stages = [
        {**stage, "num_uavs": [2, 2], "num_targets": [2, 2]},
        {**stage, "num_uavs": [3, 3], "num_targets": [3, 3]},
    ]
    curriculum = {
        "pace": "aggressive", "metric": "satisfied_rate", "num_passes": 1, "grace": 1, "patience": 9,
        "fallback_share": 0.6, "num_failures": 3, "max_fallbacks": 2, "lr_decay": 0.5, "floor_share": None,
        "stages": stages,
    }  # fmt: skip
    return _config(
        "study.scheduler=stages", "study.search=random", "study.metric=curriculum/score", "study.num_test_seeds=0",
        f"curriculum={json.dumps(curriculum)}", *tiny_overrides,
    )  # fmt: skip


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize("exploit", [pytest.param(False, marks=pytest.mark.long), True])
def test_stages__compare_trials_at_equal_stages_and_replace_who_is_behind(
    exploit: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "rl_cluster.tune.schedulers")
    config = _curriculum([f"study.exploit={str(exploit).lower()}", "study.num_trials=6"], pass_score=0.05)
    begin_study(config, tmp_path / "study")

    result = run_study(config, tmp_path / "study", lambda trial: None)

    rounds = [trial.rounds for trial in result.trials]
    assert max(rounds) == 4
    assert {trial.stage for trial in result.trials} <= {1.0, 2.0}
    assert re.search(r"behind others after \d rounds of stage \d", caplog.text)
    # who is behind goes on with another's weights, or stops before its time
    assert ("goes on from trial" in caplog.text) == exploit
    assert exploit or min(rounds) < 4


KILLED = [
    "study.num_trials=6", "study.max_concurrent=2", "study.num_test_seeds=0", "study.search=random",
    "study.scheduler=none", "training.iterations=200", "training.evaluate_every=20",
]  # fmt: skip


def _ended(folder: Path) -> list[str]:
    """Trials that have come to their end."""
    if not (folder / "trials.jsonl").exists():
        return []
    lines = [line for line in (folder / "trials.jsonl").read_text().splitlines(keepends=True) if line.endswith("\n")]
    return [entry["trial"] for entry in map(json.loads, lines) if entry.get("status") == "ended"]


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_study_that_is_ended_by_a_signal__goes_on_without_repeating_anything(number: int, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    config = load_config("tune_demo", [*TINY, *KILLED])
    arguments = [sys.executable, "-m", "rl_cluster", "tune"]
    environment = {**os.environ, "RAY_ADDRESS": "local"}
    process = subprocess.Popen(
        [*arguments, "tune_demo", *TINY, *KILLED, "--out", str(folder)],
        env=environment, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        _wait(lambda: len(_ended(folder)) >= 2, process)
        os.kill(process.pid, number)
        printed, said = process.communicate(timeout=120)
    before = _ended(folder)
    assert 2 <= len(before) < 6
    assert "recommended" not in printed
    if number != signal.SIGKILL:
        assert process.returncode == 128 + number
        name = signal.Signals(number).name
        assert said.splitlines()[-1] == f"error: tune: stopped by {name}; go on with rl-cluster tune --resume {folder}"
        known = {entry.trial: entry for entry in read_entries(folder / "trials.jsonl", config)}
        for trial, entry in known.items():
            saved = sorted(path.name for path in (folder / "trials" / trial / "100").glob("checkpoint-*"))
            assert saved[-1:] == ([f"checkpoint-{20 * entry.rounds:06d}"] if entry.rounds else [])

    done = subprocess.run(
        [*arguments, "--resume", str(folder)], env=environment, capture_output=True, text=True, check=True, timeout=300
    )

    after = _ended(folder)
    assert after[: len(before)] == before
    assert sorted(after) == [f"{number:05d}" for number in range(6)]
    assert "6 trials, best first" in done.stdout
    assert (folder / "parallel_coordinates.png").stat().st_size > 1000
    trials = {one["trial"]: one["sample"] for one in json.loads((folder / "trials.json").read_text())["trials"]}
    search = make_search(study_of(config), config.seed)
    assert trials == {name: pytest.approx(search.ask(int(name))) for name in sorted(after)}


@pytest.mark.usefixtures("cluster")
def test_trial_that_no_node_can_hold__is_refused_before_anything_is_written(
    tmp_path: Path, error_line: Callable[..., str]
) -> None:
    line = error_line("tune", "tune_demo", "study.cpus_per_trial=1000", "--out", str(tmp_path / "study"))
    assert line.startswith("error: study.cpus_per_trial=1000: no node has more than 2 CPUs; lower it, or add")
    assert not (tmp_path / "study").exists()


def _wait(is_so: Callable[[], bool], process: "subprocess.Popen[Any]") -> None:
    deadline_s = time.monotonic() + 240.0
    while not is_so():
        assert process.poll() is None, "the study ended by itself"
        assert time.monotonic() < deadline_s
        try:
            process.wait(0.2)
        except subprocess.TimeoutExpired:
            continue
