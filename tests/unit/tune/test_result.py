"""What a study recommends: by seeds that chose nothing, and never by a trial that died."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rl_cluster.config.schema import Config
from rl_cluster.tune.entry import Entry
from rl_cluster.tune.report import failures, save_json, study_tables, test_table, trial_words
from rl_cluster.tune.result import StudyResult, in_order


@pytest.fixture
def result(study_config: Callable[..., Config], entry: Callable[..., Entry]) -> Callable[..., StudyResult]:
    """Of a study whose tests score so much."""

    def make(given: float, best: float, status: str = "ended") -> StudyResult:
        tests = (
            entry((given, given), trial="test-given", sample={}),
            entry((best, best), trial="test-00001", status=status),
        )
        trials = in_order([entry((0.9, 0.9), rounds=2, status="failed"), entry(trial="00001")])
        return StudyResult(study_config(), Path("study"), trials, tests, True)

    return make


@pytest.mark.parametrize(("given", "best", "is_given"), [(0.5, 0.6, False), (0.6, 0.5, True), (0.5, 0.5, True)])
def test_recommended__are_the_given_settings_unless_test_seeds_say_that_the_trial_is_better(
    given: float, best: float, is_given: bool, result: Callable[..., StudyResult]
) -> None:
    one = result(given, best)
    assert one.has_winner
    assert one.is_given_as_good is is_given
    assert one.recommended.ppo.clip == (one.config.ppo.clip if is_given else one.trials[0].sample["ppo.clip"])
    assert one.recommended.study is None
    names = list(test_table(one).columns[0].cells)
    assert names == (["as given, recommended", "best trial"] if is_given else ["as given", "best trial, recommended"])


def test_trial_that_failed__is_named_and_never_scored(
    result: Callable[..., StudyResult], entry: Callable[..., Entry], tmp_path: Path
) -> None:
    one = result(0.5, 0.6)
    assert [trial.trial for trial in one.trials] == ["00001", "00000"]
    (table,) = study_tables(one)
    assert list(map(str, table.columns[1].cells)) == ["0.500", "failed"]
    words = failures(one)
    assert words
    assert "1 of 4 trials failed (00000)" in words
    assert "score failed" in trial_words(entry(status="failed"))
    save_json(one, tmp_path / "trials.json")
    saved: dict[str, Any] = json.loads((tmp_path / "trials.json").read_text())
    assert [trial["score"] for trial in saved["trials"]] == [0.5, None]
    assert saved["trials"][1]["status"] == "failed"


def test_nothing__is_recommended_by_what_failed_or_is_not_whole(result: Callable[..., StudyResult]) -> None:
    one = result(0.5, 0.6, status="failed")
    assert not one.has_winner
    assert not one.is_given_as_good
    for update in ({"is_whole": False}, {"trials": one.trials[1:]}, {"trials": ()}):
        fields = {name: getattr(result(0.5, 0.6), name) for name in ("config", "folder", "trials", "tests", "is_whole")}
        assert not StudyResult(**{**fields, **update}).has_winner
