"""On board, a policy decides as it does in worlds, however little it is told; readings set its memory right."""

from collections.abc import Iterator
from typing import Any

import pytest

from rl_cluster.api.decisions import Decisions, named_actions
from rl_cluster.api.on_board import OnBoard
from rl_cluster.api.policy import LoadedPolicy
from rl_cluster.api.worlds import make_worlds
from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.environment.scenario.scenario_file import SHIPPED_SCENARIOS, load_scenario
from rl_cluster.environment.shared.interface import Policy, Worlds
from rl_cluster.environment.shared.readings import Readings
from rl_cluster.errors import ConfigError
from rl_cluster.evaluation.named import heuristic_of
from rl_cluster.sampling.network import make_model

SCENARIO = load_scenario(SHIPPED_SCENARIOS["balanced"])
CONFIG = load_config("debug", ["world.intent_rounds=2"])


def _policies() -> list[Policy]:
    network = LoadedPolicy("net", make_model(CONFIG), CONFIG).playing()
    return [network, heuristic_of("complete-first", "allocate", 0)]


def _played(policy: Policy) -> Iterator[tuple[Worlds, Decisions]]:
    """The worlds before each decision, and the decision."""
    worlds = make_worlds(CONFIG, scenario=SCENARIO)
    observation = worlds.reset()
    while not worlds.state.ended.all():
        actions = policy.act(worlds, observation)
        decisions = named_actions(worlds, SCENARIO, actions)
        worlds.retract()
        yield worlds, decisions
        worlds.observe()
        policy.act(worlds, worlds.observation)
        worlds.advance(actions)
        observation = worlds.observe()


def _all_of(worlds: Worlds) -> Readings:
    state: Any = worlds.state
    return Readings(
        time_s=float(state.time_s[0]),
        position_m=state.uav_position_m[0].copy(),
        heading_rad=state.uav_heading_rad[0].copy(),
        resources=state.uav_resources[0].copy(),
        range_left_m=state.uav_range_left_m[0].copy(),
        remaining=state.target_remaining[0].copy(),
    )


@pytest.mark.parametrize("policy", _policies(), ids=lambda policy: policy.name)
@pytest.mark.parametrize("is_told", [True, False], ids=["told all", "told nothing"])
def test_decide__is_what_the_policy_plays(policy: Policy, is_told: bool) -> None:
    on_board, num_decisions = OnBoard(policy, CONFIG, SCENARIO), 0

    for worlds, decisions in _played(policy):
        assert on_board.decide(_all_of(worlds) if is_told else Readings()) == decisions
        num_decisions += 1

    assert num_decisions >= 3


def test_decide__follows_readings_that_were_not_predicted() -> None:
    on_board = OnBoard(heuristic_of("greedy", "allocate", 0), CONFIG, SCENARIO)
    at_first = on_board.decide()
    remaining = SCENARIO.target_demand.copy()
    served = {target for target in at_first.values() if target}
    remaining[[SCENARIO.target_ids.index(str(target)) for target in served]] = 0.0

    then = on_board.decide(Readings(remaining=remaining))

    assert served
    assert served.isdisjoint(then.values())


def test_decide__sends_nobody_whose_range_is_used_up() -> None:
    on_board = OnBoard(heuristic_of("greedy", "allocate", 0), CONFIG, SCENARIO)
    range_left_m = SCENARIO.uav_range_m.copy()
    range_left_m[0] = 0.0

    decisions = on_board.decide(Readings(range_left_m=range_left_m))

    assert decisions[SCENARIO.uav_ids[0]] is None
    assert any(decisions.values())


def test_on_board__is_refused_where_the_task_takes_no_readings(tiny_navigate: Config) -> None:
    with pytest.raises(ConfigError, match="task navigate takes no readings"):
        OnBoard(heuristic_of("orca", "navigate", 0), tiny_navigate, SCENARIO)


def test_on_board__of_a_network_knows_its_own_settings() -> None:
    policy = LoadedPolicy("net", make_model(CONFIG), CONFIG)

    assert policy.on_board(SCENARIO).decide() == policy.act(SCENARIO)
