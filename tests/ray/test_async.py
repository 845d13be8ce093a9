"""Env runners that sample without pause: no batch waits for its slowest runner, and older rows are corrected."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from rl_cluster.config.schema import Config
from rl_cluster.metrics.names import (
    DROPPED_FRAGMENTS,
    POLICY_LAG,
    POLICY_LAG_MEAN,
    RUNNER_SHARE_MAX,
    RUNNER_SHARE_MIN,
    learning_key,
)
from rl_cluster.rllib.cluster import Cluster
from rl_cluster.rllib.engine import RayEngine
from rl_cluster.schedulers.learning_rate import schedule
from rl_cluster.training.loop import train
from rl_cluster.training.run import Record
from rl_cluster.training.start import new_start

MAX_LAG = 3


@pytest.fixture(scope="module")
def streaming(tiny: Config) -> Config:
    sampling = {"num_env_runners": 2, "cpus_per_runner": 0.25, "mode": "async", "max_lag": MAX_LAG}
    return tiny.model_copy(
        update={
            "sampling": tiny.sampling.model_copy(update=sampling),
            "learners": tiny.learners.model_copy(update={"num_learners": 1, "cpus_per_learner": 0.25}),
            "training": tiny.training.model_copy(update={"iterations": 50}),
        }
    )


@pytest.fixture(scope="module")
def engine(streaming: Config, cluster: Cluster) -> Iterator[RayEngine]:
    engine = RayEngine(streaming)
    yield engine
    engine.close()


def _iterate(engine: RayEngine, first: int, count: int) -> list[dict[str, float]]:
    controls = schedule(engine.config.ppo, 0.0)
    return [engine.iterate(iteration, controls) for iteration in range(first, first + count)]


def _pids(engine: RayEngine) -> list[int]:
    return engine.algorithm.runners.for_each(lambda runner: os.getpid())


def test_batches__are_whole_and_lag_no_more_than_they_may(engine: RayEngine) -> None:
    initial = engine.state()

    records = _iterate(engine, 0, 6)

    rows = engine.config.train_batch_rows
    assert all(record["sampling/env_steps_per_s"] > 0 for record in records)
    assert all(record["sampling/agent_steps"] >= 2 * rows for record in records)
    for record in records:
        assert 0.0 <= record[POLICY_LAG_MEAN] <= record[POLICY_LAG] <= MAX_LAG
        assert 0.0 <= record[RUNNER_SHARE_MIN] <= 0.5 <= record[RUNNER_SHARE_MAX] <= 1.0
        assert 0.0 < record[learning_key("effective_sample_share")] <= 1.0 + 1e-6
        # ratios are those to the policy with which the update begins, whoever has acted
        assert record[learning_key("first_ratio_deviation")] < 1e-4
    assert max(record[POLICY_LAG] for record in records) > 0.0
    # what was sampled ahead is of another state, and is forgotten with it
    engine.load_state(initial)
    assert _iterate(engine, 0, 1)[0][POLICY_LAG] == 0.0


def test_fragments__that_lag_too_far_behind_are_dropped(engine: RayEngine) -> None:
    _iterate(engine, 0, 1)
    _, second = _pids(engine)

    os.kill(second, signal.SIGSTOP)  # a straggler, as slow as can be
    try:
        records = _iterate(engine, 1, MAX_LAG + 4)
    finally:
        os.kill(second, signal.SIGCONT)

    assert records[-1][RUNNER_SHARE_MAX] == 1.0
    assert records[-1][POLICY_LAG] <= MAX_LAG
    engine.algorithm.runners.for_each(lambda runner: runner.runner)  # waits until the straggler has answered
    after = _iterate(engine, MAX_LAG + 5, 4)
    assert sum(record[DROPPED_FRAGMENTS] for record in after) >= 1.0
    assert min(record[RUNNER_SHARE_MAX] for record in after) < 1.0


def test_run__with_a_killed_and_a_stopped_runner_ends_with_its_metrics_whole(
    streaming: Config, cluster: Cluster, tmp_path: Path
) -> None:
    training = streaming.training.model_copy(update={"iterations": 8, "evaluate_every": 4})
    config, done = streaming.model_copy(update={"training": training}), list[Record]()
    engine = RayEngine(config)
    stopped: list[int] = []

    def hurt(record: Record) -> None:
        done.append(record)
        if record.done == 2:
            stopped.append(_pids(engine)[0])
            os.kill(stopped[0], signal.SIGSTOP)
        if record.done == 4:
            os.kill(stopped[0], signal.SIGCONT)
            os.kill(_pids(engine)[1], signal.SIGKILL)

    try:
        train(engine, new_start(config, tmp_path / "run", None), hurt, lambda: False)
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
        engine.close()

    assert [record.done for record in done] == list(range(1, 9))
    for record in done:
        assert {POLICY_LAG, RUNNER_SHARE_MAX, learning_key("policy_loss"), "share/update"} <= record.metrics.keys()
