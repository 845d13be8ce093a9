"""Laws of the search: never below its best candidate, nothing touched, the same choice in every batch."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.environment.allocate.generator import AllocateGenerator
from rl_cluster.environment.scenario.scenario_file import Scenario, parse_scenario
from rl_cluster.environment.shared.interface import Policy, Worlds
from rl_cluster.environment.tasks import make_scenario_source, make_source, make_worlds, task_of
from rl_cluster.errors import ConfigError
from rl_cluster.sampling.episodes import ModelPolicy
from rl_cluster.sampling.network import make_model
from rl_cluster.sampling.search.budget import Budget
from rl_cluster.sampling.search.objective import Objective
from rl_cluster.sampling.search.search_policy import SearchPolicy, make_searches

SEED = 4
NETWORK = ["model.width=8", "model.num_heads=2", "model.precision=fp32", "world.intent_rounds=2"]
DEMO = load_config("quick_demo", NETWORK)
CONFIGS = {
    "plain": DEMO,
    "sync": load_config("quick_demo", [*NETWORK, "world.coalition=sync", "generator.service_time_s=[0.0, 60.0]"]),
    "capability": load_config(
        "quick_demo", [*NETWORK, "world.resource_kind=capability", "generator.target_value=[0.5, 4.0]"]
    ),
    "sync capability": load_config("quick_demo", [*NETWORK, "world.coalition=sync", "world.resource_kind=capability"]),
    "depot": load_config(
        "quick_demo", [*NETWORK, "generator.has_depot=true", "generator.obstacle_radius_m=[50.0, 150.0]"]
    ),
    "kept": load_config(
        "quick_demo",
        ["model.width=8", "world.intent_rounds=1", "world.training_intent_rounds=1", "world.replan=false"],
    ),
    "navigate": load_config("navigate_demo", ["generator.num_obstacles=[0, 3]", "world.time_limit_sides=1.5"]),
}
FAST = Budget(plans=12)


def begun(config: Config, num_worlds: int, first_world: int = 0) -> Worlds:
    worlds = make_worlds(config, make_source(config, SEED, is_training=False), num_worlds, first_world)
    worlds.reset()
    return worlds


def played(policy: Policy, worlds: Worlds, config: Config, num_steps: int = 1000) -> NDArray[np.float64]:
    """(B,) the objective at the end."""
    while num_steps and not worlds.state.ended.all():
        worlds.advance(policy.act(worlds, worlds.observation))
        worlds.observe()
        num_steps -= 1
    planning = task_of(config).planning
    return Objective(planning.objective).value(planning.terms(worlds, worlds.state.ended))


@pytest.mark.parametrize("name", CONFIGS)
def test_search__is_never_below_any_heuristic_in_any_episode(name: str) -> None:
    config, num_worlds = CONFIGS[name], 12 if name != "navigate" else 3
    found = played(SearchPolicy(config, FAST, SEED), begun(config, num_worlds), config)

    for heuristic, make in task_of(config).heuristics.items():
        if heuristic != "random":
            assert (found >= played(make(SEED), begun(config, num_worlds), config)).all(), heuristic


def test_search__is_never_below_the_network_that_it_searches_with() -> None:
    model = ModelPolicy(make_model(DEMO).eval(), "argmax")
    found = played(SearchPolicy(DEMO, FAST, SEED, model), begun(DEMO, 6), DEMO)

    argmax = [played(model, begun(DEMO, 1, world), DEMO)[0] for world in range(6)]
    assert (found >= argmax).all()


@pytest.mark.slow
def test_search__is_no_worse_with_more_plans_in_expectation() -> None:
    config = load_config("quick_demo", ["generator.num_uavs=[2, 4]", "generator.num_targets=[2, 4]"])

    means = [
        played(SearchPolicy(config, Budget(plans), SEED), begun(config, 200), config).mean() for plans in (1, 16, 64)
    ]

    assert means == sorted(means)
    assert means[2] > means[0] + 0.02


@pytest.mark.parametrize("has_network", [False, True])
def test_search__chooses_the_same_in_every_batch(has_network: bool) -> None:
    model = ModelPolicy(make_model(DEMO).eval(), "argmax") if has_network else None
    whole = begun(DEMO, 4)
    played(SearchPolicy(DEMO, FAST, SEED, model), whole, DEMO)

    for world in range(4):
        alone = begun(DEMO, 1, world)
        played(SearchPolicy(DEMO, FAST, SEED, model), alone, DEMO)
        for field, array in alone.state_dict().items():
            np.testing.assert_array_equal(array[0], whole.state_dict()[field][world], err_msg=field)


@pytest.mark.parametrize("name", CONFIGS)
def test_search__touches_nothing(name: str) -> None:
    worlds = begun(CONFIGS[name], 2)
    policy = SearchPolicy(CONFIGS[name], FAST, SEED)
    for _ in range(2):
        before = worlds.state_dict()
        seen = {field: array.copy() for field, array in worlds.observation._asdict().items()}

        actions = policy.act(worlds, worlds.observation)

        for field, array in worlds.state_dict().items():
            np.testing.assert_array_equal(array, before[field], err_msg=field)
        for field, array in worlds.observation._asdict().items():
            np.testing.assert_array_equal(array, seen[field], err_msg=field)
        worlds.advance(actions)
        worlds.observe()


def test_search__plays_on_where_episodes_begin_at_different_times() -> None:
    worlds = begun(DEMO, 3)
    policy = SearchPolicy(DEMO, FAST, SEED)
    for _ in range(12):
        worlds.step(policy.act(worlds, worlds.observation))

    assert worlds.state.episode.min() >= 0
    assert worlds.state.episode.max() > 0


def test_search__may_be_given_time_instead_of_plans() -> None:
    found = played(SearchPolicy(DEMO, Budget(plans=0, ms=1), SEED), begun(DEMO, 3), DEMO)

    reference = played(task_of(DEMO).heuristics["complete-first"](0), begun(DEMO, 3), DEMO)
    assert (found >= reference).all()  # the first plan is played in any case


def test_search__does_not_know_the_future() -> None:
    """Two scenarios that look alike, and go on differently."""
    config = load_config("quick_demo", ["generator.appearing_share=0.4", "generator.failing_share=0.3"])
    choices = [
        _choices(config, *future) for future in ((60.0, 1000.0, 45.0), (200.0, 4000.0, 300.0), (60.0, 10.0, None))
    ]

    assert choices[0] == choices[1] == choices[2]


def _choices(config: Config, appears_s: float, x_m: float, fails_s: float | None) -> list[Any]:
    flight = {"heading_rad": 0.0, "range_m": 20000.0, "speed_mps": [15.0, 60.0], "cruise_mps": 50.0}
    uavs = [{"id": f"u{i}", "position_m": [500.0 * i, 500.0], "resources": [60.0, 40.0], **flight} for i in range(4)]
    if fails_s:
        uavs[0]["fails_s"] = fails_s
    targets: list[dict[str, Any]] = [
        {"id": f"t{j}", "position_m": [900.0 * j, 3000.0], "demand": [50.0, 30.0], "value": 1.0} for j in range(4)
    ]
    targets.append(
        {"id": "late", "position_m": [x_m, 4000.0], "demand": [x_m, 9.0], "value": 1.0, "appears_s": appears_s}
    )
    data = {"name": "n", "area": {"width_m": 5000, "height_m": 5000}, "uavs": uavs, "targets": targets}
    source = make_scenario_source(config, [parse_scenario(data, "n")], seed=0)
    worlds = make_worlds(config, source, 1)
    worlds.reset()
    policy, chosen = SearchPolicy(config, Budget(plans=12, futures=3), SEED), []
    for _ in range(2):  # until 40 s nothing has happened in any of them
        actions = policy.act(worlds, worlds.observation)
        chosen.append(actions.tolist())
        worlds.advance(actions)
        worlds.observe()
    return chosen


def test_search__of_a_mixture_draws_futures_only_where_one_is_unknown() -> None:
    """Episodes of the part whose future is known are never below a heuristic; those of the other part may be."""
    mixture = "generator.mixture=[{name: known, weight: 1}, {name: failing, weight: 1, failing_share: 0.5}]"
    config = load_config("quick_demo", [*NETWORK, mixture])
    source = AllocateGenerator(config.generator, config.world, SEED, is_training=False)
    is_known = np.array(source.part_names(np.arange(12), np.zeros(12, dtype=np.int64))) == "known"
    np.testing.assert_array_equal(
        source.hidden_shares(np.arange(12), np.zeros(12, dtype=np.int64)),
        [[0.0, 0.5 * (not known)] for known in is_known],
    )

    searched = played(SearchPolicy(config, Budget(plans=12, futures=2), SEED), begun(config, 12), config)

    for name, make in task_of(config).heuristics.items():
        assert (searched >= played(make(SEED), begun(config, 12), config))[is_known].all(), name


def test_search__refuses_an_unknown_future_without_drawn_ones() -> None:
    config = load_config("quick_demo", ["generator.failing_share=0.3"])
    remedy = r"--search: targets appear or UAVs fail.*; add futures=4"

    with pytest.raises(ConfigError, match=remedy):
        SearchPolicy(config, FAST).act(worlds := begun(config, 1), worlds.observation)
    with pytest.raises(ConfigError, match=remedy):
        SearchPolicy(config, FAST).check(make_source(config, 0, is_training=False), config)


def test_make_searches__makes_one_for_each_network_or_one_without() -> None:
    model = make_model(DEMO)
    networks = [ModelPolicy(model, mode, 0, name) for name in ("a", "b") for mode in ("argmax", "sampled")]

    assert [policy.name for policy in make_searches("plans=4", "", DEMO, [], 0)] == ["search"]
    named = make_searches("plans=4", "time=2", DEMO, networks, 0)
    assert [policy.name for policy in named] == ["a search", "b search"]
    assert named[0].objective.weights["time"] == 2.0
    assert make_searches("", "", DEMO, networks, 0) == []
    with pytest.raises(ConfigError, match=r"--objective: weighs what a search finds.*; add --search plans=64"):
        make_searches("", "time=2", DEMO, [], 0)


def _scenario(order: list[int], num_more: int = 0) -> Scenario:
    """Three unlike UAVs in some order, and as many more that stand behind them; two targets, and as many more."""
    uavs: list[dict[str, Any]] = [
        {"position_m": [500.0 + 700.0 * i, 300.0 + 400.0 * i], "resources": [30.0 + 25.0 * i, 70.0 - 10.0 * i]}
        for i in range(3 + num_more)
    ]
    targets = [
        {"position_m": [3000.0 + 400.0 * j, 3500.0 - 500.0 * j], "demand": [50.0, 40.0 + 10.0 * j], "value": 1.0}
        for j in range(2 + num_more)
    ]
    flight = {"heading_rad": 0.0, "range_m": 20000.0, "speed_mps": [15.0, 40.0], "cruise_mps": 25.0}
    data = {
        "name": "given",
        "area": {"width_m": 6000.0, "height_m": 6000.0},
        "uavs": [{"id": f"u{i}", **uavs[i], **flight} for i in [*order, *range(3, 3 + num_more)]],
        "targets": [{"id": f"t{j}", **target} for j, target in enumerate(targets)],
    }
    return parse_scenario(data, "given")


def _given(*scenarios: Scenario) -> Worlds:
    worlds = make_worlds(DEMO, make_scenario_source(DEMO, scenarios, SEED), len(scenarios))
    worlds.reset()
    return worlds


def test_search__plays_a_world_alike_beside_a_larger_one() -> None:
    """Padding changes no plan that is drawn."""
    alone = played(SearchPolicy(DEMO, FAST, SEED), _given(_scenario([0, 1, 2])), DEMO)
    beside = played(SearchPolicy(DEMO, FAST, SEED), _given(_scenario([0, 1, 2]), _scenario([0, 1, 2], 4)), DEMO)

    assert beside[0] == alone[0]


def test_search__chooses_alike_in_any_order_of_the_uavs() -> None:
    """As many plans as there are heuristics: none is drawn, and all targets can be covered, so nobody is left over."""
    budget, order = Budget(plans=len(task_of(DEMO).heuristics) - 1), [2, 0, 1]
    plain, permuted = _given(_scenario([0, 1, 2])), _given(_scenario(order))
    planning = task_of(DEMO).planning

    chosen, mirrored = (
        planning.choices(worlds.observation, SearchPolicy(DEMO, budget, SEED).act(worlds, worlds.observation))
        for worlds in (plain, permuted)
    )

    assert (chosen >= 0).any()
    np.testing.assert_array_equal(mirrored[0], chosen[0, order])
