"""The RLlib Algorithm: one iteration is weights out, fragments in, one update.

RLlib's PPO would count a round in which no runner answered as an iteration, and use a train batch of another size when
one runner answers twice for another. Here an iteration has the fragments of all its runners, or it does not happen.
"""

import logging
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

from ray import tune
from ray.rllib.algorithms.algorithm import Algorithm
from ray.rllib.callbacks.callbacks import RLlibCallback
from ray.rllib.callbacks.utils import make_callback
from ray.rllib.core import COMPONENT_RL_MODULE
from ray.rllib.env.env_runner_group import EnvRunnerGroup
from ray.rllib.utils.metrics import (
    ENV_RUNNER_RESULTS,
    ENV_RUNNER_SAMPLING_TIMER,
    LEARNER_RESULTS,
    LEARNER_UPDATE_TIMER,
    TIMERS,
    WEIGHTS_SEQ_NO,
)
from ray.tune.result import DONE

from rl_cluster.errors import ConfigError
from rl_cluster.metrics.monitor import LearnerReport, Monitor, RunnerReport, WeightSync, joined_reports
from rl_cluster.metrics.phases import IterationTimes
from rl_cluster.metrics.record import iteration_metrics, joined_experience, lag_metrics
from rl_cluster.rllib.algorithm_config import SwarmConfig, make_algorithm_config
from rl_cluster.rllib.env_runner import COMPONENT_MIX
from rl_cluster.rllib.learner import STATISTICS, StoredWeights, SwarmLearner, num_bytes_of
from rl_cluster.rllib.learners import Learners
from rl_cluster.rllib.own_run import EVALUATION, OwnRun, read_saved
from rl_cluster.rllib.runner_group import RunnerGroup, Sampled
from rl_cluster.rllib.sample_stream import SampleStream
from rl_cluster.rllib.ticket import Ticket
from rl_cluster.training.engine import EngineLost
from rl_cluster.types import Controls

__all__ = ["RECORD", "SwarmAlgorithm"]

logger = logging.getLogger(__name__)

MOST_LOSSES = 5
"""How often an iteration samples lost columns again, before its Learners count as cut off from the env runners."""

RECORD = "record"
"""Key of the iteration's metrics, by the names of `metrics/names.py`, in the result of `train()`."""


class _Trained(NamedTuple):
    """The results of an iteration."""

    record: dict[str, float]
    learner_reports: Sequence[LearnerReport]
    sampling_s: float
    """without the time for sending weights"""
    learning_s: float


