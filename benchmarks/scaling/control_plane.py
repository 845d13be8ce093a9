"""A trainer whose env runners compute nothing: what is left of an iteration is the trainer's own work.

Engine, algorithm, Learner and the monitors of nodes are those of a run, and so are the group of env runners and RLlib's
manager behind it. Only the actors differ (`idle_runner.py`). The Learner fetches all columns, and learns from those of
a single world, so that iterations are short: Ray's threads take CPU time for as long as the trainer waits.
"""

import pickle
import statistics
import time
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import ray
from ray.rllib.core.learner.training_data import TrainingData
from ray.rllib.utils.actor_manager import FaultTolerantActorManager

from benchmarks.scaling.fake_nodes import PLACE
from benchmarks.scaling.idle_runner import IdleRunner, Recorded
from benchmarks.scaling.traffic import counted
from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.rllib.engine import RayEngine
from rl_cluster.rllib.env_runner import RunnerFragment
from rl_cluster.rllib.learner import SwarmLearner
from rl_cluster.rllib.runner_group import RunnerGroup, _sample
from rl_cluster.schedulers.learning_rate import schedule
from rl_cluster.types import Fragment

__all__ = ["ControlPlane", "Cost", "scaling_run"]

NUM_WORLDS = 4
STEPS = {"0.1 MB": 9, "1 MB": 88, "10 MB": 884}
"""Size of a fragment's columns -> its steps."""
WARM_UP = 2


class Cost(NamedTuple):
    """What an iteration costs the trainer."""

    num_runners: int
    fragment_bytes: int
    cpu_s: float
    """CPU seconds of all threads of the trainer's process, the median of iterations"""
    num_bytes: int
    """that it serialises for others and reads from them"""
    bulk_bytes: int
    """of those, in messages as large as the weights or the columns"""


def scaling_run() -> Config:
    """Preset `debug` with one Learner; the trainer's process has an env runner, whose answer is recorded."""
    steps = min(STEPS.values())
    sizes = [f"sampling.worlds_per_runner={NUM_WORLDS}", f"sampling.fragment_steps={steps}", "ppo.num_epochs=1"]
    actors = ["sampling.num_env_runners=0", "learners.num_learners=1", "learners.cpus_per_learner=0.5"]
    return load_config("debug", [*sizes, *actors, f"ppo.minibatch_rows={NUM_WORLDS * steps}"])


class ControlPlane:
    """A trainer on the cluster to which this process is connected; env runners come with `cost`."""

    def __init__(self) -> None:
        self._engine = RayEngine(scaling_run())
        self._controls = schedule(self._engine.config.ppo, 0.0)
        self._iteration = 0
        self._actors: list[Any] = []
        self._local = self._engine.algorithm.env_runner
        self._weights_bytes = self._engine.algorithm._weights()[1]  # noqa: SLF001 - the trainer alone asks for them
        self._engine.algorithm.learners.for_each(_learn_from_one_world)
        self._hand_out(min(STEPS.values()))

    def _set_runners(self, num_runners: int, steps: int) -> None:
        """Adds actors up to this number. All answer with columns of `steps` steps."""
        actor = ray.remote(IdleRunner).options(num_cpus=0, resources={PLACE: 1}, scheduling_strategy="SPREAD")
        self._actors += [actor.remote(number) for number in range(len(self._actors), num_runners)]
        self._hand_out(steps)
        manager = FaultTolerantActorManager(self._actors[:num_runners], init_id=1)
        seen: Any = SimpleNamespace(
            env_runner=None,
            env_runner_group=SimpleNamespace(_worker_manager=manager),
            config=SimpleNamespace(num_env_runners=num_runners, sample_timeout_s=600.0),
            restore_env_runners=lambda _: [],
        )
        self._put(RunnerGroup(seen))
        for _ in range(WARM_UP):
            self.iterate()

    def _put(self, runners: RunnerGroup | None) -> None:
        """Has the algorithm use these; None = RLlib's own, which the engine ends."""
        algorithm = self._engine.algorithm
        algorithm._runners, algorithm._sampler = runners, None  # noqa: SLF001 - it makes both when they are asked for

    def _hand_out(self, steps: int) -> None:
        """Has a real env runner sample, and the actors answer as it did."""
        self._local._num_steps = steps  # noqa: SLF001 - a run has one length, a measurement several
        sampled = _sample(self._local, {}, in_store=False)
        (ticket,) = sampled.tickets
        self._columns: Fragment = ticket.columns
        answer = pickle.dumps(sampled._replace(tickets=[replace(ticket, columns=None)]))
        recorded = ray.put(Recorded(answer, self._columns))
        ray.get([actor.take.remote(recorded) for actor in self._actors])

    def iterate(self) -> None:
        """Runs one iteration of the engine."""
        self._engine.iterate(self._iteration, self._controls)
        self._iteration += 1

    def cost(self, num_runners: int, steps: int, repeats: int) -> Cost:
        """The cost of an iteration with this many env runners and columns of `steps` steps."""
        self._set_runners(num_runners, steps)
        fragment_bytes = bytes_of(self._columns)
        with counted(min(fragment_bytes, self._weights_bytes)) as traffic:
            self.iterate()
        spent_s = []
        for _ in range(repeats):
            begin_s = time.process_time()
            self.iterate()
            spent_s.append(time.process_time() - begin_s)
        return Cost(num_runners, fragment_bytes, statistics.median(spent_s), traffic.num_bytes, traffic.bulk_bytes)

    def background(self, seconds: float) -> float:
        """CPU seconds a second of the trainer while it waits: Ray's threads in its process."""
        begin_s = time.process_time()
        time.sleep(seconds)
        return (time.process_time() - begin_s) / seconds

    def close(self) -> None:
        """Ends the actors and the run."""
        for actor in self._actors:
            ray.kill(actor)
        self._put(None)
        self._engine.close()


def bytes_of(columns: Fragment) -> int:
    """Bytes of the columns of a fragment."""
    names = ("action", "logp", "value", "next_value", "reward", "ended")
    arrays = (*columns.observation, *(getattr(columns, name) for name in names))
    return sum(np.asarray(array).nbytes for array in arrays)


def _learn_from_one_world(learner: SwarmLearner) -> None:
    """Has a Learner update on the first world of all that it fetches."""
    learner.__dict__["update"] = partial(_update_on_one_world, learner.update)  # before the class's own


def _update_on_one_world(update: Any, *, training_data: TrainingData, **others: Any) -> Any:
    first = training_data.episodes[0]
    cut = RunnerFragment(first.runner, first.fragment.of_worlds(0, 1))
    return update(training_data=TrainingData(episodes=[cut]), **others)
