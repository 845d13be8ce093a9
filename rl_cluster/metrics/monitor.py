"""Turns the reports of env runners and Learners into metrics: phases, balance, communication, memory."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rl_cluster.metrics import names
from rl_cluster.metrics.communication import Traffic, traffic_metrics
from rl_cluster.metrics.leak import LeakWatch
from rl_cluster.metrics.load_balance import BalanceWindow
from rl_cluster.metrics.names import EXCHANGE_S
from rl_cluster.metrics.phases import IterationTimes, phase_shares
from rl_cluster.metrics.torch_memory import MemoryReading, memory_metrics

__all__ = ["LearnerReport", "Monitor", "RunnerReport", "WeightSync", "joined_reports"]


class RunnerReport(NamedTuple):
    """An env runner's work in an iteration."""

    runner: str
    node: str
    seconds: Mapping[str, float]
    """phase -> busy seconds"""
    num_fragments: int = 1
    """how many it has made of the iteration's batch"""


def joined_reports(reports: Sequence[RunnerReport]) -> list[RunnerReport]:
    """One report of each runner, in the order of their first ones: a runner may have worked several times."""
    joined: dict[str, RunnerReport] = {}
    for one in reports:
        before = joined.get(one.runner, one._replace(seconds={}, num_fragments=0))
        phases = [*before.seconds, *(phase for phase in one.seconds if phase not in before.seconds)]
        seconds = {phase: before.seconds.get(phase, 0.0) + one.seconds.get(phase, 0.0) for phase in phases}
        number = before.num_fragments + one.num_fragments
        joined[one.runner] = one._replace(seconds=seconds, num_fragments=number)
    return list(joined.values())


class LearnerReport(NamedTuple):
    """A Learner's work in an iteration."""

    learner: str
    node: str
    seconds: Mapping[str, float]
    """phase -> busy seconds"""
    traffic: Traffic
    memory: MemoryReading


class WeightSync(NamedTuple):
    """The cost of sending the weights to env runners."""

    num_bytes: float
    seconds: float
    """seconds until they were on their way"""


class Monitor:
    """Monitors one run; remembers the last iterations."""

    def __init__(self) -> None:
        self._balance = {who: BalanceWindow(who) for who in ("runner", "learner", "node")}
        self._leak = LeakWatch()
        self._memory: MemoryReading | None = None

    def note(
        self,
        times: IterationTimes,
        runners: Sequence[RunnerReport],
        learners: Sequence[LearnerReport],
        sync: WeightSync | None = None,
    ) -> dict[str, float]:
        """Takes an iteration; returns key -> value. Memory is that of the Learner that uses most.

        Args:
            times: Times in the process that waits for all others.
            runners: Reports of all env runners.
            learners: Reports of all Learners.
            sync: None = env runners share the Learner's weights.
        """
        memory = max((learner.memory for learner in learners), key=lambda reading: reading.used_bytes)
        before, self._memory = self._memory, memory
        return {
            **phase_shares(times, [one.seconds for one in runners], [one.seconds for one in learners]),
            **self._balance["runner"].note({one.runner: sum(one.seconds.values()) for one in runners}),
            **self._balance["learner"].note({one.learner: _before_exchange_s(one) for one in learners}),
            **self._balance["node"].note(_by_node(runners)),
            **traffic_metrics([one.traffic for one in learners]),
            EXCHANGE_S: max(one.traffic.seconds for one in learners),
            **(_sync_metrics(sync, runners) if sync else {}),
            **memory_metrics(memory, before),
            **self._leak.note(memory.used_bytes),
        }


def _before_exchange_s(learner: LearnerReport) -> float:
    return sum(seconds for phase, seconds in learner.seconds.items() if phase != "exchange")


def _by_node(runners: Sequence[RunnerReport]) -> dict[str, float]:
    """Node -> busy seconds of its slowest env runner."""
    slowest: dict[str, float] = {}
    for one in runners:
        slowest[one.node] = max(slowest.get(one.node, 0.0), sum(one.seconds.values()))
    return slowest


def _sync_metrics(sync: WeightSync, runners: Sequence[RunnerReport]) -> dict[str, float]:
    taken_s = max((one.seconds.get("sync", 0.0) for one in runners), default=0.0)
    return {
        names.COMMUNICATION_WEIGHTS_BYTES: sync.num_bytes,
        names.COMMUNICATION_WEIGHTS_S: sync.seconds + taken_s,
    }
