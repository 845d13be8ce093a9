"""A trial's entry comes back as it was, and nothing else is taken for one of the study."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from rl_cluster.config.schema import Config
from rl_cluster.errors import CheckpointError
from rl_cluster.tune.entry import Entry, check_entry, format_entry, objective, parse_entry, within_ranges
from rl_cluster.tune.search_space import study_of


def test_objective__is_the_mean_less_half_the_deviation() -> None:
    assert objective([0.5]) == 0.5
    assert objective([0.4, 0.6]) == pytest.approx(0.5 - 0.5 * 0.1414214)
    for nothing in (float("nan"), float("inf"), 1e300, None):
        assert objective([0.4, nothing]) == objective([0.4, 0.0])


def test_entry__comes_back_as_it_was(entry: Callable[..., Entry], study_config: Callable[..., Config]) -> None:
    for one in (entry(), entry((None, 0.25)), entry((), rounds=0), entry(trial="test-given", sample={})):
        line = format_entry(one).decode()
        assert parse_entry(line, "here", "mend it") == one
        check_entry(one, study_of(study_config()), 4, "here", "mend it")
        assert line.count("\n") == 1


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"trial": "../../etc"}, "here: trial: "),
        ({"trial": "0000"}, "here: trial: "),
        ({"trial": 0}, "here: trial: "),
        ({"status": "done"}, "here: status: "),
        ({"rounds": -1}, "here: rounds: "),
        ({"rounds": 1.5}, "here: rounds: "),
        ({"rounds": True}, "here: rounds: "),
        ({"scores": {"100": "0.5"}}, "here: scores"),
        ({"scores": [0.5]}, "here: scores: "),
        ({"scores": {"100": 1e300, "101": 1e300}}, "here: scores.100"),
        ({"held": 2.0}, "here: held: "),
        ({"stage": None}, "here: stage: "),
        ({"colour": "red"}, "here: colour: "),
        ({"trial": "00004"}, "trial 00004 is none of the 4 of the study"),
        ({"sample": {}}, "its sample does not have the keys of study.space"),
        ({"rounds": 5}, "5 rounds are more than the 4 of a trial"),
        ({"scores": {"7": 0.5}}, "its scores are not of the seeds of the study"),
        ({"scores": {}}, "its scores are not of the seeds of the study"),
    ],
)
def test_entry_that_is_none_of_the_study__is_refused(
    changed: dict[str, Any], what: str, entry: Callable[..., Entry], study_config: Callable[..., Config]
) -> None:
    line = json.dumps(entry().model_dump(mode="json") | changed)
    with pytest.raises(CheckpointError, match=what):
        check_entry(parse_entry(line, "here", "mend it"), study_of(study_config()), 4, "here", "mend it")


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e999", "-1e999", "9" * 5000])
def test_number_that_is_not_finite__is_refused(value: str, entry: Callable[..., Entry]) -> None:
    line = format_entry(entry()).decode().replace("0.001", value, 1)
    with pytest.raises(CheckpointError, match=r"; mend it$"):
        parse_entry(line, "here", "mend it")


def test_sample_outside_of_the_ranges__is_refused(
    entry: Callable[..., Entry], study_config: Callable[..., Config]
) -> None:
    study, one = study_of(study_config()), entry()
    for key, value in (("ppo.lr", 1.0), ("ppo.clip", 0.0), ("ppo.gae_lambda", 1e300)):
        strange = one.model_copy(update={"sample": {**one.sample, key: value}})
        with pytest.raises(CheckpointError, match=f"{key}=.* is outside of its range; mend it"):
            check_entry(strange, study, 4, "here", "mend it")


def test_value_beside_its_range__is_taken_for_the_end(
    entry: Callable[..., Entry], study_config: Callable[..., Config]
) -> None:
    study, one = study_of(study_config("study.search=pb2", "study.scheduler=none")), entry()
    beside = one.model_copy(update={"sample": {**one.sample, "ppo.lr": 1e-2 + 1e-12, "ppo.clip": 0.1 - 1e-12}})
    check_entry(beside, study, 4, "here", "mend it")
    assert within_ranges(beside, study).sample == {**one.sample, "ppo.lr": 1e-2, "ppo.clip": 0.1}
    assert within_ranges(one, study) is one


def test_test_of_a_study_without_tests__is_refused(
    entry: Callable[..., Entry], study_config: Callable[..., Config]
) -> None:
    study = study_of(study_config("study.num_test_seeds=0"))
    with pytest.raises(CheckpointError, match="test-00000 is of a test, and the study has none; mend it"):
        check_entry(entry((), trial="test-00000"), study, 4, "here", "mend it")
