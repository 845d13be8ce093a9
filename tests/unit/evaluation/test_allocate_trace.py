import io
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import yaml
from numpy.typing import NDArray

from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.environment.scenario.scenario_file import parse_scenario
from rl_cluster.environment.shared.interface import EpisodeSource, Policy
from rl_cluster.environment.tasks import TASKS, make_scenario_source, make_source
from rl_cluster.evaluation.trace import Trace
from rl_cluster.sampling.episodes import ModelPolicy, evaluate
from rl_cluster.sampling.network import make_model
from rl_cluster.sampling.search.budget import Budget
from rl_cluster.sampling.search.search_policy import SearchPolicy
from tests.reference.fewest import fewest_that_cover
from tests.unit.environment.allocate.all_rules import with_all_rules

CONFIG = load_config(
    "debug",
    [
        "model.width=8",
        "model.num_heads=2",
        "generator.range_sides=[0.5, 2.0]",
        "generator.supply_demand_ratio=[0.8, 2.0]",
    ],
)
SOURCE = make_source(CONFIG, seed=5, is_training=False)
NUM_EPISODES = 20
POLICIES: dict[str, Callable[[], Policy]] = {
    "greedy": lambda: TASKS["allocate"].heuristics["greedy"](0),
    "policy sampled": lambda: ModelPolicy(make_model(CONFIG), "sampled"),
    "search": lambda: SearchPolicy(CONFIG, Budget(plans=16)),
}


def recompute(episode: dict[str, Any]) -> dict[str, float]:
    """The metrics of a traced episode, from its scenario and steps alone, in plain Python."""
    uavs, targets = episode["scenario"]["uavs"], episode["scenario"]["targets"]
    steps, num_uavs = episode["steps"], len(uavs)
    served = [[0.0] * len(target["demand"]) for target in targets]
    involved: list[set[int]] = [set() for _ in targets]
    closed = set()
    last_s = math.nan
    wasted = 0
    for step in steps:
        for uav, target, units in step["delivered"]:
            served[target] = [before + unit for before, unit in zip(served[target], units, strict=True)]
            if max(units) > 1e-4:
                involved[target].add(uav)
        for target, time_s, on_their_way in step["closed"]:
            assert steps[-1]["time_s"] >= time_s
            closed.add(target)
            last_s = time_s if math.isnan(last_s) else max(last_s, time_s)
            involved[target].update(on_their_way)
            wasted += len(on_their_way)
    for uav, target in enumerate(episode["choice_at_end"]):
        if target >= 0:
            involved[target].add(uav)
    carried = [uav["resources"] for uav in uavs]
    crowding, met = [], []
    for number, target in enumerate(targets):
        ideal = fewest_that_cover(carried, target["demand"])
        crowding.append(min(1.0, max(0.0, len(involved[number]) / ideal - 1.0)))
        met.append(1.0 if number in closed else sum(served[number]) / sum(target["demand"]))
    value = sum(target["value"] for target in targets)
    satisfied, congestion = len(closed) / len(targets), sum(crowding) / len(targets)
    flown_km = sum(sum(step["flown_m"]) for step in steps) / 1000.0
    return {
        "normalized_completion_score": satisfied * (1.0 - congestion),
        "satisfied_rate": satisfied,
        "completion_rate": sum(met) / len(targets),
        "value_rate": sum(targets[number]["value"] for number in closed) / value,
        "congestion": congestion,
        "per_agent_reward": sum(sum(step["reward"]) for step in steps) / num_uavs,
        "efficiency_per_km": len(closed) / flown_km if flown_km else 0.0,
        "last_service_s": last_s,
        "makespan_s": steps[-1]["time_s"],
        "path_km_per_uav": flown_km / num_uavs,
        "wasted_trips_per_uav": wasted / num_uavs,
        "waiting_s_per_uav": sum(sum(step["waited_s"]) for step in steps) / num_uavs,
        "collisions_per_uav": sum(sum(step["collisions"]) for step in steps) / num_uavs,
        "success_rate": float(episode["end"] == "terminated"),
        "timeout_rate": float(episode["end"] == "time limit"),
        "deadlock_rate": float(episode["end"] == "deadlock"),
    }


