"""Scenarios: files and worlds give back what was put in, shipped files hold what they promise, bad ones are refused."""

import copy
import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rl_cluster.config.load import load_config
from rl_cluster.environment.allocate.generator import AllocateGenerator
from rl_cluster.environment.allocate.heuristics import HEURISTICS
from rl_cluster.environment.allocate.scenarios import ScenarioFiles, scenario_of
from rl_cluster.environment.allocate.state import AllocateState
from rl_cluster.environment.allocate.worlds import AllocateWorlds
from rl_cluster.environment.scenario.scenario_file import (
    SHIPPED_SCENARIOS,
    Scenario,
    load_scenario,
    parse_scenario,
    save_scenario,
)
from rl_cluster.environment.shared.interface import Sizes
from rl_cluster.errors import ScenarioError

CONFIG = load_config("quick_demo")
UAV = {
    "id": "u1",
    "position_m": [100, 200],
    "heading_rad": 0.1,
    "resources": [60, 40],
    "range_m": 9000,
    "speed_mps": [15, 40],
    "cruise_mps": 25,
}
TARGET = {"id": "t1", "position_m": [4000, 900], "demand": [50, 20], "value": 1.0}
DATA: dict[str, Any] = {
    "name": "three-depots",
    "area": {"width_m": 5000, "height_m": 4000},
    "uavs": [UAV, {**UAV, "id": "u2", "position_m": [0.1, 3999.9], "max_turn_rate_radps": 0.7, "cruise_mps": 35}],
    "targets": [TARGET],
    "obstacles": [
        {"kind": "circle", "center_m": [2000, 1500], "radius_m": 250},
        {"kind": "polygon", "vertices_m": [[800, 800], [1200, 800], [1000, 1300]]},
    ],
}
FULL = DATA | {
    "uavs": [
        {**UAV, "goal_m": [0, 40.5], "depot_m": [4000, 3000], "fails_s": 70},
        {**UAV, "id": "u2", "max_turn_rate_radps": 0.5},
    ],
    "targets": [{**TARGET, "service_time_s": 12.5, "appears_s": 99}],
    "time_limit_s": 300,
    "depot_m": [17, 23.5],
    "rules": {"coalition": "sync", "capture_radius_m": 60.5, "decision_interval_s": 10, "substep_s": 0.5},
}
"""Every field that task `allocate` takes up."""
ORIGIN = {"longitude_deg": 13.25, "latitude_deg": -52.5}


def changed(path: str, value: object) -> dict[str, Any]:
    """DATA with another value at a dotted path; None removes it."""
    data = copy.deepcopy(DATA)
    *parents, name = [int(part) if part.isdigit() else part for part in path.split(".")]
    node: Any = data
    for part in parents:
        node = node[part]
    if value is None:
        del node[name]
    else:
        node[name] = value
    return data


def assert_equal(one: Scenario, other: Scenario) -> None:
    for field in fields(Scenario):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name), err_msg=field.name)


def generated_worlds(num_worlds: int) -> AllocateWorlds:
    """With zones of both kinds."""
    generator = CONFIG.generator.model_copy(update={"num_obstacles": (2, 4), "polygon_share": 0.5})
    source = AllocateGenerator(generator, CONFIG.world, 0, False)
    worlds = AllocateWorlds(source, CONFIG.world, CONFIG.reward, num_worlds)
    worlds.reset()
    return worlds


def worlds_of(scenarios: list[Scenario], num_worlds: int, first_world: int = 0) -> AllocateWorlds:
    worlds = AllocateWorlds(
        ScenarioFiles(scenarios, CONFIG.world, seed=0), CONFIG.world, CONFIG.reward, num_worlds, first_world
    )
    worlds.reset()
    return worlds


@pytest.mark.parametrize("suffix", [".yaml", ".json"])
@pytest.mark.parametrize("name", [*SHIPPED_SCENARIOS, "given", "full", "generated"])
def test_scenario__comes_back_from_its_file_as_it_was(name: str, suffix: str, tmp_path: Path) -> None:
    given = {"given": DATA, "full": FULL | {"origin": ORIGIN}}
    if name == "generated":
        scenario = scenario_of(generated_worlds(1).state, 0)
    else:
        scenario = parse_scenario(given[name], "given") if name in given else load_scenario(SHIPPED_SCENARIOS[name])

    save_scenario(scenario, tmp_path / f"saved{suffix}")

    assert_equal(load_scenario(tmp_path / f"saved{suffix}"), scenario)
    assert [path.name for path in tmp_path.iterdir()] == [f"saved{suffix}"]


