"""All Learners of a run behind one interface. They act as one, so if one of them is lost, all are.

RLlib's LearnerGroup waits for every answer, so a Learner that hangs would hang the run. Here the wait ends when the
first Learner is lost, or when the time limit of an answer is reached.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import ray
from ray.exceptions import RayError, RayTaskError
from ray.rllib.core.learner.learner_group import LearnerGroup

from rl_cluster.rllib.learner import SwarmLearner, Updated
from rl_cluster.rllib.ticket import Ticket, divide
from rl_cluster.training.engine import EngineLost
from rl_cluster.types import Controls

__all__ = ["Learners"]

GRACE_S = 10.0
"""Seconds within which another Learner's death, the cause of a broken exchange, becomes known."""
MEANWHILE_S = 0.05
"""Seconds between looks at something else while Learners update."""

AnswerT = TypeVar("AnswerT")


class Learners:
    """The Learners of an algorithm, in its process or in actors.

    Args:
        group: RLlib's group, which has made them.
        timeout_s: A Learner that has not answered by then is lost.
    """

    def __init__(self, group: LearnerGroup, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._local: SwarmLearner | None = group._learner  # noqa: SLF001 - the group hides its local Learner
        self._actors: list[Any] = group._workers or []  # noqa: SLF001 - the group hides its actors

    def fetch(self, tickets: Sequence[Ticket]) -> set[int]:
        """Has every Learner fetch its share of the columns; returns the positions of tickets whose columns are lost.

        The next update learns from what was fetched last. Raises EngineLost.
        """
        if self._local:
            return set(self._local.fetch(divide(tickets, 1)[0]))
        shares = divide([ticket.stored() for ticket in tickets], len(self._actors))
        refs = [actor.fetch.remote(own) for actor, own in zip(self._actors, shares, strict=True)]
        return {number for lost in self._gather(refs) for number in lost}

    def update(self, controls: Controls, iteration: int, meanwhile: Callable[[], None] | None = None) -> list[Updated]:
        """Runs one iteration's update on what was fetched; returns every Learner's answer. Raises EngineLost.

        `meanwhile` is called again and again until they have answered, if they are not in this process.
        """
        if self._local:
            return [self._local.report_update(controls, iteration)]
        return self._gather([actor.report_update.remote(controls, iteration) for actor in self._actors], meanwhile)

    def for_each(self, function: Callable[[SwarmLearner], AnswerT]) -> list[AnswerT]:
        """The answers of all Learners, in their order. Raises EngineLost, or what the function raises."""
        if self._local:
            return [function(self._local)]
        return self._gather([actor.apply.remote(function) for actor in self._actors])

    def first(self, function: Callable[[SwarmLearner], AnswerT]) -> AnswerT:
        """The answer of the first Learner; all have the same state. Raises like `for_each`."""
        if self._local:
            return function(self._local)
        answer: AnswerT = self._gather([self._actors[0].apply.remote(function)])[0]
        return answer

    def kill(self) -> None:
        """Ends all actors at once, even those that wait for a lost one."""
        for actor in self._actors:
            ray.kill(actor)

    def _gather(self, refs: list[Any], meanwhile: Callable[[], None] | None = None) -> list[Any]:
        """Answers in the order of the Learners.

        A Learner's exception counts only after its peers have answered or had time to be found dead, because a dead
        Learner breaks the others' exchanges.
        """
        answers: dict[Any, Any] = {}
        failure: RayTaskError | None = None
        deadline_s = time.monotonic() + self._timeout_s
        while pending := [ref for ref in refs if ref not in answers]:
            left_s = max(0.0, deadline_s - time.monotonic())
            ready, _ = ray.wait(pending, timeout=min(MEANWHILE_S, left_s) if meanwhile else left_s)
            if not ready and meanwhile and left_s:
                meanwhile()
                continue
            if not ready:
                break
            answers[ready[0]] = answer = _answer(ready[0], refs.index(ready[0]))
            if isinstance(answer, RayTaskError):
                failure = failure or answer
                deadline_s = min(deadline_s, time.monotonic() + GRACE_S)
        if failure:
            raise failure
        if pending:
            raise EngineLost(f"Learner {refs.index(pending[0])} has not answered for {self._timeout_s:g} s")
        return [answers[ref] for ref in refs]


def _answer(ref: Any, index: int) -> Any:
    """A Learner's answer, or its exception."""
    try:
        return ray.get(ref)
    except RayTaskError as error:
        return error
    except RayError as error:
        raise EngineLost(f"Learner {index} is lost ({type(error).__name__})") from error
