"""The catalogue: every key that a run can have is in it, with unit and meaning, and nothing is in it twice."""

import pytest

from rl_cluster.config.schema import Config
from rl_cluster.environment.shared.interface import EpisodeMetric
from rl_cluster.environment.tasks import TASKS
from rl_cluster.metrics.names import CATALOGUE, describe, episode_key, evaluation_key, stage_score_key
from rl_cluster.training.local_engine import LocalEngine
from rl_cluster.training.run import Run


def test_tasks__agree_on_what_a_name_means_and_have_their_headline_among_their_metrics() -> None:
    meanings: dict[str, EpisodeMetric] = {}
    for task in TASKS.values():
        assert task.headline in task.metrics
        for metric in task.metrics:
            assert meanings.setdefault(metric.name, metric) == metric


def test_catalogue__has_every_metric_of_an_episode() -> None:
    for task in TASKS.values():
        for metric in task.metrics:
            assert describe(episode_key(metric.name)) == describe(evaluation_key(metric.name))
            assert describe(episode_key(metric.name)) == (metric.unit, metric.text)


def test_catalogue__has_every_key_of_a_run(tiny_of_task: Config) -> None:
    training = tiny_of_task.training.model_copy(update={"evaluate_every": 1})
    config = tiny_of_task.model_copy(update={"training": training})

    record = Run(LocalEngine(config), config, None).iterate()

    for key in record.metrics:
        unit, text = describe(key)
        assert unit
        assert text


def test_catalogue__gives_every_key_a_unit_that_its_name_does_not_contradict() -> None:
    units = {"_s": "s", "_per_s": "1/s", "bytes": "byte", "_per_km": "1/km", "_c": "degC", "_mhz": "MHz", "_w": "W"}
    for key, (unit, _) in CATALOGUE.items():
        endings = [ending for ending in units if key.endswith(ending)]
        if endings:
            expected = units[max(endings, key=len)]
            assert unit in {expected, f"byte/{expected.removeprefix('1/')}"}, key


def test_describe__knows_scores_of_stages_and_refuses_other_keys() -> None:
    assert "stage" in describe(stage_score_key(12)).text
    with pytest.raises(KeyError):
        describe("sampling/unknown")
