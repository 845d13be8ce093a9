"""Forks of worlds: they play as their originals would, and change nothing of them."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.environment.shared.interface import Policy, Worlds
from rl_cluster.environment.tasks import make_source, make_worlds, task_of
from tests.unit.environment.allocate.all_rules import with_all_rules

SEED = 5
DEMO = load_config("quick_demo")
SYNC = with_all_rules(DEMO, coalition="sync", resource_kind="capability")
CONFIGS = {
    "plain": DEMO,
    "all rules": with_all_rules(DEMO),
    "sync": SYNC,
    "navigate": load_config("navigate_demo"),
}


def begun(config: Config, num_worlds: int, policy: Policy, num_steps: int) -> Worlds:
    """Worlds 3, 4, .. after some steps of a policy."""
    worlds = make_worlds(config, make_source(config, SEED, is_training=False), num_worlds, first_world=3)
    observation = worlds.reset()
    for _ in range(num_steps):
        observation, _, _ = worlds.step(policy.act(worlds, observation))
    return worlds


def heuristic(config: Config, name: str) -> Policy:
    return task_of(config).heuristics[name](SEED)


def snapshot(worlds: Worlds) -> dict[str, NDArray[Any]]:
    observed = {f"observation.{name}": array.copy() for name, array in worlds.observation._asdict().items()}
    return {**worlds.state_dict(), **observed}


def assert_equal(one: dict[str, NDArray[Any]], other: dict[str, NDArray[Any]]) -> None:
    for name, array in one.items():
        np.testing.assert_array_equal(array, other[name], err_msg=name)


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("policy_name", ["random", "reference"])
def test_fork__plays_as_its_original_would(name: str, policy_name: str) -> None:
    config = CONFIGS[name]
    policy = heuristic(config, task_of(config).reference if policy_name == "reference" else policy_name)
    worlds, rows = begun(config, 5, policy, num_steps=3), np.array([4, 0, 0, 2])
    fork = worlds.fork(rows)
    assert_equal({key: array[rows] for key, array in snapshot(worlds).items()}, snapshot(fork))

    for _ in range(6):
        results = []
        for each in (worlds, fork):
            results.append(each.advance(policy.act(each, each.observation)))
            each.observe()
        assert_equal({key: array[rows] for key, array in snapshot(worlds).items()}, snapshot(fork))
        np.testing.assert_array_equal(results[0].reward[rows], results[1].reward)


@pytest.mark.parametrize("name", CONFIGS)
def test_fork__changes_nothing_of_its_original(name: str) -> None:
    config = CONFIGS[name]
    policy = heuristic(config, "random")
    worlds = begun(config, 3, policy, num_steps=2)
    before = snapshot(worlds)

    fork = worlds.fork(np.array([1, 1, 2, 0]))
    for _ in range(4):
        fork.announce(policy.act(fork, fork.observation))
        fork.retract()
        fork.observe()
        fork.advance(policy.act(fork, fork.observation))
        fork.observe()

    assert_equal(before, snapshot(worlds))


@pytest.mark.parametrize("name", CONFIGS)
def test_fork_of_a_fork__keeps_numbers_and_outcomes(name: str) -> None:
    config = CONFIGS[name]
    policy = heuristic(config, "random")
    worlds = begun(config, 4, policy, num_steps=0)

    fork = worlds.fork(np.array([3, 1, 2])).fork(np.array([0, 2]))

    assert fork.world_numbers.tolist() == [6, 5]
    for each in (worlds, fork):
        while not each.state.ended.all():
            each.advance(policy.act(each, each.observation))
            each.observe()
    expected, found = (each.outcomes(each.state.ended) for each in (worlds, fork))
    assert_equal({metric: values[[3, 2]] for metric, values in expected.items()}, found)


def test_fork__refuses_announcements_that_stand() -> None:
    policy = heuristic(DEMO, "greedy")
    worlds = begun(DEMO, 1, policy, num_steps=0)
    worlds.announce(policy.act(worlds, worlds.observation))

    with pytest.raises(ValueError, match="retract them before the fork"):
        worlds.fork(np.array([0]))
