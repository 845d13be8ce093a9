"""What is killed, hangs or breaks while a run trains: the run goes on, and loses no more than it must."""

import contextlib
import json
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ray.cluster_utils
import torch
from ray.core.generated.autoscaler_pb2 import DRAIN_NODE_REASON_PREEMPTION
from ray.util.placement_group import PlacementGroup, placement_group, remove_placement_group

from rl_cluster.config.schema import Config
from rl_cluster.rllib.cluster import Cluster
from rl_cluster.rllib.engine import RayEngine
from rl_cluster.schedulers.learning_rate import schedule
from rl_cluster.training.checkpoints.checkpoint import Checkpoint
from rl_cluster.training.loop import train
from rl_cluster.training.run import Record
from rl_cluster.training.start import new_start

Hurt = Callable[[RayEngine], object]
ITERATIONS, HURT_AFTER = 6, 3


def make_config(tiny: Config, **changes: dict[str, Any]) -> Config:
    """One runner, one Learner, a checkpoint after every second of six iterations."""
    sections: dict[str, dict[str, Any]] = {
        "sampling": {"num_env_runners": 1, "cpus_per_runner": 0.25},
        "learners": {"num_learners": 1, "cpus_per_learner": 0.25},
        "training": {"iterations": ITERATIONS, "checkpoint_every": 2, "time_limit_s": 1000.0},
    }
    for name, values in changes.items():
        sections[name] |= values
    updated = {name: getattr(tiny, name).model_copy(update=values) for name, values in sections.items()}
    return tiny.model_copy(update={"engine": "ray", **updated})


def learner_pids(engine: RayEngine) -> list[int]:
    return engine.algorithm.learners.for_each(lambda learner: os.getpid())


def runner_pids(engine: RayEngine) -> list[int]:
    return engine.algorithm.runners.for_each(lambda runner: os.getpid())


