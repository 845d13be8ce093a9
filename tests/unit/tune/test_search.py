"""Searches stay within the ranges, and go on from what was tried instead of beginning anew."""

import math
from collections.abc import Callable

import pytest

from rl_cluster.config.schema import Config
from rl_cluster.tune.search import make_search
from rl_cluster.tune.search_space import apply_sample, sampled, searched, study_of

ALL = ["random", "tpe", "gp"]


def _study(study_config: Callable[..., Config], search: str) -> Config:
    return study_config(f"study.search={search}", "study.num_trials=40")


@pytest.mark.parametrize("search", ALL)
def test_samples__are_within_their_ranges(search: str, study_config: Callable[..., Config]) -> None:
    config = _study(study_config, search)
    study, samples = study_of(config), []
    proposer = make_search(study, 3)
    for number in range(15):
        samples.append(proposer.ask(number))
        proposer.tell(number, -abs(math.log(samples[-1]["ppo.lr"] / 3e-3)))
    for one in study.space:
        values = [sample[one.key] for sample in samples]
        assert all(one.low <= value <= one.high for value in values)
        assert len(set(values)) > 7  # a Gaussian process tries ends twice


def test_random_search_that_goes_on__proposes_what_it_would_have_proposed(
    study_config: Callable[..., Config],
) -> None:
    study = study_of(_study(study_config, "random"))
    whole = make_search(study, 3)
    samples = [whole.ask(number) for number in range(8)]
    again = make_search(study, 3, 5)
    for number in range(5):
        again.recall(number, samples[number], 0.5)
    assert [again.ask(number) for number in range(5, 8)] == samples[5:]


@pytest.mark.parametrize("search", ["tpe", "gp"])
def test_bayesian_search_that_goes_on__knows_the_past_and_repeats_nothing(
    search: str, study_config: Callable[..., Config]
) -> None:
    study = study_of(_study(study_config, search))
    first = make_search(study, 3)
    known = [first.ask(number) for number in range(25)]
    scores = [-abs(math.log(sample["ppo.lr"] / 3e-3)) for sample in known]
    again = make_search(study, 3, 26)
    for number, (sample, score) in enumerate(zip(known, scores, strict=True)):
        again.recall(number, sample, score)
    again.recall(25, known[0], None)
    again.tell(25, scores[0])

    proposed = [again.ask(number) for number in range(26, 30)]

    assert all(sample not in known for sample in proposed)
    # it has learnt where the best is: within a factor of 2.5 of it, of a range of 100
    near = [abs(math.log(sample["ppo.lr"] / 3e-3)) < math.log(2.5) for sample in proposed]
    assert sum(near) >= 3


def test_sample__is_the_same_on_a_linear_scale(study_config: Callable[..., Config]) -> None:
    config = study_config("study.search=pb2", "study.scheduler=none")
    sample = make_search(study_of(config), 3).ask(0)
    values = searched(config, sample)
    assert values["log10 ppo.lr"] == pytest.approx(math.log10(sample["ppo.lr"]))
    assert sampled({**values, "run": "name: x", "seeds": [1]}) == pytest.approx(sample)
    assert searched(study_config(), sample) == sample


def test_sample__is_applied_to_pairs_as_a_whole(study_config: Callable[..., Config]) -> None:
    applied = apply_sample(study_config(), {"ppo.lr": 1e-2, "ppo.clip": 0.15, "ppo.num_epochs": 4.6})
    assert applied.ppo.lr == pytest.approx((1e-2, 5e-4))
    assert (applied.ppo.clip, applied.ppo.num_epochs) == (0.15, 5)
