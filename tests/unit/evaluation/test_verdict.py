"""Who is best, by how much, and whether the interval excludes 0: by hand, in words of at most 80 columns."""

import numpy as np
import pytest
from numpy.typing import NDArray

from rl_cluster.environment.tasks import TASKS
from rl_cluster.evaluation.comparison import Comparison
from rl_cluster.evaluation.verdict import lead_of, ranking, verdict

TASK = TASKS["allocate"]


def _scored(scores: dict[str, NDArray[np.float64]], baselines: list[str]) -> Comparison:
    """Policies whose headline has these values; everything else is 0."""
    others = {metric.name: 0.0 for metric in TASK.metrics}
    outcomes = {
        name: {**{other: np.zeros(len(values)) for other in others}, TASK.headline.name: values}
        for name, values in scores.items()
    }
    return Comparison.of(outcomes, baselines, TASK.metrics)


def _words(scores: dict[str, NDArray[np.float64]], baselines: list[str]) -> str:
    text = verdict(_scored(scores, baselines), TASK.headline, baselines)
    assert max(map(len, text.splitlines())) <= 80
    return " ".join(text.split())


ALTERNATING = np.array([0.4, 0.6] * 8)


def test_verdict__names_the_best_its_lead_and_that_0_is_excluded() -> None:
    scores = {
        "argmax": ALTERNATING + 0.2,
        "sampled": ALTERNATING + 0.15,
        "greedy": ALTERNATING,
        "random": ALTERNATING / 2,
    }

    assert _words(scores, ["greedy", "random"]) == (
        "argmax is best: NCS 0.700, 0.200 above greedy, the best heuristic. "
        "The 95 % interval of the lead [+0.200, +0.200] excludes 0."
    )


def test_verdict__says_that_an_interval_with_0_decides_nothing() -> None:
    words = _words({"greedy": ALTERNATING, "argmax": ALTERNATING[::-1] + 0.01}, ["greedy"])

    assert words.startswith("argmax is best: NCS 0.510, 0.010 above greedy, the best heuristic. The 95 % interval")
    assert words.endswith("includes 0: 16 episodes do not tell which of the two is better.")


def test_verdict__holds_a_heuristic_that_is_best_against_the_best_policy() -> None:
    scores = {
        "argmax": ALTERNATING,
        "sampled": ALTERNATING - 0.1,
        "greedy": ALTERNATING + 0.1,
        "cbba": ALTERNATING + 0.05,
    }

    assert _words(scores, ["greedy", "cbba"]).startswith("greedy is best: NCS 0.600, 0.100 above argmax. ")


def test_verdict__of_heuristics_alone_holds_the_first_against_the_second() -> None:
    scores = {"random": ALTERNATING, "greedy": ALTERNATING + 0.1, "cbba": ALTERNATING + 0.05}

    assert _words(scores, list(scores)).startswith("greedy is best: NCS 0.600, 0.050 above cbba. ")


def test_verdict__of_equals_names_none_the_better() -> None:
    assert _words({"argmax": ALTERNATING, "greedy": ALTERNATING}, ["greedy"]) == (
        "argmax and greedy, the best heuristic are level: NCS 0.500."
    )


def test_verdict__of_one_episode_claims_no_interval() -> None:
    words = _words({"argmax": ALTERNATING[1:2], "greedy": ALTERNATING[:1]}, ["greedy"])

    assert words.endswith(
        "0.200 above greedy, the best heuristic. A single episode has no interval, and may be chance."
    )


def test_verdict__of_one_policy_compares_nothing() -> None:
    assert _words({"greedy": ALTERNATING}, ["greedy"]) == "greedy has NCS 0.500. Nothing was played beside it."


def test_lead__is_that_of_the_paired_differences() -> None:
    scores = {"argmax": ALTERNATING + np.linspace(0.0, 0.3, 16), "greedy": ALTERNATING}
    comparison = _scored(scores, ["greedy"])
    column = list(TASK.metrics).index(TASK.headline)

    lead = lead_of(comparison, TASK.headline, ["greedy"])

    assert (lead.best, lead.rival, lead.is_certain) == ("argmax", "greedy", True)
    paired = comparison.differences["argmax"]["greedy"]
    assert [float(part) for part in lead.difference] == pytest.approx([part[column] for part in paired])


def test_ranking__puts_what_is_not_defined_last() -> None:
    scores = {"a": np.array([np.nan, np.nan]), "b": np.array([0.1, 0.1]), "c": np.array([0.3, np.nan])}

    assert ranking(_scored(scores, ["a"]), TASK.headline) == ["c", "b", "a"]
