"""Names in files survive: through maps, through worlds into traces, and for UAVs that come again or are left out."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from rl_cluster.config.load import load_config
from rl_cluster.environment.scenario.map_export import to_geojson
from rl_cluster.environment.scenario.names import Names, named, names_of, picked_names
from rl_cluster.environment.scenario.scenario_file import SHIPPED_SCENARIOS, Scenario, load_scenario, parse_scenario
from rl_cluster.environment.tasks import make_scenario_source, make_source, task_of
from rl_cluster.evaluation.trace import Trace, read_paths
from rl_cluster.sampling.episodes import evaluate
from tests.unit.environment.drawn_map import MAP

BALANCED = load_scenario(SHIPPED_SCENARIOS["balanced"])


def _renamed() -> Scenario:
    data = BALANCED.as_dict()
    data["obstacles"] = [{"kind": "circle", "center_m": [x, 10.0], "radius_m": 1.0} for x in (10.0, 30.0)]
    for kind, title in (("uavs", "Möwe"), ("targets", "Boje"), ("obstacles", "Hafen")):
        for number, entity in enumerate(data[kind]):
            entity["id"] = f"{title} {number}"
    del data["obstacles"][0]["id"]
    return parse_scenario(data, "renamed")


def test_names__stand_in_traces_and_lead_back_to_the_scenario(tmp_path: Path) -> None:
    scenario, config = _renamed(), load_config("debug")
    source, path = make_scenario_source(config, [scenario], 0), tmp_path / "trace.jsonl"
    with path.open("w") as file:
        greedy = task_of(config).heuristics["greedy"](0)
        evaluate(greedy, source, config, 1, observer=Trace(file, task_of(config).recording))

    traced = parse_scenario(json.loads(path.read_text())["scenario"], "traced")

    assert names_of(traced) == names_of(scenario)
    assert traced.obstacle_ids[0] is None
    assert len(read_paths(path, scenario)) == len(scenario.uav_ids)


def test_names__of_scenarios_that_are_trained_on_are_those_of_the_uavs_that_take_part() -> None:
    room = ["generator.num_uavs=[1, 20]", "generator.num_targets=[1, 20]", "generator.num_obstacles=[0, 20]"]
    config = load_config("debug", [*room, "generator.vary.extra_uavs=[-3, 3]"], [_renamed().as_dict()])
    source: Any = make_source(config, 0, is_training=False)
    file = io.StringIO()

    greedy = task_of(config).heuristics["greedy"](0)
    evaluate(greedy, source, config, 6, observer=Trace(file, task_of(config).recording))

    for number, line in enumerate(file.getvalue().splitlines()):
        ids = [uav["id"] for uav in json.loads(line)["scenario"]["uavs"]]
        assert len(set(ids)) == len(ids) == len(source.picked(number, 0))
        assert all(one.startswith("Möwe ") for one in ids)


def test_picked_names__number_those_that_come_again() -> None:
    names = Names(("a", "b", "a#2"), ("t",), ())

    assert picked_names(names, [0, 2]).uavs == ("a", "a#2")
    assert picked_names(names, [0, 1, 2, 0, 0, 1]).uavs == ("a", "b", "a#2", "a#3", "a#4", "b#2")
    assert picked_names(names, [0]).targets == ("t",)


def test_named__leaves_drawn_episodes_as_they_are() -> None:
    source = make_source(load_config("debug"), 0, is_training=False)

    assert named(BALANCED, source, 0, 0) is BALANCED


def test_names__of_zones_come_back_from_a_map(load: Callable[[Any], Any]) -> None:
    scenario = load(MAP)
    assert len(scenario.obstacle_radius_m) > 0
    ids = tuple(f"zone {number}" for number in range(len(scenario.obstacle_radius_m)))

    again = load(to_geojson(replace(scenario, obstacle_ids=ids)))

    assert again.obstacle_ids == ids
    assert again.uav_ids == scenario.uav_ids
