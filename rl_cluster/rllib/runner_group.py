"""The env runners of a run behind one interface: it waits for lost ones, or others do their share.

RLlib's own group logs a runner's exception and continues without that runner. Here a runner's exception is raised. Only
a lost runner, whose process or node is gone, is skipped until Ray has restarted it.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

import ray
from ray.exceptions import ObjectLostError, RayTaskError
from ray.rllib.algorithms.algorithm import Algorithm

from rl_cluster.metrics.monitor import RunnerReport
from rl_cluster.metrics.stopwatch import Stopwatch
from rl_cluster.rllib.env_runner import RunnerFragment, SwarmEnvRunner
from rl_cluster.rllib.node_monitor import node_name
from rl_cluster.rllib.ticket import Ticket
from rl_cluster.training.engine import EngineLost

__all__ = ["RunnerGroup", "Sampled"]

PATIENCE_S = 300.0
"""Seconds of waiting for runners that are being restarted while no other runner has anything to do."""
TAG = "sample"
"""Tag of requests for fragments among those that RLlib's manager has under way."""

AnswerT = TypeVar("AnswerT")

logger = logging.getLogger(__name__)


class Sampled(NamedTuple):
    """A runner's answer to a request for a fragment."""

    tickets: list[Ticket]
    metrics: dict[str, Any]
    report: RunnerReport


