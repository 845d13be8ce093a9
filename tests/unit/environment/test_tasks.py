"""The parts of a task's record fit each other."""

import numpy as np

from rl_cluster.config.load import load_config
from rl_cluster.config.schema import TASKS as SETTINGS
from rl_cluster.config.schema import Config
from rl_cluster.environment.tasks import TASKS, graph_spec, make_source, make_worlds, task_of
from rl_cluster.sampling.episodes import evaluate


def test_tasks__are_those_of_the_settings_and_each_has_a_preset() -> None:
    assert TASKS.keys() == SETTINGS.keys()
    for name, task in TASKS.items():
        assert task.name == name
        assert load_config(task.preset).task == name


def test_empty_observation__has_the_form_of_what_worlds_show(tiny_of_task: Config) -> None:
    source = make_source(tiny_of_task, seed=0, is_training=True)

    empty = task_of(tiny_of_task).empty_observation(3, source.sizes, tiny_of_task)
    seen = make_worlds(tiny_of_task, source, 3, is_training=True).reset()

    for name, array in seen._asdict().items():
        made = getattr(empty, name)
        assert (made.shape, made.dtype) == (array.shape, array.dtype), name


def test_graph_spec__is_of_the_rows_that_worlds_show(tiny_of_task: Config) -> None:
    spec = graph_spec(tiny_of_task)

    seen = make_worlds(tiny_of_task, make_source(tiny_of_task, 0, is_training=True), 1).reset()

    assert (seen.uav.shape[-1], seen.target.shape[-1], seen.obstacle.shape[-1], seen.pair.shape[-1]) == spec[:4]


def test_outcomes__are_the_metrics_of_the_record_whoever_plays(tiny_of_task: Config) -> None:
    task = task_of(tiny_of_task)
    assert {"random", task.reference} <= task.heuristics.keys()
    assert task.headline in task.metrics
    for make in task.heuristics.values():
        outcomes = evaluate(make(0), make_source(tiny_of_task, 0, is_training=False), tiny_of_task, 2)

        assert tuple(outcomes) == tuple(metric.name for metric in task.metrics)


def test_recording__names_fields_of_the_state_and_begins_with_its_scenario(tiny_of_task: Config) -> None:
    recording = task_of(tiny_of_task).recording
    worlds = make_worlds(tiny_of_task, make_source(tiny_of_task, 0, is_training=False), 1)
    worlds.reset()

    scenario = recording.scenario_of(worlds, 0, "start")

    assert all(isinstance(getattr(worlds.state, name), np.ndarray) for name in recording.fields)
    num_uavs = int(worlds.state.uav_exists[0].sum())
    np.testing.assert_allclose(scenario.uav_position_m, worlds.state.uav_position_m[0, :num_uavs], rtol=1e-6)
