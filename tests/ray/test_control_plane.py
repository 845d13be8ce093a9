"""The trainer's part of an iteration does not depend on the size of fragments, and lost columns are sampled again."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import ray
from ray._private.internal_api import node_stats
from ray._private.serialization import SerializationContext
from ray.exceptions import GetTimeoutError, ObjectLostError

from rl_cluster.config.schema import Config
from rl_cluster.rllib.cluster import Cluster
from rl_cluster.rllib.engine import RayEngine
from rl_cluster.rllib.ticket import Ticket
from rl_cluster.schedulers.learning_rate import schedule
from rl_cluster.types import Fragment

MOST_BYTES = 16 * 1024
"""Through the trainer, a runner and iteration: the orders, the ticket with the outcomes of episodes, metrics."""
NUM_RUNNERS = 2
OTHER_BYTES = 2**20
"""Weights, and what Ray and RLlib store."""
FRAGMENT_BYTES = {8: 0.1e6, 80: 1e6, 800: 1e7}
"""Steps of a fragment -> the least bytes of its columns."""


class Traffic:
    """Counts what this process serialises for others, and what it reads from them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.num_bytes = 0
        serialize, deserialize = SerializationContext.serialize, SerializationContext.deserialize_objects

        def counting_serialize(context: Any, value: Any) -> Any:
            serialized = serialize(context, value)
            self.num_bytes += serialized.total_bytes
            return serialized

        def counting_deserialize(context: Any, objects: Any, *others: Any) -> Any:
            self.num_bytes += sum(len(data) for data, *_ in objects if data is not None)
            return deserialize(context, objects, *others)

        monkeypatch.setattr(SerializationContext, "serialize", counting_serialize)
        monkeypatch.setattr(SerializationContext, "deserialize_objects", counting_deserialize)


def make_engine(tiny: Config, fragment_steps: int) -> RayEngine:
    sampling = {
        "num_env_runners": NUM_RUNNERS,
        "cpus_per_runner": 0.25,
        "worlds_per_runner": 8,
        "fragment_steps": fragment_steps,
    }
    ppo = {"num_epochs": 1, "minibatch_rows": NUM_RUNNERS * 8 * fragment_steps}
    changes: dict[str, dict[str, Any]] = {
        "sampling": sampling,
        "learners": {"num_learners": 1, "cpus_per_learner": 0.25},
        "ppo": ppo,
    }
    updated = {name: getattr(tiny, name).model_copy(update=values) for name, values in changes.items()}
    return RayEngine(tiny.model_copy(update={"engine": "ray", **updated}))


def bytes_of(fragment: Fragment) -> int:
    columns = (*fragment.observation, fragment.action, fragment.logp, fragment.value, fragment.reward)
    return sum(column.nbytes for column in columns)


def stored_bytes() -> int:
    """What the object stores of all nodes hold."""
    nodes = [node for node in ray.nodes() if node["Alive"]]
    replies = [node_stats(node["NodeManagerAddress"], node["NodeManagerPort"]) for node in nodes]
    return sum(reply.store_stats.object_store_bytes_used for reply in replies)


def _stores_no_more_than(limit: float) -> bool:
    """Whether the stores come down to this many bytes; on a busy machine, news that nobody needs an object is late."""
    end_s = time.monotonic() + 20.0
    while stored_bytes() > limit:
        if time.monotonic() > end_s:
            return False
    return True


@pytest.mark.parametrize(("fragment_steps", "least_bytes"), FRAGMENT_BYTES.items())
def test_trainer__passes_on_no_columns_and_no_weights(
    cluster: Cluster, tiny: Config, monkeypatch: pytest.MonkeyPatch, fragment_steps: int, least_bytes: float
) -> None:
    engine = make_engine(tiny, fragment_steps)
    controls = schedule(engine.config.ppo, 0.0)
    engine.iterate(0, controls)  # functions and classes are sent once
    before, traffic = stored_bytes(), Traffic(monkeypatch)

    engine.iterate(1, controls)
    through_trainer = traffic.num_bytes
    sizes = engine.algorithm.runners.for_each(lambda runner: bytes_of(runner.sample()[0].fragment))
    limit = before + 2 * NUM_RUNNERS * 1.1 * max(sizes) + OTHER_BYTES
    is_bounded = []
    for iteration in range(2, 5):
        engine.iterate(iteration, controls)
        is_bounded.append(_stores_no_more_than(limit))
    engine.close()

    assert min(sizes) >= least_bytes
    assert through_trainer <= NUM_RUNNERS * MOST_BYTES
    assert all(is_bounded), is_bounded


@pytest.fixture
def engine(cluster: Cluster, tiny: Config) -> Iterator[RayEngine]:
    engine = make_engine(tiny, 8)
    yield engine
    engine.close()


def test_columns__that_are_lost_before_a_learner_has_them_are_sampled_again(
    engine: RayEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    controls = schedule(engine.config.ppo, 0.0)
    engine.iterate(0, controls)
    pids = engine.algorithm.runners.for_each(lambda _: os.getpid())
    learners = engine.algorithm.learners
    fetch: Callable[[list[Ticket]], set[int]] = learners.fetch
    losses: list[set[int]] = []

    def fetch_late(tickets: list[Ticket]) -> set[int]:
        """The first time, a runner ends between its ticket and the fetch."""
        if not losses:
            os.kill(pids[0], signal.SIGKILL)
            _wait_until_lost(tickets[0])
        losses.append(fetch(tickets))
        return losses[-1]

    monkeypatch.setattr(learners, "fetch", fetch_late)
    record = engine.iterate(1, controls)

    assert losses == [{0}, set()]
    assert record["sampling/agent_steps"] >= engine.config.train_batch_rows
    assert engine.iterate(2, controls)["sampling/agent_steps"] >= engine.config.train_batch_rows


def _wait_until_lost(ticket: Ticket) -> None:
    end_s = time.monotonic() + 60.0
    while time.monotonic() < end_s:
        try:
            ray.get(ticket.columns, timeout=0.1)
        except GetTimeoutError:
            continue
        except ObjectLostError:
            return
    raise AssertionError("the columns of a process that has ended can still be read")
