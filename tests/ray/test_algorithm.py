"""An iteration has the fragments of all its runners, whatever becomes of them."""

import os
import signal
from collections.abc import Iterator

import pytest

from rl_cluster.config.schema import Config
from rl_cluster.rllib.cluster import Cluster
from rl_cluster.rllib.engine import RayEngine
from rl_cluster.schedulers.learning_rate import schedule


@pytest.fixture(scope="module")
def engine(tiny: Config, cluster: Cluster) -> Iterator[RayEngine]:
    sampling = tiny.sampling.model_copy(update={"num_env_runners": 2})
    engine = RayEngine(tiny.model_copy(update={"sampling": sampling}))
    yield engine
    engine.close()


def test_algorithm__trains_on_when_a_runner_is_killed(engine: RayEngine) -> None:
    pids = engine.algorithm.runners.for_each(lambda runner: os.getpid())

    os.kill(pids[0], signal.SIGKILL)
    engine.iterate(0, schedule(engine.config.ppo, 0.0))

    rows = engine.algorithm.metrics.peek(("learners", "__all_modules__", "num_env_steps_trained_lifetime"))
    assert rows == engine.config.train_batch_rows
    pids_after = engine.algorithm.runners.for_each(lambda runner: os.getpid())
    assert pids_after[0] != pids[0]
    assert pids_after[1] == pids[1]
    engine.iterate(1, schedule(engine.config.ppo, 0.0))


@pytest.fixture(scope="module")
def overlapping(tiny: Config, cluster: Cluster) -> Iterator[RayEngine]:
    sampling = tiny.sampling.model_copy(update={"num_env_runners": 2, "mode": "overlap"})
    training = tiny.training.model_copy(update={"iterations": 50})
    engine = RayEngine(tiny.model_copy(update={"sampling": sampling, "training": training}))
    yield engine
    engine.close()


def test_overlap__lags_one_update_behind_and_no_more(overlapping: RayEngine) -> None:
    initial = overlapping.state()

    records = [overlapping.iterate(iteration, schedule(overlapping.config.ppo, 0.0)) for iteration in range(4)]

    assert [record["sampling/policy_lag"] for record in records] == [0.0, 1.0, 1.0, 1.0]
    deviations = [record["learning/first_ratio_deviation"] for record in records]
    assert deviations[0] < 1e-5 < min(deviations[1:])
    # what was sampled ahead is of another state, and is forgotten with it
    overlapping.load_state(initial)
    again = overlapping.iterate(0, schedule(overlapping.config.ppo, 0.0))
    assert again["sampling/policy_lag"] == 0.0
    assert again["learning/policy_loss"] == records[0]["learning/policy_loss"]


def test_overlap__survives_a_runner_that_is_killed_while_it_samples(overlapping: RayEngine) -> None:
    overlapping.iterate(10, schedule(overlapping.config.ppo, 0.0))
    pids = overlapping.algorithm.runners.for_each(lambda runner: os.getpid())

    os.kill(pids[1], signal.SIGKILL)
    records = [overlapping.iterate(iteration, schedule(overlapping.config.ppo, 0.0)) for iteration in (11, 12, 13)]

    rows = 2 * overlapping.config.sampling.worlds_per_runner * overlapping.config.sampling.fragment_steps
    assert overlapping.config.train_batch_rows == rows
    assert all(record["sampling/agent_steps"] >= 2 * rows for record in records)
    assert [record["sampling/policy_lag"] for record in records] == [1.0] * 3


def test_overlap__ends_with_the_last_iteration(overlapping: RayEngine) -> None:
    overlapping.iterate(overlapping.config.training.iterations - 1, schedule(overlapping.config.ppo, 0.0))

    assert overlapping.algorithm.runners.for_each(lambda runner: runner.runner) == [0, 1]
    assert overlapping.iterate(0, schedule(overlapping.config.ppo, 0.0))["sampling/policy_lag"] == 0.0


def test_algorithm__exception_in_a_runner_is_raised_here(engine: RayEngine) -> None:
    with pytest.raises(ZeroDivisionError):
        engine.algorithm.runners.for_each(lambda runner: runner.runner // 0)


def test_algorithm__result_carries_the_record_and_rllibs_own_metrics(engine: RayEngine) -> None:
    result = engine.algorithm.train()

    assert result["record"]["sampling/agent_steps"] > 0
    assert result["env_runners"]["num_env_steps_sampled"] == engine.config.train_batch_rows
