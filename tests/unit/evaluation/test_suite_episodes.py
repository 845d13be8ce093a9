"""Episodes of suites: equal UAVs are equal, what is written by hand is playable, and each version stays what it is."""

import json
from pathlib import Path

import numpy as np
import pytest

from rl_cluster.environment.scenario.scenario_file import Scenario, load_scenario
from rl_cluster.environment.tasks import make_worlds, task_of
from rl_cluster.evaluation.suite import SUITES, find_suites, load_suite
from rl_cluster.evaluation.suite_episodes import HAND_MADE_SCENARIOS, equal_coalitions, equal_uavs, suite_source
from rl_cluster.sampling.episodes import evaluate
from tests.reference.suite_fingerprints import fingerprints

STORED = Path(__file__).parents[2] / "stored" / "suites.json"
HAND_MADE = [load_scenario(path) for path in HAND_MADE_SCENARIOS.values()]


def test_suites__are_still_the_episodes_of_their_versions() -> None:
    """A change of a suite's episodes is a new version: run `python -m tests.reference.suite_fingerprints` for it."""
    stored, now = json.loads(STORED.read_text(encoding="utf-8")), fingerprints()

    assert now.keys() <= stored.keys()
    for title, numbers in now.items():
        np.testing.assert_allclose(numbers, stored[title], rtol=1e-4, err_msg=title)


@pytest.mark.parametrize("number", range(12))
def test_equal_uavs__are_equal_and_start_at_one_point(number: int) -> None:
    scenario = equal_uavs(12, 7)[number]

    for name in ("position_m", "heading_rad", "resources", "range_m", "speed_mps", "cruise_mps"):
        values = getattr(scenario, f"uav_{name}")
        assert (values == values[0]).all()
    assert (scenario.target_demand == scenario.uav_resources[0]).all()


def test_equal_uavs__have_as_many_targets_one_more_or_one_less() -> None:
    sizes = [scenario.sizes[:2] for scenario in equal_uavs(24, 7)]

    assert sizes[:12] == sizes[12:]
    assert set(sizes) == {(n, n + more) for n in (2, 4, 8, 16) for more in (-1, 0, 1)}


def test_equal_uavs__are_the_same_however_many_are_made() -> None:
    few, many, other = equal_uavs(3, 7), equal_uavs(13, 7), equal_uavs(3, 8)

    assert [scenario.as_dict() for scenario in many[:3]] == [scenario.as_dict() for scenario in few]
    assert other[0].target_position_m.tolist() != few[0].target_position_m.tolist()
    assert many[12].target_position_m.tolist() != many[0].target_position_m.tolist()


def test_equal_coalitions__have_three_uavs_of_each_skill() -> None:
    scenarios = equal_coalitions(6, 7)

    assert [len(scenario.target_ids) for scenario in scenarios] == [1, 2, 3, 4, 5, 6]
    for scenario in scenarios:
        assert ((scenario.uav_resources > 0.0).sum(axis=0) == 3).all()
        assert ((scenario.uav_resources > 0.0).sum(axis=1) == 1).all()
        assert (scenario.target_demand <= scenario.uav_resources.sum(axis=0)).all()


@pytest.mark.parametrize("name", ["equal_uavs", "equal_coalitions"])
def test_complete_first__serves_all_that_can_be_served(name: str) -> None:
    suite = load_suite(SUITES[name])
    config = suite.config()

    outcomes = evaluate(task_of(config).heuristics["complete-first"](0), suite_source(suite, config, 12), config, 12)

    closed = [min(*scenario.sizes[:2]) / len(scenario.target_ids) for scenario in equal_uavs(12, suite.seed)]
    expected = closed if name == "equal_uavs" else [1.0] * 12
    np.testing.assert_allclose(outcomes["satisfied_rate"], expected)


def test_scenarios_by_hand__cover_what_they_promise() -> None:
    uavs, targets, zones = np.array([scenario.sizes[:3] for scenario in HAND_MADE]).T

    assert len(HAND_MADE) == 30
    assert (uavs.min(), uavs.max(), targets.min(), targets.max()) == (4, 50, 3, 48)
    assert (zones.min(), zones.max()) == (0, 20)
    assert {scenario.num_resources for scenario in HAND_MADE} == {2}
    assert any(scenario.depot_m is not None for scenario in HAND_MADE)
    for name, neutral in (("uav_fails_s", np.inf), ("target_appears_s", 0.0), ("target_service_s", 0.0)):
        assert any((getattr(scenario, name) != neutral).any() for scenario in HAND_MADE), name
    assert any(np.ptp(scenario.target_value) > 0.0 for scenario in HAND_MADE)
    assert any(scenario.obstacle_num_vertices.any() for scenario in HAND_MADE)
    assert any((np.ptp(scenario.uav_position_m, axis=0) == 0.0).all() for scenario in HAND_MADE)


@pytest.mark.parametrize("scenario", HAND_MADE, ids=lambda scenario: scenario.name)
def test_scenario_by_hand__is_named_after_its_file_and_says_what_it_asks(scenario: Scenario) -> None:
    first = HAND_MADE_SCENARIOS[scenario.name.replace("-", "_")].read_text(encoding="utf-8").splitlines()[0]

    assert first.startswith("# ")
    assert first.endswith((".", "?"))


def test_scenarios_by_hand__are_served_for_the_most_part() -> None:
    suite = load_suite(SUITES["by_hand"])
    config = suite.config()

    outcomes = evaluate(task_of(config).heuristics["complete-first"](0), suite_source(suite, config, 30), config, 30)

    served = outcomes["satisfied_rate"]
    assert served.min() > 0.4
    assert served.mean() > 0.9


def test_suite_source__pads_nothing_away() -> None:
    """A world of a given suite is the scenario that was asked for."""
    (suite,) = find_suites(["equal_uavs"])
    config = suite.config()
    worlds = make_worlds(config, suite_source(suite, config, 12), 12)
    worlds.reset()
    positions_m = worlds.state_dict()["target_position_m"].astype("f8")

    for row_m, scenario in zip(positions_m, equal_uavs(12, suite.seed), strict=True):
        assert row_m[: len(scenario.target_ids)] == pytest.approx(scenario.target_position_m, rel=1e-6)
