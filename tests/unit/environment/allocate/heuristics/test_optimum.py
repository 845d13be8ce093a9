"""The optimum on cases that can be solved by hand; the extra `ortools` is part of `make install`."""

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from rl_cluster.config.load import load_config
from rl_cluster.config.schema import AllocateConfig
from rl_cluster.environment.allocate.heuristics import EXTRAS
from rl_cluster.environment.allocate.heuristics.optimum import Episode, Optimum, instance_of
from rl_cluster.environment.allocate.heuristics.route_model import Plan, solve
from rl_cluster.environment.allocate.worlds import AllocateWorlds
from rl_cluster.environment.scenario.scenario_file import Scenario, parse_scenario
from rl_cluster.environment.shared.interface import Policy
from rl_cluster.environment.tasks import TASKS, make_scenario_source, make_source, make_worlds
from rl_cluster.errors import ConfigError
from rl_cluster.sampling.episodes import evaluate


def _config(*overrides: str) -> AllocateConfig:
    config = load_config("quick_demo", ["generator.num_resources=1", *overrides])
    assert isinstance(config, AllocateConfig)
    return config


CONFIG = _config()
HEURISTICS = TASKS["allocate"].heuristics


def _scenario(uavs: list[tuple[float, float, float]], targets: list[tuple[float, float]]) -> Scenario:
    """UAVs as (x, resources, range), targets as (x, demand), all on one line."""
    flight = {"heading_rad": 0.0, "speed_mps": [10.0, 30.0], "cruise_mps": 20.0}
    data: dict[str, Any] = {
        "name": "line",
        "area": {"width_m": 10000.0, "height_m": 1000.0},
        "time_limit_s": 2000.0,
        "uavs": [
            {"id": f"u{i}", "position_m": [x, 500.0], "resources": [amount], "range_m": range_m, **flight}
            for i, (x, amount, range_m) in enumerate(uavs)
        ],
        "targets": [
            {"id": f"t{j}", "position_m": [x, 500.0], "demand": [demand], "value": 1.0}
            for j, (x, demand) in enumerate(targets)
        ],
        "obstacles": [],
    }
    return parse_scenario(data, "line")


def _play(scenario: Scenario, policy: Any) -> dict[str, float]:
    outcomes = evaluate(policy, make_scenario_source(CONFIG, [scenario], seed=0), CONFIG, num_episodes=1)
    return {name: float(values[0]) for name, values in outcomes.items()}


# The small UAV is nearest to the big target and would spend itself there. The big one alone can close it, and flies no
# further than that.
SWAP = _scenario(uavs=[(5000.0, 10.0, 9000.0), (1000.0, 50.0, 4800.0)], targets=[(5500.0, 50.0), (8000.0, 10.0)])


def test_optimum__closes_what_greedy_leaves_open() -> None:
    assert _play(SWAP, HEURISTICS["greedy"](0))["satisfied_rate"] < 1.0
    assert _play(SWAP, Optimum())["satisfied_rate"] == 1.0


def test_solve__finds_the_shortest_routes_by_hand() -> None:
    worlds = AllocateWorlds(make_scenario_source(CONFIG, [SWAP], 0), CONFIG.world, CONFIG.reward, num_worlds=1)
    worlds.reset()

    plan = solve(instance_of(worlds.state, 0), is_strict=True)

    # UAV 0 to the far small target, 3000 m, UAV 1 to the big one, 4500 m.
    assert (plan.num_closed, plan.bound, plan.routes) == (2, 2, [[1], [0]])


def test_solve__one_uav_serves_two_targets_in_the_shorter_order() -> None:
    scenario = _scenario(uavs=[(2000.0, 30.0, 9000.0)], targets=[(4000.0, 10.0), (3000.0, 10.0)])
    worlds = AllocateWorlds(make_scenario_source(CONFIG, [scenario], 0), CONFIG.world, CONFIG.reward, num_worlds=1)
    worlds.reset()

    plan = solve(instance_of(worlds.state, 0), is_strict=True)

    assert (plan.num_closed, plan.routes) == (2, [[1, 0]])