def kill_if_alive(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def train_and_hurt(config: Config, path: Path, hurt: Hurt) -> tuple[Path, float]:
    """A run to which something is done after the third iteration; the seconds until the next one was reported."""
    engine, times = RayEngine(config), list[float]()

    def report(record: Record) -> None:
        if len(times) == 1:
            times.append(time.monotonic())
        if record.done == HURT_AFTER and not times:
            hurt(engine)
            times.append(time.monotonic())

    saved = train(engine, new_start(config, path), report)
    engine.close()
    return saved, times[1] - times[0]


def metrics_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def uninterrupted(cluster: Cluster, tiny: Config, tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    config = make_config(tiny)
    engine = RayEngine(config)
    saved = train(engine, new_start(config, tmp_path_factory.mktemp("whole") / "run"), lambda *_: None)
    engine.close()
    return Checkpoint.load(saved)


def take_all(cluster: Cluster) -> PlacementGroup:
    """Takes both nodes that all tests share.

    A node that an earlier test has removed may still seem to live. What is reserved there would move when it is gone,
    and take the room that the test itself needs.
    """
    pause, deadline_s = threading.Event(), time.monotonic() + 60.0
    while sorted(node.cpus for node in cluster.resources()) != [1.0, 2.0]:
        assert time.monotonic() < deadline_s
        pause.wait(0.1)
    taken = placement_group([{"CPU": 2}, {"CPU": 1}])
    assert taken.wait(30)
    return taken


def wait_for_room(cluster: Cluster, cpus: float) -> None:
    """Until a node reports so many free CPUs: Ray hears of them a little after the node."""
    pause, deadline_s = threading.Event(), time.monotonic() + 30.0
    while not any(node.cpus >= cpus for node in cluster.free_resources()):
        assert time.monotonic() < deadline_s
        pause.wait(0.1)


def assert_same(left: Checkpoint, right: Checkpoint, atol: float = 0.0) -> None:
    for name, tensor in left.weights.items():
        torch.testing.assert_close(tensor, right.weights[name], rtol=0.0, atol=atol, msg=name)
    for name, array in left.arrays.items():
        np.testing.assert_allclose(array, right.arrays[name], rtol=0.0, atol=10 * atol, err_msg=name)


def _long(*values: object) -> Any:
    """A case of its own kind of which another one is always tried."""
    return pytest.param(*values, marks=pytest.mark.long)


@pytest.mark.parametrize(
    ("num_learners", "blow"),
    [_long(1, "SIGKILL"), _long(2, "SIGKILL"), (1, "SIGSTOP"), _long(2, "SIGSTOP")],
)
def test_learner__that_is_lost_costs_no_more_than_a_checkpoint_interval(
    cluster: Cluster,
    tiny: Config,
    tmp_path: Path,
    uninterrupted: Checkpoint,
    num_learners: int,
    blow: str,
    record_property: Callable[[str, object], None],
) -> None:
    """Killed, or hanging; what follows is what would have been, bit for bit (but for the number of Learners)."""
    config = make_config(tiny, learners={"num_learners": num_learners, "timeout_s": 5.0})

    saved, seconds = train_and_hurt(
        config, tmp_path / "run", lambda engine: os.kill(learner_pids(engine)[-1], signal.Signals[blow])
    )

    assert_same(Checkpoint.load(saved), uninterrupted, atol=0.0 if num_learners == 1 else 1e-4)
    assert [line["iteration"] for line in metrics_of(tmp_path / "run")] == [1, 2, 3, 4, 5, 6]
    record_property("seconds", seconds)
    assert seconds < 60.0


def test_node__that_is_drained_is_left_and_costs_nothing(
    nodes: ray.cluster_utils.Cluster, cluster: Cluster, tiny: Config, tmp_path: Path, uninterrupted: Checkpoint
) -> None:
    """The run moves to the other node, and is bit for bit what it would have been."""
    taken = take_all(cluster)
    added = [nodes.add_node(num_cpus=4) for _ in range(2)]
    nodes.wait_for_nodes()
    config, engine, used = make_config(tiny), RayEngine(make_config(tiny)), list[str]()

    def report(record: Record) -> None:
        if record.done == HURT_AFTER:
            used.append(engine.plan.learner_nodes[0])
            client = ray._raylet.GcsClient(address=cluster.address)
            accepted, why = client.drain_node(used[0], DRAIN_NODE_REASON_PREEMPTION, "soon", 0)
            assert accepted, why

    try:
        saved = train(engine, new_start(config, tmp_path / "run"), report)
        used.append(engine.plan.learner_nodes[0])
    finally:
        engine.close()
        remove_placement_group(taken)
        for node in added:
            nodes.remove_node(node)

    assert used[0] != used[1]
    assert [line["iteration"] for line in metrics_of(tmp_path / "run")] == [1, 2, 3, 4, 5, 6]
    assert_same(Checkpoint.load(saved), uninterrupted)


def test_learners__leave_and_join_with_their_nodes(
    nodes: ray.cluster_utils.Cluster, cluster: Cluster, tiny: Config, tmp_path: Path, uninterrupted: Checkpoint
) -> None:
    """Two Learners, one when a node is gone, two when another one has come: the run is what it would have been."""
    taken = take_all(cluster)
    added = [nodes.add_node(num_cpus=1) for _ in range(2)]
    nodes.wait_for_nodes()
    learners = {"num_learners": 2, "min_learners": 1, "cpus_per_learner": 0.7, "timeout_s": 5.0}
    config, numbers = make_config(tiny, learners=learners, sampling={"cpus_per_runner": 0.2}), list[int]()
    engine = RayEngine(config)

    def report(record: Record) -> None:
        numbers.append(engine.plan.num_learners)
        if record.done == 2:
            nodes.remove_node(added.pop(), allow_graceful=False)
        if record.done == 4:
            added.append(nodes.add_node(num_cpus=1))
            nodes.wait_for_nodes()
            wait_for_room(cluster, 1.0)

    try:
        saved = train(engine, new_start(config, tmp_path / "run"), report)
    finally:
        engine.close()
        remove_placement_group(taken)
        for node in added:
            nodes.remove_node(node)

    assert numbers[0] == numbers[-1] == 2
    assert 1 in numbers
    assert [line["iteration"] for line in metrics_of(tmp_path / "run")] == [1, 2, 3, 4, 5, 6]
    assert_same(Checkpoint.load(saved), uninterrupted, atol=1e-4)


@pytest.fixture(scope="module")
def engine(tiny: Config, cluster: Cluster) -> Iterator[RayEngine]:
    engine = RayEngine(make_config(tiny, sampling={"num_env_runners": 2, "timeout_s": 5.0}))
    yield engine
    engine.close()


@pytest.mark.parametrize(
    ("num_hurt", "blow"),
    [_long(1, "SIGKILL"), (2, "SIGKILL"), (2, "SIGSTOP"), _long(1, "SIGSTOP")],
)
def test_runners__that_are_lost_cost_no_iteration(
    engine: RayEngine, num_hurt: int, blow: str, record_property: Callable[[str, object], None]
) -> None:
    before = runner_pids(engine)
    begin_s = time.monotonic()
    for pid in before[:num_hurt]:
        os.kill(pid, signal.Signals[blow])

    record = engine.iterate(0, schedule(engine.config.ppo, 0.0))
    after = runner_pids(engine)

    assert record["sampling/agent_steps"] >= 2 * engine.config.train_batch_rows
    assert [new == old for new, old in zip(after, before, strict=True)] == [False] * num_hurt + [True] * (2 - num_hurt)
    record_property("seconds", seconds := time.monotonic() - begin_s)
    assert seconds < {"SIGKILL": 15.0, "SIGSTOP": 60.0}[blow]


def test_runner__whose_worlds_break_gives_their_episodes_up(engine: RayEngine) -> None:
    def break_world(runner: Any) -> None:
        if runner.runner == 0:
            runner.rollout.worlds.state.uav_position_m[0, 0] = np.nan

    engine.algorithm.runners.for_each(break_world)
    record = engine.iterate(1, schedule(engine.config.ppo, 0.0))

    assert record["sampling/broken_episodes"] == 1.0
    assert all(np.isfinite(value) for value in record.values())
    assert engine.iterate(2, schedule(engine.config.ppo, 0.0))["sampling/broken_episodes"] == 0.0


def test_node__that_is_lost_with_its_learner_is_replaced_by_another(
    nodes: ray.cluster_utils.Cluster,
    cluster: Cluster,
    tiny: Config,
    tmp_path: Path,
    uninterrupted: Checkpoint,
    record_property: Callable[[str, object], None],
) -> None:
    """Only the node that a test adds has room for the Learner."""
    spare = [nodes.add_node(num_cpus=4)]
    nodes.wait_for_nodes()
    config = make_config(tiny, learners={"cpus_per_learner": 3.0})

    def lose_node(_: RayEngine) -> None:
        nodes.remove_node(spare.pop(), allow_graceful=False)
        spare.append(nodes.add_node(num_cpus=4))

    saved, seconds = train_and_hurt(config, tmp_path / "run", lose_node)
    nodes.remove_node(spare.pop())
    record_property("seconds", seconds)

    assert_same(Checkpoint.load(saved), uninterrupted, atol=1e-4)  # three threads add up in another order


@pytest.mark.parametrize("seed", [0, _long(1), _long(2)])
def test_run__survives_kills_at_random_moments(cluster: Cluster, tiny: Config, tmp_path: Path, seed: int) -> None:
    """After each iteration one process, any, is shot within the next second: while it samples, updates or is saved."""
    generator, kills = random.Random(seed), list[threading.Timer]()
    config = make_config(
        tiny,
        sampling={"num_env_runners": 2},
        learners={"num_learners": 2},
        training={"iterations": 8, "max_restarts": 100},
    )
    engine = RayEngine(config)

    def shoot(_: Record) -> None:
        if len(kills) < 4:
            pid = generator.choice(learner_pids(engine) + runner_pids(engine))
            kills.append(threading.Timer(generator.uniform(0.0, 1.0), kill_if_alive, (pid,)))
            kills[-1].start()

    saved = train(engine, new_start(config, tmp_path / "run"), shoot)
    engine.close()
    for kill in kills:
        kill.join()

    assert Checkpoint.load(saved).iteration == 8
    lines = metrics_of(tmp_path / "run")
    assert [line["iteration"] for line in lines] == list(range(1, 9))
    assert all(line["sampling/agent_steps"] >= 2 * config.train_batch_rows for line in lines)
    assert all(np.isfinite(value) for line in lines for name, value in line.items() if name != "events")