def test_scenario__comes_back_from_a_world() -> None:
    data = copy.deepcopy(FULL)
    data["uavs"][0] |= {"max_turn_rate_radps": 0.7}
    del data["uavs"][0]["goal_m"], data["uavs"][0]["depot_m"]
    scenario = parse_scenario(data, "given")

    read = scenario_of(worlds_of([scenario], 1).state, 0, "three-depots", CONFIG.world)

    assert read.uav_ids == ("u1", "u2")
    assert read.target_ids == ("t1",)
    for field in fields(Scenario):
        if isinstance(getattr(scenario, field.name), np.ndarray):
            expected, actual = (getattr(each, field.name).astype(np.float32) for each in (scenario, read))
            np.testing.assert_array_equal(actual, expected, err_msg=field.name)
    assert (read.name, read.time_limit_s, read.origin) == (scenario.name, scenario.time_limit_s, None)
    assert read.rules == scenario.rules


def test_scenario_of__gives_the_same_episode() -> None:
    generated = generated_worlds(3)
    observation, policy = generated.observe(), HEURISTICS["complete-first"](0)
    copied = worlds_of([scenario_of(generated.state, row) for row in range(3)], 3)
    seen = copied.observe()

    while not generated.state.ended.all():
        generated.advance(policy.act(generated, observation))
        copied.advance(policy.act(copied, seen))
        observation, seen = generated.observe(), copied.observe()

    outcomes, expected = (worlds.outcomes(worlds.state.ended) for worlds in (copied, generated))
    for name, values in expected.items():
        np.testing.assert_array_equal(outcomes[name], values, err_msg=name)


def test_scenario__is_read_as_the_file_says() -> None:
    scenario = parse_scenario(DATA, "given")

    assert scenario.sizes == Sizes(2, 1, 2, 2, num_vertices=3)
    assert (scenario.time_limit_s, scenario.depot_m, scenario.origin) == (None, None, None)
    np.testing.assert_array_equal(scenario.uav_goal_m, np.full((2, 2), np.nan))
    np.testing.assert_array_equal(scenario.uav_fails_s, np.inf)
    np.testing.assert_array_equal([scenario.target_service_s, scenario.target_appears_s], 0.0)
    np.testing.assert_array_equal(scenario.area_m, [5000.0, 4000.0])
    np.testing.assert_array_equal(scenario.uav_position_m, [[100.0, 200.0], [0.1, 3999.9]])
    np.testing.assert_array_equal(scenario.uav_max_turn_rate_radps, [np.nan, 0.7])
    np.testing.assert_array_equal(scenario.target_demand, [[50.0, 20.0]])
    # the box about the triangle reaches from (800, 800) to (1200, 1300): its middle, and the way to a corner from there
    np.testing.assert_array_equal(scenario.obstacle_center_m, [[2000.0, 1500.0], [1000.0, 1050.0]])
    np.testing.assert_allclose(scenario.obstacle_radius_m, [250.0, np.hypot(200.0, 250.0)], rtol=1e-5)
    assert scenario.obstacle_radius_m[1] > np.hypot(200.0, 250.0)
    np.testing.assert_array_equal(scenario.obstacle_num_vertices, [0, 3])
    np.testing.assert_array_equal(scenario.obstacle_vertices_m[1], [[800, 800], [1200, 800], [1000, 1300]])


def test_scenario__may_have_goals_instead_of_targets_in_task_navigate_only() -> None:
    data = changed("targets", [])
    for uav in data["uavs"]:
        uav["goal_m"] = [4000, 900]

    scenario = parse_scenario(data, "given")

    assert scenario.sizes.num_targets == 0
    assert scenario.target_demand.shape == (0, 2)
    with pytest.raises(ScenarioError, match="three-depots: it has no targets, only goals; add targets, or run it with"):
        ScenarioFiles([scenario], CONFIG.world, seed=0)


def test_scenario__needs_no_obstacles() -> None:
    assert parse_scenario(changed("obstacles", None), "given").obstacle_vertices_m.shape == (0, 0, 2)


