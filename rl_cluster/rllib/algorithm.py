"""The RLlib Algorithm: one iteration is weights out, fragments in, one update.

RLlib's PPO would count a round in which no runner answered as an iteration, and take a train batch of another size when
one runner answers twice for another. Here an iteration has the fragments of all its runners, or there is none.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import ray
from ray.exceptions import RayTaskError
from ray.rllib.algorithms.algorithm import Algorithm
from ray.rllib.core import COMPONENT_LEARNER, COMPONENT_RL_MODULE
from ray.rllib.env.env_runner_group import EnvRunnerGroup
from ray.rllib.utils.metrics import (
    ENV_RUNNER_RESULTS,
    ENV_RUNNER_SAMPLING_TIMER,
    LEARNER_RESULTS,
    LEARNER_UPDATE_TIMER,
    TIMERS,
    WEIGHTS_SEQ_NO,
)

from rl_cluster.metrics.names import experience_of, iteration_metrics
from rl_cluster.rllib.algorithm_config import SAMPLE_TIMEOUT_S, SwarmConfig
from rl_cluster.rllib.env_runner import RunnerFragment, SwarmEnvRunner
from rl_cluster.rllib.learner import STATISTICS
from rl_cluster.rllib.training_data import FragmentData

__all__ = ["RECORD", "SwarmAlgorithm"]

RECORD = "record"
"""Key of the iteration's metrics, by the names of `metrics/names.py`, in the result of `train()`."""
PATIENCE_S = 300.0
"""How long an iteration waits for runners that are being restarted, before the run fails."""

ResultT = TypeVar("ResultT")

logger = logging.getLogger(__name__)


class SwarmAlgorithm(Algorithm):
    """Trains a run's network; `config.run_config` says how."""

    @classmethod
    def get_default_config(cls) -> SwarmConfig:
        """An empty config; `make_algorithm_config` fills it."""
        return SwarmConfig(algo_class=cls)

    def _setup_logdir(self) -> None:
        """Outside Tune nothing is written: RLlib would leave an empty folder in ~/ray_results for every run."""
        if self._storage:
            super()._setup_logdir()

    def step(self) -> dict[str, Any]:
        """RLlib's result, with the iteration's record."""
        result: dict[str, Any] = super().step()
        return {**result, RECORD: self._record}

    def training_step(self) -> None:
        """One iteration. Raises RuntimeError if no env runner answers for `PATIENCE_S`."""
        start_s = time.perf_counter()
        with self.metrics.log_time((TIMERS, ENV_RUNNER_SAMPLING_TIMER)):
            sampled = self._sample()
        sampled_s = time.perf_counter()
        with self.metrics.log_time((TIMERS, LEARNER_UPDATE_TIMER)):
            data = FragmentData(episodes=sampled)
            results = self.learner_group.update(training_data=data, iteration=self.iteration)
            self.metrics.aggregate(results, key=LEARNER_RESULTS)
        statistics = self.metrics.peek((LEARNER_RESULTS, *STATISTICS), default={})
        assert statistics, "the Learner returned no statistics: nothing was trained"
        self._record = iteration_metrics(
            experience_of([runner_fragment.fragment for runner_fragment in sampled]),
            {name: float(value) for name, value in statistics.items()},
            sampled_s - start_s,
            time.perf_counter() - sampled_s,
        )

    def _sample(self) -> list[RunnerFragment]:
        """As many fragments as there are runners, all by the newest weights; the others make a lost runner's share."""
        component = f"{COMPONENT_LEARNER}/{COMPONENT_RL_MODULE}"
        weights = self.learner_group.get_state(components=component, inference_only=True)[COMPONENT_LEARNER]
        state = {COMPONENT_RL_MODULE: weights[COMPONENT_RL_MODULE], WEIGHTS_SEQ_NO: self.iteration}
        state_ref = None if self.env_runner else ray.put(state)

        def sample(runner: SwarmEnvRunner) -> tuple[list[RunnerFragment], dict[str, Any]]:
            runner.set_state(ray.get(state_ref) if state_ref else state)
            return runner.sample(), runner.get_metrics()

        fragments: list[RunnerFragment] = []
        num_fragments = max(1, self.config.num_env_runners)
        for healthy in self._attempts():
            answers = self._ask(sample, healthy[: num_fragments - len(fragments)])
            self.metrics.aggregate([metrics for _, metrics in answers.values()], key=ENV_RUNNER_RESULTS)
            fragments += [fragment for samples, _ in answers.values() for fragment in samples]
            if len(fragments) == num_fragments:
                break
        return sorted(fragments, key=lambda sampled: sampled.runner)

    def for_each_runner(self, function: Callable[[SwarmEnvRunner], ResultT]) -> list[ResultT]:
        """The answers of all env runners, in their order; waits for runners that are being restarted."""
        answers: dict[int, ResultT] = {}
        num_answers = max(1, self.config.num_env_runners)
        for healthy in self._attempts():
            answers |= self._ask(function, [index for index in healthy if index not in answers])
            if len(answers) == num_answers:
                break
        return [answers[index] for index in sorted(answers)]

    def _attempts(self) -> Iterator[list[int]]:
        """RLlib's indices of the runners that can be asked now, again and again; 0 is the one in this process."""
        deadline_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline_s:
            yield [0] if self.env_runner else self.env_runner_group.healthy_env_runner_ids()
            restored = self.restore_env_runners(self.env_runner_group)
            if restored:
                self._make_on_env_runners_recreated_callbacks(
                    config=self.config,
                    env_runner_group=self.env_runner_group,
                    restored_env_runner_indices=restored,
                )
        raise RuntimeError(f"env runners that were lost have not come back for {PATIENCE_S:g} s")

    def _ask(self, function: Callable[[SwarmEnvRunner], ResultT], indices: Sequence[int]) -> dict[int, ResultT]:
        """The answers of some runners, without those of runners that were lost. A runner's own exception is raised."""
        if self.env_runner:
            return {0: function(self.env_runner)}
        answers: dict[int, ResultT] = {}
        manager = self.env_runner_group._worker_manager  # noqa: SLF001 - foreach_env_runner only logs a runner's exception
        for answer in manager.foreach_actor(function, remote_actor_ids=list(indices), timeout_seconds=SAMPLE_TIMEOUT_S):
            if answer.ok:
                answers[answer.actor_id] = answer.get()
            elif isinstance(answer.get(), RayTaskError):
                raise answer.get()
            else:
                logger.warning("env runner %d is lost, and will be restarted: %s", answer.actor_id, answer.get())
        return answers

    def restore_env_runners(self, env_runner_group: EnvRunnerGroup) -> list[int]:
        """Indices of runners that answer again; they get their weights before the next sample, as all do."""
        restored: list[int] = env_runner_group.probe_unhealthy_env_runners()
        return restored
