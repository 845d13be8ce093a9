"""Suites are played as their files say: their own episodes, seeds and best heuristic, with networks that fit."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.environment.tasks import make_source, task_of
from rl_cluster.errors import ConfigError, ScenarioError
from rl_cluster.evaluation.comparison import Comparison
from rl_cluster.evaluation.scoring import Request
from rl_cluster.evaluation.suite import SUITES, Suite, find_suites, load_suite
from rl_cluster.evaluation.suite_scoring import Played, SuiteScores, prepare_suites
from rl_cluster.sampling.episodes import ModelPolicy, evaluate
from rl_cluster.training.checkpoints.checkpoint import Checkpoint, find_checkpoint, load_model
from rl_cluster.training.local_engine import LocalEngine
from rl_cluster.training.loop import train
from rl_cluster.training.start import new_start

QUICK_DEMO = load_config("quick_demo")
METRICS = task_of(QUICK_DEMO).metrics
NCS = [metric.name for metric in METRICS].index("normalized_completion_score")
NOTHING = Request(
    checkpoints=(),
    heuristics=(),
    preset=None,
    scenarios=(),
    preferences=(),
    num_episodes=3,
    seed=0,
    scores=None,
    trace=None,
)


def _train(config: Config, path: Path) -> Path:
    train(LocalEngine(config), new_start(config, path), lambda record: None)
    return path


def _play(suites: list[Suite], request: Request) -> list[SuiteScores]:
    return list(prepare_suites(suites, request, QUICK_DEMO).play(lambda played: None))


def _scores(suite: Suite, **policies: list[tuple[float, float]]) -> SuiteScores:
    """Scores of policies whose (NCS, share of targets served) are given for each episode; `net` is no heuristic."""
    outcomes = {}
    for name, episodes in policies.items():
        values = {metric.name: np.zeros(len(episodes)) for metric in METRICS}
        values["normalized_completion_score"], values["satisfied_rate"] = np.array(episodes).T
        outcomes[name] = values
    heuristics = [name for name in policies if name != "net"]
    return SuiteScores(suite, Comparison.of(outcomes, heuristics, METRICS), heuristics)


def test_best_heuristic__has_the_highest_objective() -> None:
    by_ncs, by_served = load_suite(SUITES["demo"]), load_suite(SUITES["sync"])
    policies = {"net": [(0.5, 0.5), (0.9, 0.7)], "a": [(0.6, 0.6), (0.6, 0.6)], "b": [(0.2, 0.9), (0.2, 0.9)]}

    assert _scores(by_ncs, **policies).best_heuristic == "a"
    assert _scores(by_served, **policies).best_heuristic == "b"


def test_best_heuristic__of_equals_crowds_least() -> None:
    by_served = load_suite(SUITES["sync"])

    assert _scores(by_served, net=[(0.0, 0.0)], a=[(0.2, 1.0)], b=[(0.8, 1.0)], c=[(0.7, 1.0)]).best_heuristic == "b"


def test_lead__is_paired_with_the_best_heuristic_by_the_objective() -> None:
    scores = _scores(load_suite(SUITES["demo"]), net=[(0.5, 0.0), (0.9, 0.0)], a=[(0.4, 1.0), (0.8, 1.0)])

    assert scores.networks == ["net"]
    assert [float(part) for part in scores.lead("net")] == pytest.approx([0.1, 0.1, 0.1])


def test_play__plays_the_episodes_of_the_suite_with_its_seed() -> None:
    (scores,) = _play(find_suites(["scarce"]), replace(NOTHING, heuristics=["greedy"], seed=5))

    suite = scores.suite
    config = suite.config()
    source = make_source(config, suite.seed, is_training=False)
    expected = evaluate(task_of(config).heuristics["greedy"](0), source, config, 3)
    mean = scores.comparison.means["greedy"].mean
    np.testing.assert_allclose(mean, [np.nanmean(expected[metric.name]) for metric in METRICS])


def test_play__scores_a_checkpoint_as_it_was_trained(tmp_path: Path, tiny: Config) -> None:
    """Its unit of length is another than the suite's."""
    config = tiny.model_copy(update={"world": tiny.world.model_copy(update={"sensing_radius_m": 600.0})})
    run = _train(config, tmp_path / "run")
    request = replace(NOTHING, checkpoints=[run], heuristics=["greedy"])

    (scores,) = _play(find_suites(["equal_coalitions"]), request)

    assert scores.networks == ["policy argmax"]
    suite, model = scores.suite, load_model(Checkpoint.load(find_checkpoint(run).folder)).eval()
    suite_config = suite.config()
    ready = prepare_suites([suite], request, QUICK_DEMO)
    source = ready._suites[0].source
    expected = evaluate(ModelPolicy(model, "argmax", trained=config), source, suite_config, 3)
    ncs = expected["normalized_completion_score"].mean()
    assert scores.comparison.means["policy argmax"].mean[NCS] == pytest.approx(ncs)


def test_play__tells_what_it_plays() -> None:
    told: list[Played] = []
    request = replace(NOTHING, heuristics=["greedy", "random"], num_episodes=65)

    list(prepare_suites(find_suites(["demo", "sync"]), request, QUICK_DEMO).play(told.append))

    order = [(played.suite.name, played.policy, played.num_done) for played in told]
    assert order == [(s, p, done) for s in ("demo", "sync") for p in ("greedy", "random") for done in (0, 64)]


def test_play__names_the_episodes_that_were_written_by_hand() -> None:
    request = replace(NOTHING, heuristics=["greedy"], num_episodes=2)

    by_hand, drawn = _play(find_suites(["by_hand", "demo"]), request)

    assert list(by_hand.episodes) == ["convoy", "dam_break"]
    assert drawn.episodes == {}
    ncs = [policies["greedy"]["normalized_completion_score"] for policies in by_hand.episodes.values()]
    assert np.mean(ncs) == pytest.approx(by_hand.comparison.means["greedy"].mean[NCS])


def test_prepare_suites__takes_each_suites_own_number_of_episodes() -> None:
    request = replace(NOTHING, heuristics=["greedy"], num_episodes=None)

    ready = prepare_suites(find_suites(["by_hand", "demo"]), request, QUICK_DEMO)._suites

    assert [one.num_episodes for one in ready] == [30, 200]


def test_prepare_suites__refuses_a_checkpoint_of_other_kinds(tmp_path: Path, tiny: Config) -> None:
    kinds = tiny.model_copy(update={"generator": tiny.generator.model_copy(update={"num_resources": 3})})
    run = _train(kinds, tmp_path / "run")

    with pytest.raises(ScenarioError, match=r"has 2 resource kinds, the checkpoint .* knows 3; use a checkpoint"):
        prepare_suites(find_suites(["sync"]), replace(NOTHING, checkpoints=[run]), QUICK_DEMO)


def test_prepare_suites__refuses_a_heuristic_that_it_does_not_know() -> None:
    with pytest.raises(ConfigError, match=r"gredy is not a heuristic of task allocate"):
        prepare_suites(find_suites(["sync"]), replace(NOTHING, heuristics=["gredy"]), QUICK_DEMO)
