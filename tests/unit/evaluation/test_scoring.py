"""What is refused before an evaluation begins, where tasks do not fit; and that both tasks are played and traced."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.environment.tasks import task_of
from rl_cluster.errors import ConfigError
from rl_cluster.evaluation.scoring import Request, prepare, to_dict
from rl_cluster.training.local_engine import LocalEngine
from rl_cluster.training.loop import train
from rl_cluster.training.start import new_start

pytestmark = pytest.mark.slow

NOTHING = Request(
    checkpoints=(),
    heuristics=(),
    preset=None,
    scenarios=(),
    preferences=(),
    num_episodes=2,
    seed=0,
    scores=None,
    trace=None,
)
QUICK_DEMO = load_config("quick_demo")


def _train(config: Config, path: Path) -> Path:
    train(LocalEngine(config), new_start(config, path), lambda record: None)
    return path


@pytest.fixture
def run(tiny_of_task: Config, tmp_path: Path) -> Path:
    return _train(tiny_of_task, tmp_path / tiny_of_task.task)


def test_play__scores_and_traces_a_checkpoint_of_either_task(run: Path, tiny_of_task: Config, tmp_path: Path) -> None:
    trace, known = tmp_path / "trace.jsonl", list(task_of(tiny_of_task).heuristics)

    scoring = prepare(replace(NOTHING, checkpoints=[run], trace=trace), QUICK_DEMO)
    results = list(scoring.play())

    names = ["policy argmax", "policy sampled", *known]
    (group,) = to_dict(results, scoring.notes)["groups"]
    assert list(group["means"]) == names
    assert tuple(group["means"]["policy argmax"]) == tuple(metric.name for metric in task_of(tiny_of_task).metrics)
    lines = [json.loads(line) for line in trace.read_text().splitlines()]
    assert [line["policy"] for line in lines] == [name for name in names for _ in range(2)]


def test_prepare__refuses_a_checkpoint_of_another_task_than_the_presets(run: Path, tiny_of_task: Config) -> None:
    other = {"allocate": "navigate", "navigate": "allocate"}[tiny_of_task.task]
    preset = load_config({"allocate": "quick_demo", "navigate": "navigate_demo"}[other])

    with pytest.raises(ConfigError) as caught:
        prepare(replace(NOTHING, checkpoints=[run], preset=preset), QUICK_DEMO)

    assert str(caught.value) == (
        f"{run}: was trained on task {tiny_of_task.task}, but episodes of task {other} are to be played; "
        "score policies of one task at a time; --preset says whose episodes"
    )


def test_prepare__refuses_checkpoints_of_unlike_tasks(tiny: Config, tiny_navigate: Config, tmp_path: Path) -> None:
    runs = [_train(config, tmp_path / config.task) for config in (tiny, tiny_navigate)]

    with pytest.raises(ConfigError, match=r"navigate: was trained on task navigate, but episodes of task allocate"):
        prepare(replace(NOTHING, checkpoints=runs), QUICK_DEMO)


def test_prepare__refuses_a_heuristic_of_another_task() -> None:
    with pytest.raises(ConfigError, match=r"greedy is not a heuristic of task navigate; choose from "):
        prepare(replace(NOTHING, heuristics=["greedy"], preset=load_config("navigate_demo")), QUICK_DEMO)
