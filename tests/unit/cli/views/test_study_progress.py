"""How far a study is: every trial and test counts once, and the time left follows from the pace so far."""

from rl_cluster.cli.views.study_progress import StudyProgress
from rl_cluster.config.load import load_config
from rl_cluster.tune.entry import Entry


def _entry(trial: str) -> Entry:
    return Entry(
        trial=trial, status="ended", sample={"ppo.clip": 0.25}, rounds=4, scores={"100": 0.5},
        stage=1.0, stage_rounds=0, held=0.0, diverged=0.0,
    )  # fmt: skip


def test_progress__says_n_of_all_and_the_time_left() -> None:
    config = load_config("tune_demo", ["study.num_trials=6", "study.num_test_seeds=2", "study.max_concurrent=2"])
    progress = StudyProgress(config, set(), 2, begin_s=100.0)

    assert progress.extent() == "6 trials, 2 at a time, then 2 tests"
    assert progress.line(_entry("00000"), now_s=160.0) == (
        "1 of 8  left 7:00  trial 00000  score 0.500  rounds 4  clip 0.25"
    )
    assert progress.line(_entry("00001"), now_s=170.0).startswith("2 of 8  left 3:30  trial 00001")
    assert progress.line(_entry("00001"), now_s=190.0).startswith("2 of 8  left 3:00  ")  # it failed before


def test_progress__of_a_study_that_goes_on_counts_what_has_ended_before() -> None:
    config = load_config("tune_demo", ["study.num_trials=4", "study.num_test_seeds=0"])
    progress = StudyProgress(config, {"00000", "00001"}, 2, begin_s=0.0)

    assert progress.extent() == "4 trials, 2 at a time; 2 have ended before"
    assert progress.line(_entry("00002"), now_s=60.0).startswith("3 of 4  left 1:00  ")
    assert progress.line(_entry("00003"), now_s=70.0).startswith("4 of 4  left 0:00  ")