class SwarmAlgorithm(Algorithm):
    """Trains a run's network; `config.run_config` says how."""

    _runners: RunnerGroup | None = None
    _sampler: RunnerGroup | SampleStream | None = None
    _learners: Learners | None = None
    _own_run: OwnRun | None = None
    controls: Controls | None = None
    """The controls of the next iteration, if an engine sets them; None = the run's own controllers decide."""
    _iterates_with: Controls | None = None
    """The controls of the current iteration; None = none has begun."""
    _result: dict[str, Any]
    """RLlib's result of the last iteration."""
    _is_requested = False
    """True = runners are already sampling the next batch."""
    _run_monitor: Monitor | None = None
    _sync = WeightSync(0.0, 0.0)
    """The cost of sending weights in the current iteration."""
    runner_reports: Sequence[RunnerReport] = ()
    """The reports of the last iteration."""
    _trained: _Trained
    """The last iteration; `training_step` sets it before `step` reads it."""

    @classmethod
    def get_default_config(cls) -> SwarmConfig:
        """An empty config; `make_algorithm_config` fills it."""
        return SwarmConfig(algo_class=cls)

    def _setup_logdir(self) -> None:
        """Writes nothing outside Tune: RLlib would leave an empty folder in ~/ray_results for every run."""
        if self._storage:
            super()._setup_logdir()

    def step(self) -> dict[str, Any]:
        """RLlib's result, with the iteration's record.

        Without an engine, it has the last evaluation, too, and says after which iteration the run is done. Raises
        ConfigError after that one.
        """
        if self.controls is not None:
            record = self.iterate(self.controls)
            return {**self._result, RECORD: record}
        record, run = self.own_run.iterate(), self.own_run
        return {**self._result, RECORD: record, EVALUATION: run.scores, DONE: run.is_last}

    def iterate(self, controls: Controls) -> dict[str, float]:
        """Runs one iteration, and returns its record."""
        self._iterates_with = controls
        begin_s = time.perf_counter()
        self._result = super().step()
        return self._trained.record | self._note(time.perf_counter() - begin_s)

    @property
    def _controls(self) -> Controls:
        """Those of the current iteration; before the first one, those that an engine has set."""
        controls = self._iterates_with or self.controls
        assert controls, "an iteration has its controls"
        return controls

    def _note(self, wall_s: float) -> dict[str, float]:
        """The last iteration's metrics of phases, balance, communication and memory."""
        self._run_monitor = self._run_monitor or Monitor()
        trained = self._trained
        times = IterationTimes(wall_s, self._sync.seconds, trained.sampling_s, trained.learning_s)
        return self._run_monitor.note(times, self.runner_reports, trained.learner_reports, self._sync)

    @property
    def own_run(self) -> OwnRun:
        """The run of an algorithm that no engine drives."""
        assert self.controls is None, "the engine has the run"
        if self._own_run is None:
            self._own_run = OwnRun(self.config.run_config, self)
        return self._own_run

    def evaluate(self, parallel_train_future: Any = None) -> dict[str, float]:  # noqa: ARG002 - RLlib's signature
        """Metric -> mean over the evaluation's episodes, played now; calls the hooks of evaluation."""
        self._call_back("on_evaluate_start")
        scores = self.own_run.evaluate()
        self._call_back("on_evaluate_end", evaluation_metrics=scores)
        return scores

    def _call_back(self, hook: str, **arguments: Any) -> None:
        make_callback(
            hook,
            callbacks_objects=self.callbacks,
            callbacks_functions=getattr(self.config, f"callbacks_{hook}"),
            kwargs={"algorithm": self, "metrics_logger": self.metrics, **arguments},
        )

    def save_to_path(self, path: str | Path | None = None, **_: Any) -> str:
        """Writes one of our checkpoints into a folder, by default a new one; `save` ends here, too.

        Raises CheckpointError.
        """
        folder = Path(path or tempfile.mkdtemp())
        folder.mkdir(parents=True, exist_ok=True)
        self.own_run.save(folder)
        return str(folder)

    def restore_from_path(self, path: str | Path, *, component: str | None = None, **_: Any) -> None:
        """Goes on from a checkpoint of ours, whoever has written it; `restore` ends here, too.

        Raises CheckpointError, and ConfigError for a component: checkpoints are whole.
        """
        if component:
            raise ConfigError(f"component={component}", "checkpoints are restored as a whole", "omit it")
        self._iteration = self.own_run.load(Path(path))

    @classmethod
    def from_checkpoint(
        cls, path: str | Path | tune.Checkpoint, *, callbacks: Sequence[type[RLlibCallback]] = (), **_: Any
    ) -> Self:
        """An algorithm that goes on from a checkpoint of ours, with the settings in it.

        Args:
            path: Of a folder with checkpoints, or what Tune calls a checkpoint.
            callbacks: Classes of hooks. Nothing is imported from a checkpoint.

        Raises CheckpointError, and ConfigError as from `make_algorithm_config`.
        """
        folder = path.to_directory() if isinstance(path, tune.Checkpoint) else str(path)
        algorithm = cls(config=make_algorithm_config(read_saved(Path(folder)).config, callbacks))
        algorithm.load_checkpoint(folder)
        return algorithm

    @property
    def runners(self) -> RunnerGroup:
        """All env runners."""
        if self._runners is None:
            self._runners = RunnerGroup(self)
        return self._runners

    @property
    def sampler(self) -> RunnerGroup | SampleStream:
        """What makes batches: the runners, who all make a fragment of each, or their stream of fragments."""
        if self._sampler is None:
            sampling = self.config.run_config.sampling
            is_stream = sampling.mode == "async" and self.runners.are_remote
            stream = SampleStream(self.runners, sampling.num_env_runners, sampling.max_lag)
            self._sampler = stream if is_stream else self.runners
        return self._sampler

    @property
    def learners(self) -> Learners:
        """All Learners."""
        if self._learners is None:
            self._learners = Learners(self.learner_group, self.config.run_config.learners.timeout_s)
        return self._learners

    def training_step(self) -> None:
        """Runs one iteration. Raises EngineLost if a Learner is lost, or if no env runner answers for a long time.

        With overlap, runners sample the next batch with the weights from before the update, while the Learners update
        on this one: weights lag one update behind, and no runner waits for the Learners. With async, nor does a batch
        wait for its slowest runner.
        """
        self._sync = WeightSync(0.0, 0.0)
        start_s = time.perf_counter()
        with self.metrics.log_time((TIMERS, ENV_RUNNER_SAMPLING_TIMER)):
            tickets = self._sample()
        sampled_s = time.perf_counter()
        with self.metrics.log_time((TIMERS, LEARNER_UPDATE_TIMER)):
            meanwhile = self.sampler.keep_going if isinstance(self.sampler, SampleStream) else None
            updated = self.learners.update(self._controls, self.iteration, meanwhile)
            self.metrics.aggregate([one.results for one in updated], key=LEARNER_RESULTS)
        sampling_s, learning_s = sampled_s - start_s, time.perf_counter() - sampled_s
        run = self.config.run_config
        statistics = self.metrics.peek((LEARNER_RESULTS, *STATISTICS), default={})
        assert statistics, "the Learner returned no statistics: nothing was trained"
        record = iteration_metrics(
            joined_experience([ticket.experience for ticket in tickets]),
            {name: float(value) for name, value in statistics.items()},
            sampling_s,
            learning_s,
            run.ppo.num_epochs,
            policy_lag=self.iteration - min(ticket.weights_version for ticket in tickets),
        )
        if isinstance(self.sampler, SampleStream):
            record |= self._lag_metrics(tickets, self.sampler.take_num_dropped())
        reports = [one.report for one in updated]
        self._trained = _Trained(record, reports, sampling_s - self._sync.seconds, learning_s)

    def _lag_metrics(self, tickets: Sequence[Ticket], num_dropped: int) -> dict[str, float]:
        lags = [self.iteration - ticket.weights_version for ticket in tickets]
        made = Counter(ticket.runner for ticket in tickets)
        numbers = [made[runner] for runner in range(self.config.num_env_runners)]
        return lag_metrics(lags, numbers, num_dropped)

    def _sample(self) -> list[Ticket]:
        """The tickets of a batch, whose columns the Learners have by then.

        With overlap, requests the next fragments. Columns that were lost on their way are sampled again.
        """
        run = self.config.run_config
        if not self._is_requested:
            self._request()
        answers = self.sampler.gather()
        num_losses = 0
        while lost := self.learners.fetch(tickets := _tickets_of(answers)):
            num_losses += 1
            if num_losses > MOST_LOSSES:
                raise EngineLost(f"columns of env runners were lost {num_losses} times before Learners had them")
            logger.warning("the columns of %d env runners are lost, and sampled again", len(lost))
            kept = [answer for answer in answers if not any(tickets[number] in answer.tickets for number in lost)]
            answers = kept + self.sampler.gather(len(answers) - len(kept))
        self._is_requested = run.sampling.mode == "overlap" and self.iteration + 1 < run.training.iterations
        if self._is_requested:
            self._request()
        self.runner_reports = joined_reports([answer.report for answer in answers])
        self.metrics.aggregate([answer.metrics for answer in answers], key=ENV_RUNNER_RESULTS)
        return tickets

    def _request(self) -> None:
        """Has the runners sample with the current weights."""
        begin_s = time.perf_counter()
        weights, num_bytes = self._weights()
        # what runners need to sample, even after a restart: weights, the weights' number, stages
        self.sampler.request(
            {COMPONENT_RL_MODULE: weights, WEIGHTS_SEQ_NO: self.iteration, COMPONENT_MIX: self._controls.mix}
        )
        self._sync = WeightSync(float(num_bytes), self._sync.seconds + time.perf_counter() - begin_s)

    def _weights(self) -> tuple[Any, int]:
        """The weights for the runners and their bytes: by reference, if the runners are not in this process."""
        if self.runners.are_remote:
            return self.learners.first(_stored_weights)
        weights = self.learners.first(_acting_weights)
        return weights, num_bytes_of(weights)

    def discard_samples(self) -> None:
        """Drops what runners have sampled ahead, because it belongs to another state."""
        self.sampler.discard()
        self._is_requested = False

    def restore_env_runners(self, env_runner_group: EnvRunnerGroup) -> list[int]:
        """Indices of runners that answer again; they get their orders with the next request, like all others."""
        restored: list[int] = env_runner_group.probe_unhealthy_env_runners()
        return restored


def _tickets_of(answers: Sequence[Sampled]) -> list[Ticket]:
    """The tickets in the order of their runners, which is that of the batch."""
    return sorted((ticket for answer in answers for ticket in answer.tickets), key=lambda ticket: ticket.runner)


# Ray sends a function of a module by name; it would pickle a lambda.
def _acting_weights(learner: SwarmLearner) -> dict[str, Any]:
    return learner.acting_weights()


def _stored_weights(learner: SwarmLearner) -> StoredWeights:
    return learner.stored_weights()
