"""Env runners that sample without pause: no batch waits for its slowest runner, and older rows are corrected."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ray.rllib.callbacks.callbacks import RLlibCallback

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


class Held(RLlibCallback):  # type: ignore[misc]  # Ray's classes are not typed
    """Holds the second env runner after its fragment while a file is there: it is slow, but its process answers."""

    def on_sample_end(self, *, env_runner: Any, **_: Any) -> None:
        pause = threading.Event()
        while env_runner.worker_index == 2 and _hold().exists():
            pause.wait(0.05)


def _hold() -> Path:
    """The file; env runners have the folder of their Ray from the process that started it."""
    return Path(os.environ["RAY_TMPDIR"]) / "hold"


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
    engine = RayEngine(streaming, callbacks=[Held])
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

    _hold().touch()
    try:
        records = _iterate(engine, 1, MAX_LAG + 4)
    finally:
        _hold().unlink()

    assert records[-1][RUNNER_SHARE_MAX] == 1.0
    assert records[-1][POLICY_LAG] <= MAX_LAG
    engine.algorithm.runners.for_each(lambda runner: runner.runner)  # waits until the straggler has answered
    after: list[dict[str, float]] = []
    while len(after) < 40 and not (after and after[-1][RUNNER_SHARE_MAX] < 1.0):
        after += _iterate(engine, MAX_LAG + 5 + len(after), 1)
    assert sum(record[DROPPED_FRAGMENTS] for record in after) >= 1.0
    assert after[-1][RUNNER_SHARE_MAX] < 1.0, "the straggler makes fragments again"


def test_run__with_a_slowed_and_a_killed_runner_ends_with_its_metrics_whole(
    streaming: Config, cluster: Cluster, tmp_path: Path
) -> None:
    training = streaming.training.model_copy(update={"iterations": 8, "evaluate_every": 4})
    config, done = streaming.model_copy(update={"training": training}), list[Record]()
    engine = RayEngine(config, callbacks=[Held])

    def hurt(record: Record) -> None:
        done.append(record)
        if record.done == 2:
            _hold().touch()
        if record.done == 4:
            _hold().unlink()
            os.kill(_pids(engine)[0], signal.SIGKILL)

    try:
        train(engine, new_start(config, tmp_path / "run", None), hurt, lambda: False)
    finally:
        _hold().unlink(missing_ok=True)
        engine.close()

    assert [record.done for record in done] == list(range(1, 9))
    for record in done:
        assert {POLICY_LAG, RUNNER_SHARE_MAX, learning_key("policy_loss"), "share/update"} <= record.metrics.keys()
