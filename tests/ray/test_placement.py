"""Plan and placement agree: what the plan holds runs, and what cannot be placed ends in one line, within a limit."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import ray.cluster_utils
from ray.util.placement_group import placement_group, remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from rl_cluster.config.schema import Config
from rl_cluster.errors import ClusterError
from rl_cluster.rllib.algorithm import SwarmAlgorithm
from rl_cluster.rllib.algorithm_config import make_algorithm_config
from rl_cluster.rllib.cluster import Cluster
from rl_cluster.rllib.engine import RayEngine
from rl_cluster.rllib.messages import without_known_messages
from rl_cluster.rllib.placement import place as placement_module
from rl_cluster.rllib.placement.launch import launching, still_starting
from rl_cluster.rllib.placement.place import build, place
from rl_cluster.schedulers.learning_rate import schedule


def make_config(tiny: Config, runners: tuple[int, float], learners: tuple[int, float]) -> Config:
    """Numbers of actors, and the CPUs of each."""
    sampling = {"num_env_runners": runners[0], "cpus_per_runner": runners[1]}
    updates = {
        "engine": "ray",
        "sampling": tiny.sampling.model_copy(update=sampling),
        "learners": tiny.learners.model_copy(update={"num_learners": learners[0], "cpus_per_learner": learners[1]}),
    }
    return tiny.model_copy(update=updates)


@pytest.fixture
def two_nodes_of_four_cpus(nodes: ray.cluster_utils.Cluster, cluster: Cluster) -> Iterator[None]:
    """The others are taken."""
    taken = placement_group([{"CPU": 2}, {"CPU": 1}])
    assert taken.wait(30)
    added = [nodes.add_node(num_cpus=4) for _ in range(2)]
    nodes.wait_for_nodes()
    yield
    remove_placement_group(taken)
    for node in added:
        nodes.remove_node(node)


@pytest.fixture
def ending() -> Iterator[ExitStack]:
    with ExitStack() as ending:
        yield ending


@pytest.mark.usefixtures("two_nodes_of_four_cpus")
def test_placement__small_runners_leave_the_nodes_that_large_learners_need(tiny: Config, ending: ExitStack) -> None:
    """Wherever Ray puts the first env runners, RLlib's order leaves one node for two Learners or none."""
    engine = RayEngine(make_config(tiny, runners=(2, 1.0), learners=(2, 3.0)))
    ending.callback(engine.close)

    assert len(set(engine.plan.learner_nodes)) == 2
    assert engine.iterate(0, schedule(engine.config.ppo, 0.0))["sampling/agent_steps"] > 0


def test_placement__a_run_leaves_all_its_room(cluster: Cluster, tiny: Config) -> None:
    for _ in range(2):  # each takes all that there is: the second needs the first one's room
        placement = place(make_config(tiny, runners=(1, 1.0), learners=(1, 2.0)), cluster)

        assert sorted(node.cpus for node in cluster.free_resources()) == [0.0, 0.0]
        placement.room.release()


def test_placement__room_that_somebody_else_has_is_waited_for_within_a_limit(
    cluster: Cluster, tiny: Config, ending: ExitStack
) -> None:
    taken = placement_group([{"CPU": 2}])
    ending.callback(remove_placement_group, taken)
    assert taken.wait(30)
    begin_s = time.monotonic()

    with pytest.raises(ClusterError, match=r"the Learner needed 2 CPUs on one node, available 1; set "):
        place(make_config(tiny, runners=(0, 1.0), learners=(1, 2.0)), cluster, patience_s=1.0)
    assert time.monotonic() - begin_s < 5.0


class _Stuck:
    def __init__(self) -> None:
        threading.Event().wait()


def test_placement__actors_that_never_start_end_in_one_line_and_leave_their_room(
    cluster: Cluster, tiny: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placement_module, "START_LIMIT_S", 2.0)
    placement = place(make_config(tiny, runners=(1, 2.0), learners=(0, 1.0)), cluster)

    def make() -> Any:
        strategy = PlacementGroupSchedulingStrategy(placement.room.runners)
        stuck = ray.remote(num_cpus=2)(_Stuck).options(scheduling_strategy=strategy).remote()
        return ray.get(stuck.__ray_ready__.remote())

    with pytest.raises(ClusterError, match=r"1 env runner and 0 Learners have not started within 2 s .*; see rl-cl"):
        build(placement, make)
    place(make_config(tiny, runners=(1, 2.0), learners=(0, 1.0)), cluster).room.release()


def test_launch__in_waves_makes_the_same_runners(tiny: Config, cluster: Cluster, ending: ExitStack) -> None:
    config = make_config(tiny, runners=(3, 0.5), learners=(0, 1.0))
    placement, told = place(config, cluster), list[int]()
    ending.callback(placement.room.release)

    with launching(placement.room.runners, told.append, wave=2), without_known_messages():
        algorithm = SwarmAlgorithm(config=make_algorithm_config(config))
    ending.callback(algorithm.stop)

    assert told == [2, 3]
    assert algorithm.runners.for_each(lambda runner: (runner.runner, runner.num_workers)) == [(0, 3), (1, 3), (2, 3)]


class Nothing:
    """An actor that never starts."""


def test_launch__says_what_is_not_up_yet(cluster: Cluster) -> None:
    assert still_starting() == ""
    actor = ray.remote(num_cpus=1000)(Nothing).remote()
    deadline_s, pause = time.monotonic() + 20.0, threading.Event()
    try:
        while (
            not (words := still_starting()) and time.monotonic() < deadline_s
        ):  # Ray learns of an actor a little later
            pause.wait(0.1)
        assert words == "starting: 1 without a node"
    finally:
        ray.kill(actor)
