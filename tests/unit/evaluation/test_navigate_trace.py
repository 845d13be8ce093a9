import io
import json
import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.environment.scenario.scenario_file import parse_scenario
from rl_cluster.environment.tasks import TASKS, make_scenario_source, make_source
from rl_cluster.evaluation.trace import Trace
from rl_cluster.sampling.episodes import ModelPolicy, evaluate
from rl_cluster.sampling.network import make_model

NUM_EPISODES = 12
SETTINGS = (
    "model.width=8",
    "model.num_heads=2",
    "generator.num_uavs=[1, 5]",
    "generator.spacing_m=60.0",
    "generator.obstacle_radius_m=[2.0, 3.9]",
    "generator.num_obstacles=[0, 3]",
    "world.time_limit_sides=2.0",
    "world.arrival_radius_m=25.0",
    "world.collision_distance_m=6.0",
    "world.warning_distance_m=12.0",
)
CONFIGS = {
    "crossing": load_config("navigate_demo", SETTINGS),
    "formation": load_config(
        "navigate_demo", [*SETTINGS, "world.formation_radius_m=60.0", "world.arrival_radius_m=45.0"]
    ),
    "double_integrator": load_config("navigate_demo", [*SETTINGS, "world.dynamics=double_integrator"]),
}


def recompute(episode: dict[str, Any], formation_radius_m: float) -> dict[str, float]:
    """The metrics of a traced episode, from its scenario and steps alone, in plain Python."""
    uavs, steps = episode["scenario"]["uavs"], episode["steps"]
    count, end_s = len(uavs), steps[-1]["time_s"]
    collisions, flown_m, effort_s, arrival_s = [0] * count, [0.0] * count, 0.0, [math.inf] * count
    before_s, kept, strictly_kept = 0.0, 0.0, 0
    for step in steps:
        for uav in range(count):
            collisions[uav] += step["collisions"][uav]
            flown_m[uav] += step["flown_m"][uav]
        effort_s += sum((u * u + v * v) / 2.0 for u, v in step["controls"]) * (step["time_s"] - before_s)
        for uav in step["arrived"]:
            assert arrival_s[uav] == math.inf
            arrival_s[uav] = step["time_s"]
        leader, *followers = step["position_m"]
        inside = [math.dist(leader, follower) <= formation_radius_m for follower in followers]
        kept += sum(inside) / max(1, len(inside))
        strictly_kept += all(inside)
        before_s = step["time_s"]
    arrived, has_formation = [time_s < math.inf for time_s in arrival_s], formation_radius_m > 0.0 and count > 1
    straight_m = [math.dist(uav["position_m"], uav["goal_m"]) for uav in uavs]
    share = [sum(x for x, is_in in zip(column, arrived, strict=True) if is_in) for column in (flown_m, straight_m)]
    is_safe = [number == 0 for number in collisions]
    return {
        "success_rate": sum(a and s for a, s in zip(arrived, is_safe, strict=True)) / count,
        "reach_rate": sum(arrived) / count,
        "safety_rate": sum(is_safe) / count,
        "all_reached_rate": float(all(arrived)),
        "collisions_per_uav": sum(collisions) / count,
        "mean_time_s": sum(min(time_s, end_s) for time_s in arrival_s) / count,
        "makespan_s": end_s,
        "path_m_per_uav": sum(flown_m) / count,
        "path_ratio": share[0] / share[1] if share[1] else np.nan,
        "effort_s_per_uav": effort_s / count,
        "formation_keeping_rate": kept / len(steps) if has_formation else np.nan,
        "strict_formation_keeping_rate": strictly_kept / len(steps) if has_formation else np.nan,
        "per_agent_reward": sum(sum(step["reward"]) for step in steps) / count,
        "timeout_rate": float(episode["end"] == "time limit"),
    }


Played = tuple[Config, dict[str, NDArray[np.float64]], list[dict[str, Any]]]


def _play(config: Config, batch_size: int = 5) -> Played:
    file, source = io.StringIO(), make_source(config, seed=5, is_training=False)
    policy = ModelPolicy(make_model(config), "sampled")
    outcomes = evaluate(
        policy, source, config, NUM_EPISODES, batch_size=batch_size, observer=Trace(file, TASKS["navigate"].recording)
    )
    return config, outcomes, [json.loads(line) for line in file.getvalue().splitlines()]


@pytest.fixture(params=CONFIGS, scope="module")
def played(request: pytest.FixtureRequest) -> Played:
    """Outcomes and traces of an untrained policy, which wanders about."""
    return _play(CONFIGS[request.param])


def test_trace__gives_back_every_reported_metric(played: Played) -> None:
    config, outcomes, episodes = played

    assert [episode["episode"] for episode in episodes] == list(range(NUM_EPISODES))
    for number, episode in enumerate(episodes):
        recomputed = recompute(episode, config.world.formation_radius_m)
        assert recomputed.keys() == outcomes.keys()
        for name, values in outcomes.items():
            assert recomputed[name] == pytest.approx(values[number], rel=1e-5, abs=1e-5, nan_ok=True), (number, name)
            written = episode["metrics"][name]
            assert written == values[number] or (written is None and np.isnan(values[number]))


def test_trace__covers_what_can_happen(played: Played) -> None:
    """The episodes hold these events, so that comparing them means something."""
    config, outcomes, episodes = played

    assert {episode["end"] for episode in episodes} == {"terminated", "time limit"}
    assert 0.0 < outcomes["reach_rate"].mean() < 1.0
    assert outcomes["collisions_per_uav"].max() > 0.0
    assert np.nanmin(outcomes["formation_keeping_rate"], initial=1.0) < 1.0 or config.world.formation_radius_m == 0.0


def test_trace__steps_add_up_to_a_flight(played: Played) -> None:
    config, _, episodes = played
    for episode in episodes:
        position_m = np.array([uav["position_m"] for uav in episode["scenario"]["uavs"]])
        arrived: set[int] = set()
        for step in episode["steps"]:
            after_m = np.array(step["position_m"])
            np.testing.assert_allclose(np.linalg.norm(after_m - position_m, axis=1), step["flown_m"], atol=1e-2)
            assert np.abs(step["controls"]).max() <= 1.0
            assert not np.any([step["controls"][uav] for uav in arrived])
            arrived |= set(step["arrived"])
            speed_mps = np.linalg.norm(step["velocity_mps"], axis=1)
            assert (speed_mps <= config.world.speed_mps[1] + 1e-3).all()
            assert not speed_mps[list(arrived)].any()
            position_m = after_m


def test_trace__holds_scenarios_that_begin_the_same_episodes_again(played: Played) -> None:
    config, _, episodes = played
    scenarios = [parse_scenario(episode["scenario"], "trace") for episode in episodes]
    source, file = make_scenario_source(config, scenarios, seed=5), io.StringIO()

    evaluate(
        ModelPolicy(make_model(config), "sampled"),
        source,
        config,
        NUM_EPISODES,
        observer=Trace(file, TASKS["navigate"].recording),
    )

    again = [json.loads(line) for line in file.getvalue().splitlines()]
    for first, second in zip(episodes, again, strict=True):
        assert second["scenario"] == first["scenario"]
        np.testing.assert_allclose(second["steps"][0]["position_m"], first["steps"][0]["position_m"], atol=1e-3)
