"""Remedies that no other test reads: what a user must do is said where the fault is raised."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rl_cluster.config.load import load_config
from rl_cluster.config.yaml_file import MAX_VALUES, parse_yaml
from rl_cluster.environment.scenario.map_export import FlownPath, to_geojson
from rl_cluster.environment.scenario.scenario_file import SHIPPED_SCENARIOS, Scenario, load_scenario, parse_scenario
from rl_cluster.environment.tasks import make_scenario_source
from rl_cluster.errors import ClusterError, RlClusterError
from rl_cluster.rllib.placement.plan import NodeResources
from rl_cluster.tune.search_space import check_space
from rl_cluster.tune.trial_room import num_at_once

SMALL = SHIPPED_SCENARIOS["small"]


def _small(**changes: Any) -> Scenario:
    return parse_scenario({**load_scenario(SMALL).as_dict(), **changes}, "given")


def _moved(position_m: list[float], **changes: Any) -> Scenario:
    first, *others = load_scenario(SMALL).as_dict()["uavs"]
    return _small(uavs=[{**first, "position_m": position_m}, *others], **changes)


def _on_no_map() -> object:
    return to_geojson(_small())


def _with_paths_of_others() -> object:
    return to_geojson(
        _small(origin={"longitude_deg": 13.4, "latitude_deg": 52.5}), [FlownPath(np.arange(2.0), np.eye(2))]
    )


def _in_steps_without_end(preset: str) -> object:
    return make_scenario_source(load_config(preset), [_small(time_limit_s=1e7)], 0)


REMEDIES: dict[str, Callable[[], object]] = {
    "write key=value, for example ppo.clip=0.1": lambda: load_config("debug", ["seed"]),
    "save it as plain text": lambda: parse_yaml("a: \x01", "x"),
    "write a smaller file": lambda: parse_yaml(f"[{'1,' * MAX_VALUES}1]", "x"),
    "move it inside, or widen the area": lambda: _moved([9000.0, 10.0]),
    "move one of the two": lambda: _moved(
        [100.0, 100.0], obstacles=[{"kind": "circle", "center_m": [100.0, 100.0], "radius_m": 50.0}]
    ),
    "give it origin: {longitude_deg, latitude_deg}": _on_no_map,
    "give the paths that were flown in this scenario": _with_paths_of_others,
    "lower its time_limit_s, or raise world.substep_s": lambda: _in_steps_without_end("debug"),
    "lower its time_limit_s, or raise world.step_s": lambda: _in_steps_without_end("navigate_demo"),
    "search a setting that is one": lambda: check_space(
        load_config("tune_demo", ["study.space=[{key: model.precision, low: 1, high: 2, log: false}]"])
    ),
}


@pytest.mark.parametrize(("remedy", "mistake"), REMEDIES.items(), ids=REMEDIES.keys())
def test_remedy__is_told(remedy: str, mistake: Callable[[], object]) -> None:
    with pytest.raises(RlClusterError) as raised:
        mistake()

    assert raised.value.remedy == remedy


@pytest.mark.parametrize(
    ("nodes", "remedy"),
    [
        ([], "lower it, or add a larger node"),
        ([(64.0, 0.0), (0.0, 8.0)], "lower one of them, or add a larger node"),
    ],
)
def test_study__that_no_node_can_hold_asks_for_a_larger_one(nodes: list[tuple[float, float]], remedy: str) -> None:
    config = load_config("tune_demo", ["study.gpus_per_trial=1"])
    resources = [NodeResources(cpus, gpus) for cpus, gpus in nodes]

    with pytest.raises(ClusterError, match=remedy):
        num_at_once(config, 1, resources)


def test_commands__say_what_to_leave_out(error_line: Callable[..., str], tmp_path: Path) -> None:
    run, other = str(tmp_path / "run"), str(tmp_path / "other")
    lines = {
        ("evaluate", "seed=1"): "write the settings into a file, and name that as --preset",
        ("evaluate", str(SMALL)): "write --scenario for a scenario, or --preset for settings, before it",
        ("evaluate", "--scenario", str(SMALL), "--scenario", str(SMALL)): "is named twice; name each file once",
        ("train", "--resume", run, "--out", other): "omit --out: the run has its folder",
        ("tune", "--resume", run, "--out", other): "omit --out: the study has its folder",
    }

    assert {words: error_line(*words).rpartition("; ")[2] for words in lines} == {
        words: line.rpartition("; ")[2] for words, line in lines.items()
    }
