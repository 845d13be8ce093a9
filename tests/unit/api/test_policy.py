"""A trained policy acts alike in worlds, on observations and on scenarios."""

from pathlib import Path

import numpy as np
import pytest

from rl_cluster.api.policy import LoadedPolicy, load_policy
from rl_cluster.api.worlds import make_worlds
from rl_cluster.config.schema import Config
from rl_cluster.environment.scenario.scenario_file import SHIPPED_SCENARIOS, load_scenario
from rl_cluster.errors import ConfigError, ScenarioError
from rl_cluster.sampling.network import make_model
from rl_cluster.types import WAIT
from tests.source_tree import ROOT


@pytest.fixture
def policy(tiny_of_task: Config) -> LoadedPolicy:
    return LoadedPolicy("tiny", make_model(tiny_of_task), tiny_of_task)


def test_act__in_worlds_is_what_evaluate_plays(policy: LoadedPolicy) -> None:
    worlds = make_worlds(policy.config, 3, seed=5)
    observation = worlds.reset()

    actions = policy.act(worlds)

    worlds.retract()
    assert np.array_equal(actions, policy.playing().act(worlds, observation))
    worlds.advance(actions)


def test_act__on_an_observation_is_legal(policy: LoadedPolicy) -> None:
    worlds = make_worlds(policy.config, 3, seed=5)

    actions = policy.act(worlds.reset())

    worlds.advance(actions)


def test_act__on_a_scenario_names_targets(tiny: Config) -> None:
    scenario = load_scenario(SHIPPED_SCENARIOS["small"])
    policy = LoadedPolicy("tiny", make_model(tiny), tiny)

    decisions = policy.act(scenario)

    worlds = make_worlds(tiny, scenario=scenario)
    candidates, actions = worlds.reset().candidates[0], policy.act(worlds)[0]
    assert tuple(decisions) == scenario.uav_ids
    for i, target in enumerate(decisions.values()):
        chosen = candidates[i, actions[i] - 1]
        assert target == (None if actions[i] == WAIT else scenario.target_ids[chosen])


def test_act__on_a_scenario_of_navigate_gives_controls(tiny_navigate: Config, any_goals: Path) -> None:
    policy = LoadedPolicy("tiny", make_model(tiny_navigate), tiny_navigate)

    decisions = policy.act(load_scenario(any_goals))

    assert tuple(decisions) == ("a", "b")
    for controls in decisions.values():
        assert isinstance(controls, tuple)
        assert len(controls) == 2
        assert all(abs(control) <= 1.0 for control in controls)


@pytest.fixture
def any_goals(tmp_path: Path) -> Path:
    path = tmp_path / "crossing.yaml"
    uav = "heading_rad: 0.0, resources: [1.0], range_m: 9000.0, speed_mps: [1.0, 20.0], cruise_mps: 10.0"
    path.write_text(
        f"name: crossing\narea: {{width_m: 1000.0, height_m: 1000.0}}\ntargets: []\nobstacles: []\nuavs:\n"
        f"  - {{id: a, position_m: [100.0, 100.0], goal_m: [900.0, 900.0], {uav}}}\n"
        f"  - {{id: b, position_m: [900.0, 100.0], goal_m: [100.0, 900.0], {uav}}}\n",
        encoding="utf-8",
    )
    return path


def test_load_policy__reads_a_run_and_a_checkpoint() -> None:
    run = ROOT / "tests" / "stored" / "format_3" / "run"

    of_run, of_checkpoint = load_policy(run), load_policy(str(run / "checkpoints" / "checkpoint-000001"))

    assert of_run.config == of_checkpoint.config
    assert (of_run.name, of_checkpoint.name) == ("run", "checkpoint-000001")
    assert repr(of_run) == "LoadedPolicy('run', task='allocate')"


def test_check__refuses_another_task_and_other_kinds(tiny: Config, tiny_navigate: Config) -> None:
    policy = LoadedPolicy("tiny", make_model(tiny), tiny)
    other = tiny.model_copy(update={"generator": tiny.generator.model_copy(update={"num_resources": 3})})

    with pytest.raises(ConfigError, match="tiny was trained on task allocate, but there is of task navigate"):
        policy.check(tiny_navigate, make_worlds(tiny_navigate).source, "there")
    with pytest.raises(ScenarioError, match="has 3 kinds of resource, but tiny knows 2; use a policy that"):
        policy.check(other, make_worlds(other).source, "there")