class RunnerGroup:
    """All env runners of an algorithm: RLlib's indices 1 .. n, or 0, the one in this process.

    Args:
        algorithm: The algorithm that has the runners; it must be set up.
    """

    def __init__(self, algorithm: Algorithm) -> None:
        self._algorithm = algorithm
        self._local: SwarmEnvRunner | None = algorithm.env_runner
        # RLlib's group of runners only logs a runner's exception; its manager returns it.
        self._manager = algorithm.env_runner_group._worker_manager  # noqa: SLF001 - RLlib hides whom it has asked
        self._num_runners = max(1, algorithm.config.num_env_runners)
        self._timeout_s: float = algorithm.config.sample_timeout_s
        self._state: dict[str, Any] = {}
        self._heard_s = 0.0
        self._asked_s: dict[int, float] = {}

    @property
    def are_remote(self) -> bool:
        """True = the runners are in processes of their own."""
        return self._local is None

    def request(self, state: dict[str, Any]) -> None:
        """Has every runner take this state and sample one fragment, which `gather` will fetch. Does not wait."""
        self._state = state
        if not self._local:
            self._send(self._manager.healthy_actor_ids())

    def ask_idle(self, state: dict[str, Any]) -> None:
        """Has those remote runners take this state and sample that have nothing to do."""
        self._state, busy = state, set(self._in_flight().values())
        self._send([index for index in self._manager.healthy_actor_ids() if index not in busy])

    def poll(self, wait_s: float) -> list[Sampled]:
        """The answers that have come, after at most `wait_s` seconds for the first one. Ends runners that hang."""
        pending = self._in_flight()
        if pending:
            ray.wait(list(pending), num_returns=1, timeout=wait_s)
        answers = self._answers(self._manager.fetch_ready_async_reqs(tags=TAG))
        now_s = time.monotonic()
        for index in self._in_flight().values():
            self._heard_s = now_s  # somebody works
            if now_s - self._asked_s[index] > self._timeout_s:
                self._end_hanging(index)
        return list(answers.values())

    def _in_flight(self) -> dict[Any, int]:
        """Reference -> index of the runner that is to answer it with a fragment."""
        requests = self._manager._in_flight_req_to_actor_id  # noqa: SLF001 - RLlib hides whom it has asked
        return {ref: index for ref, (tag, index) in requests.items() if tag == TAG}

    def gather(self, count: int | None = None) -> list[Sampled]:
        """As many answers as there are runners, or `count`; the others make a lost runner's share, with the same state.

        Raises EngineLost if lost runners do not come back for `PATIENCE_S`, or if the weights are lost.
        """
        if self._local:
            return [_sample(self._local, self._state, in_store=False)]
        wanted = self._num_runners if count is None else count
        answers: list[Sampled] = []
        for healthy in self.attempts():
            missing = wanted - len(answers) - self._manager.num_outstanding_async_reqs(TAG)
            self._send(healthy[: max(0, missing)])
            answers += self._fetch()
            if len(answers) >= wanted:
                break
        return answers

    def _fetch(self) -> list[Sampled]:
        """The requested answers. Ends a runner that has not answered in time; Ray restarts it."""
        answers = self._answers(self._manager.fetch_ready_async_reqs(tags=TAG, timeout_seconds=self._timeout_s))
        for index in set(self._in_flight().values()):
            self._end_hanging(index)
        return list(answers.values())

    def _end_hanging(self, index: int) -> None:
        logger.warning("env runner %d has not answered for %g s, and is restarted", index, self._timeout_s)
        ray.kill(self._manager.actors()[index], no_restart=False)
        self._manager.set_actor_state(index, healthy=False)
        self._heard_s = time.monotonic()

    def discard(self) -> None:
        """Waits for all requested answers, and drops them."""
        if not self._local:
            self._fetch()

    def for_each(self, function: Callable[[SwarmEnvRunner], AnswerT]) -> list[AnswerT]:
        """The answers of all env runners, in their order; waits for runners that are being restarted."""
        if self._local:
            return [function(self._local)]
        answers: dict[int, AnswerT] = {}
        for healthy in self.attempts():
            asked = [index for index in healthy if index not in answers]
            # RLlib takes an empty list for all runners, and a lost runner that answers for one that was never lost.
            if asked:
                results = self._manager.foreach_actor(function, remote_actor_ids=asked, timeout_seconds=self._timeout_s)
                answers |= self._answers(results)
            if len(answers) == self._num_runners:
                break
        return [answers[index] for index in sorted(answers)]

    def _send(self, indices: Sequence[int]) -> None:
        if not indices:
            return  # RLlib would take an empty list for all of them
        self._asked_s |= dict.fromkeys(indices, time.monotonic())
        # Ray sends a function of a module by name; it would pickle a closure, which takes 5 ms.
        self._manager.foreach_actor_async(
            _sample, kwargs={"state": self._state, "in_store": True}, tag=TAG, remote_actor_ids=list(indices)
        )

    def attempts(self, pause_s: float = 0.0) -> Iterator[list[int]]:
        """Indices of the remote runners that can be asked now, again and again while some of them answer.

        Args:
            pause_s: Lost runners are looked for no more often while others work: it takes a while.
        """
        self._heard_s, looked_s = time.monotonic(), 0.0
        while time.monotonic() - self._heard_s < PATIENCE_S:
            yield self._manager.healthy_actor_ids()
            if self._in_flight() and time.monotonic() - looked_s < pause_s:
                continue
            looked_s, algorithm = time.monotonic(), self._algorithm
            restored = algorithm.restore_env_runners(algorithm.env_runner_group)
            if restored:
                algorithm._make_on_env_runners_recreated_callbacks(  # noqa: SLF001 - RLlib's own way to its hook
                    config=algorithm.config,
                    env_runner_group=algorithm.env_runner_group,
                    restored_env_runner_indices=restored,
                )
        raise EngineLost(f"env runners that were lost have not come back for {PATIENCE_S:g} s")

    def _answers(self, results: Any) -> dict[int, Any]:
        """Index -> answer, without runners that were lost. A runner's own exception is raised."""
        answers: dict[int, Any] = {}
        for result in results:
            if result.ok:
                answers[result.actor_id] = result.get()
                self._heard_s = time.monotonic()
            elif isinstance(error := result.get(), RayTaskError):
                if isinstance(error.cause, ObjectLostError):
                    raise EngineLost(f"the Learner is lost that had the weights ({type(error.cause).__name__})")
                raise error
            else:
                logger.warning(
                    "env runner %d is lost (%s); Ray restarts it", result.actor_id, type(result.get()).__name__
                )
        return answers


def _sample(runner: SwarmEnvRunner, state: dict[str, Any], *, in_store: bool) -> Sampled:
    stopwatch = Stopwatch()
    runner.set_state(state)
    stopwatch.lap("sync")
    fragments = runner.sample()
    metrics = runner.get_metrics()
    tickets = [Ticket.of(sampled, in_store=in_store) for sampled in fragments]
    stopwatch.lap("connector")
    seconds = _with_phases_of(fragments, stopwatch.seconds)
    return Sampled(tickets, metrics, RunnerReport(str(runner.runner), node_name(), seconds))


def _with_phases_of(fragments: Sequence[RunnerFragment], seconds: dict[str, float]) -> dict[str, float]:
    """Phase -> seconds. The fragments give the parts of `connector`, which keeps the rest: hooks and metrics."""
    joined: dict[str, float] = defaultdict(float, seconds)
    for sampled in fragments:
        for phase, value in sampled.fragment.seconds.items():
            joined[phase] += value
            joined["connector"] -= value
    return dict(joined)
