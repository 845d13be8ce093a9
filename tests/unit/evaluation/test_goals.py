"""Goals for `navigate` from policies of `allocate`."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.environment.scenario.scenario_file import Scenario, parse_scenario
from rl_cluster.environment.tasks import make_scenario_source, make_worlds
from rl_cluster.errors import ConfigError, ScenarioError
from rl_cluster.evaluation.goals import assign_goals, find_allocator
from rl_cluster.training.local_engine import LocalEngine
from rl_cluster.training.loop import train
from rl_cluster.training.start import new_start

SPACING_M = 30.0


def _uav(number: int, x: float) -> dict[str, Any]:
    return {
        "id": f"u{number}",
        "position_m": [x, 100.0],
        "heading_rad": 0.0,
        "resources": [10.0],
        "range_m": 5000.0,
        "speed_mps": [10.0, 30.0],
        "cruise_mps": 20.0,
    }


def _scenario(demands: dict[float, float], num_uavs: int, zones: list[dict[str, Any]] | None = None) -> Scenario:
    """UAVs at x = 100, 200, ..; targets at given x on the line y = 900, each demanding what is given."""
    targets = [
        {"id": f"t{x:.0f}", "position_m": [x, 900.0], "demand": [demand], "value": 1.0} for x, demand in demands.items()
    ]
    data = {
        "name": "line",
        "area": {"width_m": 1000.0, "height_m": 1000.0},
        "uavs": [_uav(number, 100.0 * (number + 1)) for number in range(num_uavs)],
        "targets": targets,
        "obstacles": zones or [],
    }
    return parse_scenario(data, "line")


def test_assign_goals__sends_each_uav_to_the_target_that_is_chosen_for_it() -> None:
    policy, config = find_allocator("hungarian", seed=0, num_resources=1)

    assigned = assign_goals(_scenario({200.0: 10.0, 100.0: 10.0}, num_uavs=2), policy, config, SPACING_M).scenario

    assert assigned.uav_goal_m.tolist() == [[100.0, 900.0], [200.0, 900.0]]


def test_assign_goals__puts_goals_at_one_target_on_a_circle_that_far_apart() -> None:
    policy, config = find_allocator("complete-first", seed=0, num_resources=1)

    goals_m = assign_goals(_scenario({500.0: 30.0}, num_uavs=3), policy, config, SPACING_M).scenario.uav_goal_m

    distances_m = np.linalg.norm(goals_m[:, None] - goals_m, axis=-1)[np.triu_indices(3, k=1)]
    assert distances_m == pytest.approx([SPACING_M] * 3)
    assert goals_m.mean(axis=0) == pytest.approx([500.0, 900.0])
    assert np.linalg.norm(goals_m - [500.0, 900.0], axis=1) == pytest.approx([SPACING_M / math.sqrt(3.0)] * 3)


def test_assign_goals__leaves_a_uav_that_is_not_needed_where_it_is() -> None:
    policy, config = find_allocator("commitment-aware", seed=0, num_resources=1)

    assigned, num_idle = assign_goals(_scenario({100.0: 5.0}, num_uavs=2), policy, config, SPACING_M)

    assert assigned.uav_goal_m.tolist() == [[100.0, 900.0], [200.0, 100.0]]
    assert num_idle == 1


def test_assign_goals__gives_a_scenario_that_navigate_plays() -> None:
    policy, config = find_allocator("hungarian", seed=0, num_resources=1)
    assigned = assign_goals(_scenario({100.0: 10.0, 200.0: 10.0}, num_uavs=2), policy, config, SPACING_M).scenario
    navigate = _navigate()

    worlds = make_worlds(navigate, make_scenario_source(navigate, [assigned], seed=0), num_worlds=1)
    worlds.reset()

    np.testing.assert_array_equal(worlds.state_dict()["uav_goal_m"][0], assigned.uav_goal_m)


def _navigate() -> Config:
    return load_config("navigate_demo")


def test_assign_goals__refuses_a_goal_in_a_zone() -> None:
    """Three UAVs meet at a target; a zone next to it holds one of their goals."""
    policy, config = find_allocator("complete-first", seed=0, num_resources=1)
    zone = {"kind": "circle", "center_m": [500.0 + SPACING_M, 900.0], "radius_m": 25.0}

    with pytest.raises(ScenarioError, match=r"goals of line: uavs\.\d\.goal_m: .* is inside obstacles\.0; move"):
        assign_goals(_scenario({500.0: 30.0}, num_uavs=3, zones=[zone]), policy, config, SPACING_M)


def test_find_allocator__refuses_what_it_does_not_know() -> None:
    with pytest.raises(
        ConfigError, match=r"'nobody' is neither a heuristic nor a run folder; choose a run folder or one"
    ):
        find_allocator("nobody", seed=0, num_resources=1)


def test_find_allocator__refuses_a_run_of_another_task(tiny_navigate: Config, tmp_path: Path) -> None:
    train(LocalEngine(tiny_navigate), new_start(tiny_navigate, tmp_path / "run"), lambda record: None)

    with pytest.raises(ConfigError, match=r"was not trained on task allocate; choose a checkpoint that was"):
        find_allocator(str(tmp_path / "run"), seed=0, num_resources=1)


def test_find_allocator__refuses_a_run_of_another_number_of_kinds(tiny: Config, tmp_path: Path) -> None:
    train(LocalEngine(tiny), new_start(tiny, tmp_path / "run"), lambda record: None)

    with pytest.raises(ConfigError, match=r"knows 2 kinds of resource, and the scenario has 1; choose a checkpoint"):
        find_allocator(str(tmp_path / "run"), seed=0, num_resources=1)