def test_solve__keeps_to_the_range() -> None:
    """Out to 1000 m one way and 1000 m the other takes 3000 m; with less range, one target is left."""
    for range_m, num_closed in ((3100.0, 2), (2900.0, 1)):
        scenario = _scenario(uavs=[(2000.0, 30.0, range_m)], targets=[(1000.0, 10.0), (3000.0, 10.0)])
        worlds = AllocateWorlds(make_scenario_source(CONFIG, [scenario], 0), CONFIG.world, CONFIG.reward, 1)
        worlds.reset()

        assert solve(instance_of(worlds.state, 0), is_strict=True).num_closed == num_closed


def test_optimum__is_never_below_a_planning_heuristic_nor_above_its_bound() -> None:
    config = load_config("quick_demo", ["generator.num_uavs=[2, 4]", "generator.num_targets=[2, 4]"])
    num_episodes = 6
    optimum: Any = Optimum()
    source = make_source(config, seed=11, is_training=False)
    worlds = make_worlds(config, source, num_episodes)
    worlds.reset()
    num_targets = worlds.state_dict()["target_exists"].astype(np.int64).sum(axis=1)

    best = evaluate(optimum, source, config, num_episodes)["satisfied_rate"] * num_targets
    other = evaluate(HEURISTICS["complete-first"](0), source, config, num_episodes)["satisfied_rate"] * num_targets

    bound = np.array([optimum.bounds[Episode(source, world, 0)].satisfied for world in range(num_episodes)])
    assert (best >= other - 1e-9).all()
    assert (best <= bound + 1e-9).all()


def test_solve__without_time_flies_nowhere_and_proves_nothing() -> None:
    worlds = AllocateWorlds(make_scenario_source(CONFIG, [SWAP], 0), CONFIG.world, CONFIG.reward, num_worlds=1)
    worlds.reset()

    for is_strict in (True, False):
        plan = solve(instance_of(worlds.state, 0), is_strict, effort=0.0)

        assert plan == Plan(num_closed=0, bound=2, routes=[[], []])


def test_optimum__without_a_plan_in_time_plays_the_best_heuristic() -> None:
    source, optimum = make_scenario_source(CONFIG, [SWAP], seed=0), Optimum(effort=0.0)

    best = _play(SWAP, optimum)

    heuristics = [_play(SWAP, HEURISTICS[name](0))["satisfied_rate"] for name in ("complete-first", "hungarian")]
    assert best["satisfied_rate"] >= max(heuristics)
    evaluate(cast("Policy", optimum), source, CONFIG, num_episodes=1)
    assert optimum.remark(source).endswith("no policy satisfies more than 2 of their 2 targets")


def test_optimum__is_the_same_every_time() -> None:
    assert _play(SWAP, Optimum()) == _play(SWAP, Optimum())


def test_optimum__plans_anew_for_each_scenario() -> None:
    mirror = replace(SWAP, target_position_m=SWAP.target_position_m[::-1].copy())
    optimum = Optimum()

    _play(mirror, optimum)

    assert _play(SWAP, optimum) == _play(SWAP, Optimum())


def test_optimum__remarks_on_what_was_proved() -> None:
    source = make_scenario_source(CONFIG, [SWAP], seed=0)
    optimum: Any = Optimum()

    evaluate(optimum, source, CONFIG, num_episodes=1)

    assert optimum.remark(source) == (
        "optimum: proven best in 1 of 1 episodes; no policy satisfies more than 2 of their 2 targets"
    )


def test_optimum__refuses_large_worlds() -> None:
    scenario = _scenario(uavs=[(100.0 * i, 10.0, 9000.0) for i in range(1, 10)], targets=[(5000.0, 10.0)])
    source = make_scenario_source(CONFIG, [scenario], seed=0)

    with pytest.raises(ConfigError, match=r"at most 8 UAVs and targets, not 9 and 1; omit optimum, or play smaller"):
        Optimum().check(source, CONFIG)


def test_optimum__refuses_synchronous_coalitions() -> None:
    config = _config("world.coalition=sync")

    with pytest.raises(ConfigError, match=r"optimum has no model of coalition sync; omit optimum"):
        Optimum().check(make_scenario_source(config, [SWAP], seed=0), config)


def test_extras__make_the_optimum() -> None:
    assert EXTRAS["optimum"](0).name == "optimum"
    assert "optimum" not in HEURISTICS
