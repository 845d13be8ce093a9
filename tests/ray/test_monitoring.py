"""What a cluster tells of itself: both nodes, all phases, and faults that are put in."""

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import pytest
import ray
import torch

from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.metrics.load_balance import WINDOW, balance_of
from rl_cluster.metrics.names import EXPOSED_SHARE, describe, phase_key
from rl_cluster.metrics.phases import PHASES
from rl_cluster.rllib.callbacks import SwarmCallback
from rl_cluster.rllib.cluster import Cluster
from rl_cluster.rllib.engine import RayEngine
from rl_cluster.rllib.node_monitor import NAMESPACE, ClusterWatch
from rl_cluster.training.run import Run

SMALL = (
    "debug",
    "model.width=8",
    "model.num_heads=2",
    "sampling.worlds_per_runner=4",
    "sampling.fragment_steps=8",
    "sampling.num_env_runners=2",
    "sampling.cpus_per_runner=0.5",
    "ppo.minibatch_rows=16",
    "training.iterations=100",
    "training.evaluate_every=0",
    "monitoring.node_interval_s=5.0",
)
BASE_S, SLOWED_S = 1.5, 3.0
"""Of an env runner, and of one that is slowed to half its speed. Long, so that a busy machine changes little."""
TWO_LEARNERS = ("learners.num_learners=2", "learners.cpus_per_learner=0.5")


def _spin(seconds: float) -> None:
    """Works for a while, as a slow process would."""
    end_s = time.perf_counter() + seconds
    while time.perf_counter() < end_s:
        pass


class _Slowed(SwarmCallback):
    """Every env runner works for a while beside its sampling, of which little is left then; one works twice as long."""

    def on_sample_end(self, *, env_runner: Any, **_: Any) -> None:
        _spin(SLOWED_S if env_runner.runner == 1 else BASE_S)


def _config(*settings: str) -> Config:
    return load_config(SMALL[0], [*SMALL[1:], *settings])


def _iterate(engine: RayEngine, count: int) -> list[dict[str, float]]:
    run = Run(engine, engine.config, None)
    return [run.iterate().metrics for _ in range(count)]


def test_record__of_two_nodes_fills_the_iteration_and_has_no_unknown_key(cluster: Cluster) -> None:
    engine = RayEngine(_config(*TWO_LEARNERS))
    try:
        records = _iterate(engine, 3)
        deadline_s = time.monotonic() + 60.0
        while len(engine.status().nodes) < 2 and time.monotonic() < deadline_s:
            records += _iterate(engine, 1)
        status = engine.status()
    finally:
        engine.close()

    for record in records:
        assert sum(record[phase_key(phase)] for phase in PHASES) == pytest.approx(1.0, abs=0.02)
        assert all(describe(key).text for key in record)
    last = records[-1]
    assert last["node/count"] == 2.0
    assert 0.0 < last[EXPOSED_SHARE] < 1.0
    assert last["communication/weights_bytes"] > 0.0
    assert {"balance/runner_imbalance", "balance/learner_imbalance", "node/object_store_share_max"} <= last.keys()
    names = {node.node for node in status.nodes}
    assert len(names) == 2
    assert {one.runner for one in status.runners} == {"0", "1"}
    assert {one.node for one in status.runners} <= names
    assert all(node.object_store and node.object_store.total_bytes > 0.0 for node in status.nodes)


def test_runner__that_is_slowed_raises_the_imbalance_by_what_it_is_slowed(cluster: Cluster) -> None:
    engine = RayEngine(_config(), callbacks=[_Slowed])
    try:
        last = _iterate(engine, WINDOW)[-1]
    finally:
        engine.close()

    injected = balance_of([BASE_S, SLOWED_S])
    assert last["balance/runner_imbalance"] == pytest.approx(injected.imbalance, rel=0.1)
    assert last["balance/runner_jain"] == pytest.approx(injected.jain, rel=0.05)
    assert last["balance/runner_wait_s"] == pytest.approx(injected.wait_s, rel=0.1)


def test_all_reduce__that_is_slowed_raises_the_exposed_share(cluster: Cluster) -> None:
    engine = RayEngine(_config(*TWO_LEARNERS))
    try:
        before = median(record[EXPOSED_SHARE] for record in _iterate(engine, 4)[1:])
        engine.algorithm.learners.for_each(_slow_all_reduce)
        records = _iterate(engine, 4)
    finally:
        engine.close()

    after = median(record[EXPOSED_SHARE] for record in records)
    assert after > max(0.5, before)
    assert records[-1]["communication/bus_ratio"] < 0.5


def _slow_all_reduce(_: Any) -> None:
    """In a Learner's process: every exchange takes 50 ms more."""
    reduce: Callable[..., Any] = torch.distributed.all_reduce

    def slow(*arguments: Any) -> Any:
        _spin(0.05)
        return reduce(*arguments)

    torch.distributed.all_reduce = slow  # type: ignore[assignment]  # the test slows it down


def _names_of_monitors() -> list[str]:
    named = ray.util.list_named_actors(all_namespaces=True)
    return [one["name"] for one in named if one["namespace"] == NAMESPACE]


def test_status__can_be_asked_by_whoever_connects_until_its_run_ends(cluster: Cluster) -> None:
    engine = RayEngine(_config())
    try:
        _iterate(engine, 1)
        engine.tell({"run": "told", "nodes": []})
        statuses = ClusterWatch().statuses()
        assert _names_of_monitors()
    finally:
        engine.close()

    assert [status["run"] for status in statuses] == ["told"]
    deadline_s = time.monotonic() + 30.0
    while _names_of_monitors():
        assert time.monotonic() < deadline_s