def _play(
    policy: Policy, batch_size: int = 8, config: Config = CONFIG, source: EpisodeSource = SOURCE
) -> tuple[dict[str, NDArray[np.float64]], list[dict[str, Any]]]:
    file = io.StringIO()
    outcomes = evaluate(
        policy, source, config, NUM_EPISODES, batch_size=batch_size, observer=Trace(file, TASKS["allocate"].recording)
    )
    return outcomes, [json.loads(line) for line in file.getvalue().splitlines()]


@pytest.fixture(params=POLICIES, scope="module")
def played(request: pytest.FixtureRequest) -> tuple[dict[str, NDArray[np.float64]], list[dict[str, Any]]]:
    """Outcomes and traces of 20 episodes."""
    return _play(POLICIES[request.param]())


Played = tuple[dict[str, NDArray[np.float64]], list[dict[str, Any]]]


@pytest.fixture(params=["sum", "sync"], scope="module")
def played_by_all_rules(request: pytest.FixtureRequest) -> tuple[dict[str, NDArray[np.float64]], list[dict[str, Any]]]:
    """The same of a world with everything switched on."""
    config = with_all_rules(CONFIG, coalition=request.param, resource_kind="capability")
    source = make_source(config, seed=5, is_training=False)
    return _play(POLICIES["greedy"](), config=config, source=source)


def assert_recomputed(outcomes: dict[str, NDArray[np.float64]], episodes: list[dict[str, Any]]) -> None:
    assert [episode["episode"] for episode in episodes] == list(range(NUM_EPISODES))
    for number, episode in enumerate(episodes):
        recomputed = recompute(episode)
        assert recomputed.keys() == outcomes.keys()
        for name, values in outcomes.items():
            assert recomputed[name] == pytest.approx(values[number], rel=1e-6, abs=1e-6, nan_ok=True), (number, name)
            assert episode["metrics"][name] == (None if math.isnan(values[number]) else values[number])


def test_trace__gives_back_every_reported_metric(played: Played) -> None:
    assert_recomputed(*played)


def test_trace__gives_back_every_reported_metric_by_all_rules(played_by_all_rules: Played) -> None:
    outcomes, _ = played_by_all_rules

    assert 0.0 < outcomes["success_rate"].mean() < 1.0
    assert (outcomes["value_rate"] != outcomes["satisfied_rate"]).any()
    assert_recomputed(*played_by_all_rules)


def test_trace__covers_what_can_happen() -> None:
    """The episodes above hold these events, so that comparing them means something."""
    outcomes, episodes = _play(POLICIES["greedy"]())

    steps = [step for episode in episodes for step in episode["steps"]]
    assert {episode["end"] for episode in episodes} >= {"terminated", "deadlock"}
    assert any(on_their_way for step in steps for _, _, on_their_way in step["closed"])
    assert outcomes["congestion"].max() > 0


STRANDED = """
name: stranded
area: {width_m: 4000, height_m: 4000}
time_limit_s: 100
uavs:
  - {id: out-of-range, position_m: [2000, 2000], heading_rad: 3.14, resources: [5, 5], range_m: 410,
     speed_mps: [15, 40], cruise_mps: 25}
  - {id: out-of-time, position_m: [100, 100], heading_rad: 0, resources: [5, 5], range_m: 9000,
     speed_mps: [15, 40], cruise_mps: 25}
targets: [{id: t1, position_m: [2400, 2000], demand: [10, 10], value: 1}]
"""


def test_trace__of_uavs_out_of_range_and_time() -> None:
    # The first UAV is in range of the target, 400 m behind it, but a half circle of radius 25 / 0.3 = 83 m takes 262 m:
    # its 410 m end on the way, within the first interval (500 m). The second UAV has to fly 3 km, but has 100 s.
    source = make_scenario_source(CONFIG, [parse_scenario(yaml.safe_load(STRANDED), "test")], seed=0)
    file = io.StringIO()

    outcomes = evaluate(POLICIES["greedy"](), source, CONFIG, 1, observer=Trace(file, TASKS["allocate"].recording))

    episode = json.loads(file.getvalue())
    assert [step["grounded"] for step in episode["steps"]] == [[0], [], [], [], []]
    assert sum(step["flown_m"][0] for step in episode["steps"]) == pytest.approx(410.0)
    assert (episode["end"], episode["choice_at_end"]) == ("time limit", [-1, 0])
    assert recompute(episode) == pytest.approx({name: values[0] for name, values in outcomes.items()}, nan_ok=True)


