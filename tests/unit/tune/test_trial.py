"""A trial is its runs, and goes on from its own checkpoints, wherever its study lies."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rl_cluster.config.load import to_yaml
from rl_cluster.config.schema import Config
from rl_cluster.training.local_engine import LocalEngine
from rl_cluster.training.run import Run
from rl_cluster.tune.entry import objective
from rl_cluster.tune.trial import StudyTrial
from rl_cluster.tune.trial_settings import trial_config

pytestmark = pytest.mark.slow

RATE = {"ppo.lr": 3e-3}


def _settings(config: Config, trials: Path, rounds: int = 0) -> dict[str, Any]:
    resumed = {"default": rounds} if rounds else {}  # what Tune calls a trial outside of it
    shared = {"run": to_yaml(config), "study": "first", "seeds": [5, 6], "trials": str(trials), "resumed": resumed}
    return {**shared, **RATE}


def test_trial__is_its_runs(tmp_path: Path, study_config: Callable[..., Config]) -> None:
    config = study_config()
    trial = StudyTrial(_settings(config, tmp_path))
    rounds = [trial.step() for _ in range(4)]

    expected = []
    for seed in (5, 6):
        one = trial_config(to_yaml(config), RATE, seed)
        run = Run(LocalEngine(one), one, None)
        records = [run.iterate() for _ in range(8)]
        expected.append(records[-1].metrics["evaluation/normalized_completion_score"])
    assert [rounds[-1]["score_seed_5"], rounds[-1]["score_seed_6"]] == expected
    assert rounds[-1]["score"] == objective(expected)
    assert [one["done"] for one in rounds] == [False, False, False, True]
    assert [one["rounds"] for one in rounds] == [1, 2, 3, 4]
    assert rounds[0]["sample"] == RATE
    trial.stop()
    for folder in ("5", "6"):
        curves = [file.read_bytes() for file in (tmp_path / "default" / folder / "tensorboard").iterdir()]
        assert [b"learning/policy_loss" in curve for curve in curves] == [True]


def test_trial__goes_on_from_its_last_round_in_a_folder_that_was_moved(
    tmp_path: Path, study_config: Callable[..., Config]
) -> None:
    config = study_config()
    trial = StudyTrial(_settings(config, tmp_path / "old"))
    trial.step()
    (tmp_path / "pointer").mkdir()
    trial.save_checkpoint(str(tmp_path / "pointer"))
    scores = [trial.step()["score"] for _ in range(3)]
    (tmp_path / "old").rename(tmp_path / "new")

    # round 3 and 4 were not told of: they are trained once more
    again = StudyTrial(_settings(config, tmp_path / "new", rounds=2))
    assert [again.step()["score"] for _ in range(2)] == scores[1:]
    # a damaged checkpoint of one seed: both go back by a round
    damaged = tmp_path / "new" / "default" / "6" / "checkpoint-000004" / "model.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    again = StudyTrial(_settings(config, tmp_path / "new", rounds=2))
    assert [again.step()["score"] for _ in range(3)] == scores
    # what Tune has kept within one process
    again.load_checkpoint(str(tmp_path / "pointer"))
    assert [again.step()["score"] for _ in range(3)] == scores
    # all rounds are done, and it was not noted that it has ended: the last one is done once more
    again = StudyTrial(_settings(config, tmp_path / "new", rounds=4))
    last = again.step()
    assert (last["score"], last["rounds"], last["done"]) == (scores[-1], 4, True)
    # no checkpoint is left: it begins anew
    shutil.rmtree(tmp_path / "new" / "default")
    again = StudyTrial(_settings(config, tmp_path / "new", rounds=2))
    assert again.step()["rounds"] == 1


def test_checkpoint_of_other_settings__is_passed_over(
    tmp_path: Path, study_config: Callable[..., Config], caplog: pytest.LogCaptureFixture
) -> None:
    StudyTrial(_settings(study_config("sampling.worlds_per_runner=4"), tmp_path)).step()
    trial = StudyTrial(_settings(study_config(), tmp_path, rounds=1))
    assert trial.step()["rounds"] == 1
    assert "it is of other settings than the trial's; use one of the same study" in caplog.text


def test_trial_whose_checkpoints_cannot_be_written__goes_on(
    tmp_path: Path, study_config: Callable[..., Config], caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "default").write_text("in the way")
    trial = StudyTrial(_settings(study_config(), tmp_path))
    assert [trial.step()["rounds"] for _ in range(2)] == [1, 2]
    assert "cannot be made: " in caplog.text
