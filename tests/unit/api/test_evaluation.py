"""Scores from Python are those of the command line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rl_cluster.api.evaluation import compare, evaluate
from rl_cluster.api.run import Run
from rl_cluster.config.load import load_config
from rl_cluster.environment.scenario.scenario_file import SHIPPED_SCENARIOS
from rl_cluster.errors import ConfigError, RlClusterError
from tests.source_tree import ROOT

RUN = ROOT / "tests" / "stored" / "format_3" / "run"
SMALL = SHIPPED_SCENARIOS["small"]


class Waiting:
    """Nobody flies."""

    name = "waiting"
    is_deterministic = True

    def act(self, worlds: Any, observation: Any) -> NDArray[np.int16]:  # noqa: ARG002 - as any policy acts
        return np.zeros(observation.decides.shape, dtype=np.int16)


def test_compare__gives_the_scores_of_the_command(exit_code: Callable[..., object], tmp_path: Path) -> None:
    file, words = tmp_path / "scores.json", ("--policy", "greedy", "--episodes", "3", "--json")

    assert exit_code("evaluate", str(RUN), *words, str(file)) == 0
    compared = compare([RUN], baselines=["greedy"], episodes=3)

    (group,) = json.loads(file.read_text())["groups"]
    ours = compared.to_dict()
    assert ours["means"]["run argmax"] == group["means"]["policy argmax"]
    assert ours["means"]["greedy"] == group["means"]["greedy"]
    assert ours["differences"]["run argmax"]["greedy"] == group["differences"]["policy argmax"]["greedy"]


@pytest.mark.parametrize(
    "policy", [RUN, str(RUN), Run.open(RUN), Run.open(RUN).policy(), Run.open(RUN).policy().playing()]
)
def test_evaluate__takes_a_policy_in_any_form(policy: Any) -> None:
    config = Run.open(RUN).config

    scores = evaluate(policy, config, episodes=2)

    assert scores.policy == "run argmax"
    assert scores["satisfied_rate"] == evaluate(RUN, episodes=2)["satisfied_rate"]


def test_evaluate__has_every_episode(quick_demo: Any) -> None:
    scores = evaluate("random", episodes=3)

    assert all(values.shape == (3,) for values in scores.values.values())
    assert scores.means["satisfied_rate"] == pytest.approx(scores.values["satisfied_rate"].mean())
    assert str(scores).splitlines()[0] == "random: mean of 3 episodes, 95 % interval"
    assert np.array_equal(scores.values["makespan_s"], evaluate("random", quick_demo, episodes=3).values["makespan_s"])


def test_evaluate__plays_a_scenario_once_where_nothing_is_drawn() -> None:
    assert len(evaluate("greedy", scenario=SMALL).values["satisfied_rate"]) == 1
    assert len(evaluate("random", scenario=SMALL, episodes=4).values["satisfied_rate"]) == 4


def test_evaluate__plays_an_object_of_ones_own() -> None:
    assert evaluate(Waiting(), load_config("debug"), episodes=2)["satisfied_rate"] == 0.0


class Nameless:
    is_deterministic = True


@pytest.mark.parametrize(
    ("policies", "message"),
    [
        ([], "compare: there are no policies; name one at least"),
        (["greedy", "greedy"], "compare: two policies are named greedy; give each a name of its own"),
        (
            ["gready"],
            "--policy: gready is not a heuristic of task allocate; did you mean greedy\\? Or choose from random, ",
        ),
        ([Nameless()], r".*Nameless.*: has no name; a policy has name, is_deterministic, act; see docs/python.md"),
        ([Path("nowhere")], "nowhere: does not exist; name a run folder or a checkpoint folder"),
    ],
    ids=["none", "twice", "unknown", "lacks a member", "no folder"],
)
def test_compare__refuses(policies: Any, message: str) -> None:
    with pytest.raises(RlClusterError, match=message):
        compare(policies, load_config("debug"))


def test_compare__refuses_a_policy_of_another_task() -> None:
    with pytest.raises(ConfigError, match="run was trained on task allocate, but navigate_demo is of task navigate"):
        compare([RUN], load_config("navigate_demo"))