def test_trace__steps_add_up_to_a_flight(played: Played) -> None:
    for episode in played[1]:
        position_m = np.array([uav["position_m"] for uav in episode["scenario"]["uavs"]])
        flown_m, left = np.zeros(len(position_m)), np.array([uav["resources"] for uav in episode["scenario"]["uavs"]])
        for step in episode["steps"]:
            moved_m = np.linalg.norm(np.array(step["position_m"]) - position_m, axis=1)
            assert (moved_m <= np.array(step["flown_m"]) + 0.01).all()
            position_m, flown_m = np.array(step["position_m"]), flown_m + step["flown_m"]
            for uav, target, units in step["delivered"]:
                assert step["choice"][uav] == target
                left[uav] -= units
        assert (flown_m <= np.array([uav["range_m"] for uav in episode["scenario"]["uavs"]]) + 0.1).all()
        assert (left >= -1e-3).all()


def test_trace__does_not_depend_on_the_batch_size() -> None:
    assert _play(POLICIES["greedy"](), batch_size=3)[1] == _play(POLICIES["greedy"](), batch_size=20)[1]


def test_trace__holds_scenarios_that_play_the_same_episodes_again() -> None:
    outcomes, episodes = _play(POLICIES["greedy"]())
    scenarios = [parse_scenario(episode["scenario"], "trace") for episode in episodes]

    again = evaluate(POLICIES["greedy"](), make_scenario_source(CONFIG, scenarios, seed=0), CONFIG, NUM_EPISODES)

    for name, values in outcomes.items():
        np.testing.assert_allclose(again[name], values, rtol=1e-6, atol=1e-6, err_msg=name)


def _ways(episode: dict[str, Any]) -> list[NDArray[np.float64]]:
    """Each UAV's [[time_s, x, y], ..] from the start to the end."""
    ways = [[[0.0, *uav["position_m"]]] for uav in episode["scenario"]["uavs"]]
    for step in episode["steps"]:
        for way, turns, position_m in zip(ways, step["turns"], step["position_m"], strict=True):
            way += [*turns, [step["time_s"], *position_m]]
    return [np.array(way) for way in ways]


def test_ways__are_as_long_as_what_was_flown_and_end_with_the_episode(played: Played) -> None:
    """The lines through all turns have the length of the metric; those between decisions are shorter."""
    num_shorter = 0
    for episode in played[1]:
        flown_km = []
        for uav, way in enumerate(_ways(episode)):
            assert (np.diff(way[:, 0]) > 0.0).all()
            assert way[-1, 0] == episode["metrics"]["makespan_s"]
            ends_m = np.array([way[0, 1:], *(step["position_m"][uav] for step in episode["steps"])])
            length_m = np.linalg.norm(np.diff(way[:, 1:], axis=0), axis=1).sum()
            flown_m = sum(step["flown_m"][uav] for step in episode["steps"])
            assert length_m == pytest.approx(flown_m, rel=1e-5, abs=0.05)
            num_shorter += np.linalg.norm(np.diff(ends_m, axis=0), axis=1).sum() < length_m - 1.0
            flown_km.append(length_m / 1000.0)
        assert sum(flown_km) / len(flown_km) == pytest.approx(episode["metrics"]["path_km_per_uav"], rel=1e-4)
    assert num_shorter > 0


def test_ways__are_the_same_whatever_the_batch_size() -> None:
    one, many = (_play(POLICIES["greedy"](), batch_size=size)[1][:5] for size in (1, 8))

    assert [episode["steps"] for episode in one] == [episode["steps"] for episode in many]
