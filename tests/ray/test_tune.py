"""Studies on a real Ray: what is searched is trained, what was finished is not repeated, who is behind is replaced."""

import json
import logging
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ray import tune

from rl_cluster.config.load import load_config, to_yaml
from rl_cluster.config.schema import Config
from rl_cluster.errors import CheckpointError, ConfigError
from rl_cluster.training.engine import LocalEngine
from rl_cluster.training.run import Run
from rl_cluster.tune.search_space import apply_sample, sampled, study_of, tune_space
from rl_cluster.tune.study import TrialResult, run_study
from rl_cluster.tune.study_folder import begin_study, check_study, find_study
from rl_cluster.tune.trial import StudyTrial, objective, trial_config

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


def test_space__is_sampled_within_its_ranges_and_applied() -> None:
    for search in ("random", "pb2"):
        config = _config(f"study.search={search}", *(["study.scheduler=none"] if search == "pb2" else []))
        space, dimensions = tune_space(config), study_of(config).space
        for _ in range(100):
            sample = sampled({key: distribution.sample() for key, distribution in space.items()})
            assert all(one.low <= sample[one.key] * (1 + 1e-9) for one in dimensions)
            assert all(sample[one.key] <= one.high * (1 + 1e-9) for one in dimensions)

    applied = apply_sample(config, {"ppo.lr": 1e-2, "ppo.clip": 0.15, "ppo.num_epochs": 4.6})
    # pairs are scaled as a whole, whole numbers rounded
    assert applied.ppo.lr == pytest.approx((1e-2, 5e-4))
    assert (applied.ppo.clip, applied.ppo.num_epochs) == (0.15, 5)


def test_objective__is_the_mean_less_half_the_deviation() -> None:
    assert objective([0.5]) == 0.5
    assert objective([0.4, 0.6]) == pytest.approx(0.5 - 0.5 * 0.1414214)
    assert objective([0.4, float("nan")]) == objective([0.4, 0.0])


def test_trial__is_its_runs_and_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    config = _config()
    text = to_yaml(config)
    settings = {"run": text, "seeds": [5, 6], "ppo.lr": 3e-3}
    trial = StudyTrial(settings)
    rounds = [trial.step() for _ in range(2)]
    trial.save_checkpoint(str(tmp_path))
    rounds += [trial.step() for _ in range(2)]

    expected = []
    for seed in (5, 6):
        one = trial_config(text, {"ppo.lr": 3e-3}, seed)
        run = Run(LocalEngine(one), one, None)
        records = [run.iterate() for _ in range(8)]
        expected.append(records[-1].metrics["evaluation/normalized_completion_score"])
    assert [rounds[-1]["score_seed_5"], rounds[-1]["score_seed_6"]] == expected
    assert rounds[-1]["score"] == objective(expected)
    assert [one["done"] for one in rounds] == [False, False, False, True]

    again = StudyTrial(settings)
    again.load_checkpoint(str(tmp_path))
    assert [again.step()["score"], again.step()["score"]] == [one["score"] for one in rounds[2:]]


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize(
    "search",
    [
        "random",
        pytest.param("pbt", marks=pytest.mark.long),
        pytest.param("tpe", marks=pytest.mark.long),
        pytest.param("gp", marks=pytest.mark.long),
        pytest.param("pb2", marks=pytest.mark.long),
    ],
)
def test_study__ends_with_the_best_settings(search: str, tmp_path: Path) -> None:
    scheduler = "asha" if search == "random" else "none"
    config, folder = _config(f"study.search={search}", f"study.scheduler={scheduler}"), tmp_path / "study"
    begin_study(config, folder)
    told: list[TrialResult] = []

    result = run_study(config, folder, told.append)

    assert len(result.trials) == 4
    standings = [(trial.rounds, trial.score or 0.0) for trial in result.trials]
    assert standings == sorted(standings, reverse=True)
    assert {one.key for one in study_of(config).space} == set(result.trials[0].sample)
    assert len(told) == 4 + 2
    given, best = result.tests
    assert given.sample == {}
    assert best.sample == pytest.approx(result.trials[0].sample)
    # 102 and 103 chose nothing: trials had 100 and 101
    assert set(result.trials[0].scores) == {"100", "101"}
    assert set(best.scores) == {"102", "103"}
    written = load_config(str(folder / "best.yaml"))
    assert written == result.best
    assert written.study is None
    assert written.ppo.clip == pytest.approx(best.sample["ppo.clip"])
    curves = list((folder / "search").glob("*/events.out.tfevents.*"))
    assert len(curves) == 4
    for file in curves:  # TensorBoard's page HParams reads the searched values from there
        content = file.read_bytes()
        assert all(name in content for name in (b"_hparams_/session_start_info", b"ppo.clip", b"ray/tune/score"))


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
    stages = [
        json.loads(path.read_text().splitlines()[-1])["curriculum/stage"]
        for path in (tmp_path / "study" / "search").glob("*/result.json")
    ]
    assert set(stages) <= {1, 2}
    assert re.search(r"behind others after \d rounds of stage \d", caplog.text)
    # who is behind goes on with another's weights, or stops before its time
    assert ("goes on from trial" in caplog.text) == exploit
    assert exploit or min(rounds) < 4