def test_scenario_files__fill_what_the_file_leaves_out_from_the_settings() -> None:
    state = worlds_of([parse_scenario(DATA, "given")], 1).state

    np.testing.assert_allclose(state.uav_max_turn_rate_radps[0], [CONFIG.world.max_turn_rate_radps, 0.7], rtol=1e-6)
    # Sides of the area 5, side sqrt(5000 * 4000) = 4472.14 m, mean cruise speed (25 + 35) / 2 = 30 m/s.
    assert CONFIG.world.time_limit_sides == 5.0
    np.testing.assert_allclose(state.time_limit_s, [5 * 4472.14 / 30], rtol=1e-6)


def test_scenario_files__wrap_the_heading() -> None:
    state = worlds_of([parse_scenario(changed("uavs.0.heading_rad", 6.5 * np.pi), "given")], 1).state

    np.testing.assert_allclose(state.uav_heading_rad[0, 0], 0.5 * np.pi, rtol=1e-6)


def test_scenario_files__give_world_w_scenario_w_modulo_their_number() -> None:
    scenarios = [load_scenario(path) for path in SHIPPED_SCENARIOS.values()]
    source = ScenarioFiles(scenarios, CONFIG.world, seed=4)

    state = worlds_of(scenarios, num_worlds=4, first_world=2).state

    assert source.sizes == Sizes(num_uavs=15, num_targets=15, num_obstacles=8, num_resources=2)
    assert source.seed == 4
    assert state.uav_exists.sum(axis=1).tolist() == [15, 4, 10, 15]
    assert state.target_exists.sum(axis=1).tolist() == [15, 3, 5, 15]


def test_scenario_files__write_only_their_row() -> None:
    source = ScenarioFiles([parse_scenario(DATA, "given")], CONFIG.world, seed=0)
    state = AllocateState.empty(3, source.sizes)

    source.fill(state, np.array([1]), first_world=0)

    for array in state:
        assert not array[[0, 2]].any()


@pytest.mark.parametrize(
    ("name", "num_uavs", "num_targets", "num_obstacles", "supply"),
    [("small", 4, 3, 0, 350.0), ("balanced", 10, 5, 0, 500.0), ("complex", 15, 15, 8, 1200.0)],
)
def test_shipped_scenario__has_the_parameters_of_its_case(
    name: str, num_uavs: int, num_targets: int, num_obstacles: int, supply: float
) -> None:
    scenario = load_scenario(SHIPPED_SCENARIOS[name])

    assert scenario.name == name
    assert scenario.sizes == Sizes(num_uavs, num_targets, num_obstacles, 2)
    np.testing.assert_array_equal(scenario.area_m, [8000, 6000] if name == "complex" else [5000, 4000])
    np.testing.assert_array_equal(scenario.uav_resources.sum(axis=0), supply)
    np.testing.assert_array_equal(scenario.target_demand.sum(axis=0), supply)
    for values, low, high in (
        (scenario.uav_resources, 10, 120),
        (scenario.target_demand, 50, 200),
        (scenario.target_value, 75, 150),
        (scenario.uav_range_m, 6000, 15000),
        (scenario.uav_cruise_mps, 90, 150),
        (scenario.uav_max_turn_rate_radps, 0.6, 0.8),
    ):
        assert values.min() >= low
        assert values.max() <= high
    np.testing.assert_array_equal(scenario.uav_speed_mps, np.tile([50.0, 200.0], (num_uavs, 1)))


@pytest.mark.parametrize("name", SHIPPED_SCENARIOS)
def test_shipped_scenario__keeps_everything_clear_of_the_no_fly_zones(name: str) -> None:
    scenario = load_scenario(SHIPPED_SCENARIOS[name])

    for positions in (scenario.uav_position_m, scenario.target_position_m):
        offset = positions[:, None] - scenario.obstacle_center_m
        assert (np.hypot(offset[..., 0], offset[..., 1]) >= scenario.obstacle_radius_m + 100.0).all()


