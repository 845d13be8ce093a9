"""An iteration has the fragments of all its runners, whatever becomes of them."""

import os
import signal
from collections.abc import Iterator

import pytest

from rl_cluster.config.schema import Config
from rl_cluster.rllib.cluster import Cluster
from rl_cluster.rllib.engine import RayEngine


@pytest.fixture(scope="module")
def engine(tiny: Config, cluster: Cluster) -> Iterator[RayEngine]:
    sampling = tiny.sampling.model_copy(update={"num_env_runners": 2})
    engine = RayEngine(tiny.model_copy(update={"sampling": sampling}))
    yield engine
    engine.close()


def test_algorithm__trains_on_when_a_runner_is_killed(engine: RayEngine) -> None:
    pids = engine.algorithm.for_each_runner(lambda runner: os.getpid())

    os.kill(pids[0], signal.SIGKILL)
    engine.iterate(0)

    rows = engine.algorithm.metrics.peek(("learners", "__all_modules__", "num_env_steps_trained_lifetime"))
    assert rows == engine.config.train_batch_rows
    pids_after = engine.algorithm.for_each_runner(lambda runner: os.getpid())
    assert pids_after[0] != pids[0]
    assert pids_after[1] == pids[1]
    engine.iterate(1)


def test_algorithm__exception_in_a_runner_is_raised_here(engine: RayEngine) -> None:
    with pytest.raises(ZeroDivisionError):
        engine.algorithm.for_each_runner(lambda runner: runner.runner // 0)


def test_algorithm__result_carries_the_record_and_rllibs_own_metrics(engine: RayEngine) -> None:
    result = engine.algorithm.train()

    assert result["record"]["sampling/agent_steps"] > 0
    assert result["env_runners"]["num_env_steps_sampled"] == engine.config.train_batch_rows