KILLED = ["study.num_trials=6", "study.max_concurrent=1", "study.num_test_seeds=0", "training.iterations=200"]


def _ended(folder: Path) -> dict[str, float]:
    """Trials that have come to their end -> when their last round was over."""
    ended = {}
    for path in (folder / "search").glob("*/result.json"):
        lines = path.read_text().splitlines()
        if lines and json.loads(lines[-1])["done"]:
            ended[path.parent.name] = json.loads(lines[-1])["timestamp"]
    return ended


@pytest.mark.long
def test_study_that_is_killed__goes_on_without_repeating_finished_trials(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    arguments = [sys.executable, "-m", "rl_cluster", "tune"]
    settings = [
        "tune_demo",
        *TINY,
        *KILLED,
        "training.evaluate_every=20",
        "study.search=random",
        "study.scheduler=none",
        "--out",
        str(folder),
    ]
    environment = {**os.environ, "RAY_ADDRESS": "local"}
    with subprocess.Popen([*arguments, *settings], env=environment, start_new_session=True) as process:
        _wait(lambda: len(_ended(folder)) >= 3, process)
        os.kill(process.pid, signal.SIGKILL)
        killed_s = time.time()
    before = _ended(folder)
    assert 3 <= len(before) < 6
    # Tune notes once a second how far it is
    noted = {name: written_s for name, written_s in before.items() if written_s < killed_s - 3.0}
    assert len(noted) >= 2

    done = subprocess.run(
        [*arguments, "--resume", str(folder)], env=environment, capture_output=True, text=True, check=True, timeout=300
    )

    after = _ended(folder)
    assert len(after) == 6
    assert all(after[name] == written_s for name, written_s in noted.items())
    assert "6 trials, best first" in done.stdout
    assert (folder / "parallel_coordinates.png").stat().st_size > 1000
    assert len(json.loads((folder / "trials.json").read_text())["trials"]) == 6


def _wait(is_so: Callable[[], bool], process: "subprocess.Popen[Any]") -> None:
    deadline_s = time.monotonic() + 240.0
    while not is_so():
        assert process.poll() is None, "the study ended by itself"
        assert time.monotonic() < deadline_s
        try:
            process.wait(0.2)
        except subprocess.TimeoutExpired:
            continue


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["study.metric=evaluation/ncs"], r"evaluation/ncs is no metric of it; did you mean evaluation/"),
        (["training.evaluate_every=3"], r"evaluate_every=3 does not divide the 8 iterations; trials are scored"),
        (["study.grace_rounds=5"], r"grace_rounds=5 is more than the 4 rounds of a trial; set it to 4 or less"),
        (["study.scheduler=stages"], r"stages needs a curriculum; add one, or set scheduler: asha$"),
        (["study.space=[{key: ppo.lrr, low: 1, high: 2, log: true}]"], r"ppo.lrr: is no setting; did you mean ppo.lr"),
        (["study.space=[{key: name, low: 1, high: 2, log: true}]"], r"name: is no number, and no pair"),
        (["study.space=[{key: ppo.clip, low: 1, high: 2, log: true}]"], r"with ppo.clip=1: ppo.clip: got 1.*below 1$"),
    ],
)  # fmt: skip
def test_study_that_cannot_be__is_refused(overrides: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        begin_study(_config(*overrides), tmp_path / "study")
    assert not (tmp_path / "study").exists()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("study.space=[{key: ppo.lr, low: 0.1, high: 0.1, log: true}]", r"low=0.1 is not below high=0.1; write"),
        ("study.space=[{key: ppo.lr, low: 0, high: 1, log: true}]", r"low=0 has no logarithm; raise it above 0"),
        ("study.space=[]", r"give a list of 1 to 64"),
        ("study.search=pbt", r"search=pbt decides itself who goes on; set scheduler: none$"),
        ("study.exploit=true", r"exploit is for scheduler: stages; set it to false$"),
    ],
)  # fmt: skip
def test_settings_of_a_study_that_cannot_be__are_refused(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        _config(override)


def test_resume__refuses_other_settings_and_folders_that_others_may_write(tmp_path: Path) -> None:
    config, folder = _config(), tmp_path / "study"
    begin_study(config, folder)

    assert find_study(folder, None) == config
    with pytest.raises(ConfigError, match=r"seed=7 is not the run's own seed=0"):
        find_study(folder, _config("seed=7"))
    without = config.model_copy(update={"study": None})
    with pytest.raises(ConfigError, match=r"study=None is not the run's own study=unset"):
        find_study(folder, without)
    with pytest.raises(CheckpointError, match="exists already; go on with --resume"):
        begin_study(config, folder)
    folder.chmod(0o777)
    with pytest.raises(CheckpointError, match=r"may be written by others.*chmod go-w"):
        find_study(folder, None)
    with pytest.raises(CheckpointError, match=r"is no study: it has no study.yaml"):
        find_study(tmp_path, None)
    with pytest.raises(ConfigError, match="study: is null; begin from a preset that has a study, such as tune_demo"):
        check_study(load_config("debug"))
    assert isinstance(tune_space(config)["ppo.lr"], tune.search.sample.Float)