@pytest.mark.parametrize("name", SHIPPED_SCENARIOS)
def test_shipped_scenario__can_be_played_without_entering_a_zone(name: str) -> None:
    worlds, policy = worlds_of([load_scenario(SHIPPED_SCENARIOS[name])], 1), HEURISTICS["complete-first"](0)

    while not worlds.state.ended.all():
        worlds.advance(policy.act(worlds, worlds.observe()))

    outcomes = worlds.outcomes(worlds.state.ended)
    assert outcomes["satisfied_rate"][0] >= 0.8
    assert outcomes["collisions_per_uav"][0] == 0.0


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("uavs", [], "given: uavs: there is none; give at least one"),
        ("targets", [], "given: targets: there is none; give at least one, or give every UAV a goal_m"),
        ("uavs.0.position_m", [2100, 1600], r"uavs\.0\.position_m: .* is inside obstacles\.0; move one"),
        ("targets.0.position_m", [2000, 1500], r"targets\.0\.position_m: .* is inside obstacles\.0; move one"),
        ("uavs.1.position_m", [-1, 0], r"uavs\.1\.position_m: .* is outside the area .*; move it inside"),
        ("targets.0.position_m", [0, 4000.5], r"targets\.0\.position_m: .* is outside the area .*; move it inside"),
        ("uavs.0.resources", [60, -1], r"uavs\.0\.resources\.1: got -1; give a finite number at least 0 and at most"),
        ("uavs.1.resources", [60], r"uavs\.1\.resources: it has 1 kinds .* has 2; give one number per kind"),
        ("targets.0.demand", [60, 1, 2], r"targets\.0\.demand: it has 3 kinds .* has 2; give one number per kind"),
        ("targets.0.demand", [0, 0], r"targets\.0: demand is nothing of every kind; demand something, or omit"),
        ("uavs.1.id", "u1", r"uavs\.1\.id: 'u1' is used twice; give each its own id"),
        ("uavs.0.cruise_mps", 41, r"uavs\.0: cruise_mps=41\.0 is not within .*\[15\.0, 40\.0\]; put it between"),
        ("uavs.0.speed_mps", [40, 15], r"uavs\.0: speed_mps=\[40\.0, 15\.0\] begins with the higher; give the lowest"),
        ("uavs.0.range_m", 0, r"uavs\.0\.range_m: got 0; give a finite number at least 0.001 and at most"),
        ("uavs.0.range_m", float("nan"), r"uavs\.0\.range_m: got NaN; give a finite number at least 0.001"),
        ("uavs.0.range_m", float("inf"), r"uavs\.0\.range_m: got Infinity; give a finite number at least 0.001"),
        ("uavs.0.range_m", "9000", r'uavs\.0\.range_m: got "9000"; give a finite number at least 0.001'),
        ("uavs.0.range_m", True, r"uavs\.0\.range_m: got true; give a finite number at least 0.001"),
        ("uavs.0.range_m", None, r"uavs\.0\.range_m: is missing; give a finite number at least 0.001"),
        ("uavs.0.rnage_m", 1, r"uavs\.0\.rnage_m: unknown key; did you mean uavs\.0\.range_m\?"),
        (
            "uavs.0.position_m",
            [1, 2, 3],
            r"uavs\.0\.position_m: got \[1, 2, 3\]; give a list of 2, each a finite number",
        ),
        ("uavs.0.goal_m", [5001, 0], r"uavs\.0\.goal_m: .* is outside the area .*; move it inside"),
        ("uavs.0.goal_m", [2000, 1500], r"uavs\.0\.goal_m: .* is inside obstacles\.0; move one"),
        ("uavs.1.depot_m", [5001, 0], r"uavs\.1\.depot_m: .* is outside the area .*; move it inside"),
        ("uavs.0.depot_m", [2000, 1500], r"uavs\.0\.depot_m: .* is inside obstacles\.0; move one"),
        ("uavs.0.fails_s", -1, r"uavs\.0\.fails_s: got -1; give a finite number at least 0"),
        ("targets.0.service_time_s", -1, r"targets\.0\.service_time_s: got -1; give a finite number at least 0"),
        ("targets.0.appears_s", "soon", r'targets\.0\.appears_s: got "soon"; give a finite number at least 0'),
        ("depot_m", [2000, 1251], r"given: depot_m: .* is inside obstacles\.0; move one"),
        ("depot_m", [-1, 0], r"given: depot_m: .* is outside the area .*; move it inside"),
        (
            "origin",
            {"longitude_deg": 181, "latitude_deg": 0},
            r"origin\.longitude_deg: got 181; give a finite number at least -180 and at most 180",
        ),
        ("origin", {"longitude_deg": 1}, r"origin\.latitude_deg: is missing; give a finite number at least -85"),
        ("uavs.0.position_m", [1000, 1000], r"uavs\.0\.position_m: .* is inside obstacles\.1; move one"),
        ("uavs.0.position_m", [1000, 801], r"uavs\.0\.position_m: .* is inside obstacles\.1; move one"),
        ("targets.0.position_m", [1150, 820], r"targets\.0\.position_m: .* is inside obstacles\.1; move one"),
        (
            "obstacles.0.kind",
            "polygon",
            r"given: obstacles\.0\.center_m: unknown key; choose one of kind, id, vertices_m",
        ),
        (
            "obstacles.0.radius_m",
            None,
            r"given: obstacles\.0\.radius_m: is missing; give a finite number at least 0.001",
        ),
        ("obstacles.1.radius_m", 3, r"given: obstacles\.1\.radius_m: unknown key; choose one of kind, id, vertices_m"),
        ("obstacles.1.vertices_m", [[0, 0], [1, 0]], r"obstacles\.1\.vertices_m: got .*; give a list of 3 to 64, each"),
        (
            "obstacles.1.vertices_m",
            [[0, 9], [9, 0], [9, 9], [0, 0]],
            r"obstacles\.1\.vertices_m: edges 0 and 2 meet; order",
        ),
        (
            "obstacles.0.kind",
            "square",
            r'obstacles\.0: got {"kind": "square".*; give a mapping whose kind is circle or polygon',
        ),
        ("obstacles.0.kind", None, r'obstacles\.0: got {"center_m".*; give a mapping whose kind is circle or polygon'),
        ("name", "", 'given: name: got ""; give text of 1 to 64 characters'),
    ],
)
def test_scenario__is_refused_with_place_fault_and_remedy(path: str, value: object, message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        parse_scenario(changed(path, value), "given")


@pytest.mark.parametrize("data", [None, 3, [], "text"])
def test_scenario__is_refused_where_it_is_no_mapping(data: object) -> None:
    with pytest.raises(ScenarioError, match=r"^given: is not a mapping; write the fields name, area, .*uavs"):
        parse_scenario(data, "given")


def test_load_scenario__names_the_file(tmp_path: Path) -> None:
    file = tmp_path / "bad.json"
    file.write_text(json.dumps(changed("uavs", [])))

    with pytest.raises(ScenarioError, match=r"bad\.json: uavs: there is none; give at least one"):
        load_scenario(file)


@pytest.mark.parametrize("content", [b"", b"name: a\nname: b\n", b"\xff\xfe", b"!!python/object:os.system {}\n"])
def test_load_scenario__refuses_what_is_no_plain_yaml(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_bytes(content)

    with pytest.raises(ScenarioError, match=r"bad\.yaml"):
        load_scenario(file)


def test_load_scenario__refuses_a_folder_and_a_missing_file(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.yaml"):
        with pytest.raises(ScenarioError, match="name a YAML file"):
            load_scenario(path)


@pytest.mark.parametrize("name", ["saved", "saved.txt", "saved.geojson"])
def test_save_scenario__refuses_a_name_that_does_not_say_how_to_read_it(name: str, tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"is no name of a scenario file; name it \*\.yaml or \*\.json"):
        save_scenario(parse_scenario(DATA, "given"), tmp_path / name)

    assert list(tmp_path.iterdir()) == []


def test_save_scenario__leaves_nothing_where_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "folder.yaml").mkdir()

    for path in (tmp_path / "folder.yaml", tmp_path / "missing" / "saved.yaml"):
        with pytest.raises(ScenarioError, match=r"cannot be written .*; name a file in a writable folder"):
            save_scenario(parse_scenario(DATA, "given"), path)

    assert [path.name for path in tmp_path.iterdir()] == ["folder.yaml"]


def test_scenario_files__refuse_a_uav_that_could_circle_for_ever() -> None:
    # 15 m/s at 0.1 rad/s turns on a radius of 150 m, above the capture radius of 100 m.
    scenario = parse_scenario(changed("uavs.1.max_turn_rate_radps", 0.1), "given")

    with pytest.raises(ScenarioError, match=r"three-depots: uavs\.1: .* 150 m, above .* 100 m.*; raise max_turn_rate"):
        ScenarioFiles([scenario], CONFIG.world, seed=0)


def test_scenario_files__refuse_scenarios_of_different_kinds() -> None:
    other = changed("uavs.0.resources", [1])
    other["uavs"][1]["resources"], other["targets"][0]["demand"] = [1], [1]

    with pytest.raises(ScenarioError, match="it has 1 kinds of resource, but three-depots has 2; use scenarios with"):
        ScenarioFiles([parse_scenario(DATA, "given"), parse_scenario(other, "other")], CONFIG.world, seed=0)
