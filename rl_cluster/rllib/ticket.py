"""Tickets: what the trainer knows of a fragment, whose columns stay where they were made until a Learner fetches them.

So the trainer's cost does not depend on the size of fragments. A ticket's reference is owned by its env runner: if that
process ends before a Learner has read the columns, they are lost, like the runner.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import ray
from ray.exceptions import GetTimeoutError, ObjectLostError

from rl_cluster.metrics.record import Experience, experience_of
from rl_cluster.rllib.env_runner import RunnerFragment
from rl_cluster.types import Fragment

__all__ = ["Share", "Ticket", "divide", "fetch"]


@dataclass(frozen=True, slots=True, eq=False)
class Ticket:
    """A fragment, without its columns."""

    runner: int
    """Number of the env runner, from 0"""
    num_worlds: int
    weights_version: int
    """Number of updates behind the weights that acted"""
    experience: Experience
    columns: "ray.ObjectRef[Fragment] | Fragment"
    """Where the columns are; the columns themselves if runner and Learner share a process"""

    @classmethod
    def of(cls, sampled: RunnerFragment, *, in_store: bool) -> "Ticket":
        """The ticket of a fragment; `in_store` puts the columns into this node's object store."""
        fragment = sampled.fragment
        columns = replace(fragment, outcomes={}, seconds={})
        return cls(
            sampled.runner,
            fragment.num_worlds,
            fragment.weights_version,
            experience_of(fragment),
            ray.put(columns) if in_store else columns,
        )

    def stored(self) -> "Ticket":
        """The ticket with its columns in the object store, from where other processes can fetch them."""
        return replace(self, columns=ray.put(self.columns)) if isinstance(self.columns, Fragment) else self


class Share(NamedTuple):
    """The worlds `first` to `last` - 1 of a fragment, for one Learner."""

    number: int
    """of the ticket among the iteration's"""
    runner: int
    """number of the ticket's env runner"""
    columns: "ray.ObjectRef[Fragment] | Fragment"
    """the ticket's"""
    first: int
    last: int

    def cut(self, columns: Fragment) -> RunnerFragment:
        """The share of the ticket's columns, as views."""
        is_whole = (self.first, self.last) == (0, columns.num_worlds)
        return RunnerFragment(self.runner, columns if is_whole else columns.of_worlds(self.first, self.last))


def divide(tickets: Sequence[Ticket], num_learners: int) -> list[list[Share]]:
    """The shares of every Learner.

    Learners get consecutive worlds, in the order of the tickets, so that their rows together are in the same order as a
    single Learner's (`learning/ranks.py`). If the worlds do not divide evenly, some Learners get one more.
    """
    total = sum(ticket.num_worlds for ticket in tickets)
    bounds = [total * number // num_learners for number in range(num_learners + 1)]
    return [_of_worlds(tickets, bounds[number], bounds[number + 1]) for number in range(num_learners)]


def _of_worlds(tickets: Sequence[Ticket], first: int, last: int) -> list[Share]:
    """The worlds `first` to `last` - 1 of all tickets' worlds in a row."""
    shares, start = [], 0
    for number, ticket in enumerate(tickets):
        begin, end = max(first - start, 0), min(last - start, ticket.num_worlds)
        if begin < end:
            shares.append(Share(number, ticket.runner, ticket.columns, begin, end))
        start += ticket.num_worlds
    return shares


def fetch(shares: Sequence[Share], timeout_s: float) -> tuple[list[RunnerFragment], list[int]]:
    """The fragments of a Learner's shares, and the numbers of tickets whose columns are lost.

    Args:
        shares: What to fetch. Transfers from several nodes run side by side.
        timeout_s: Columns that have not arrived by then are lost.
    """
    deadline_s = time.monotonic() + timeout_s
    refs = [share.columns for share in shares if not isinstance(share.columns, Fragment)]
    if refs:
        ray.wait(refs, num_returns=len(refs), timeout=timeout_s)  # a lost reference is ready, too
    fragments, lost = [], []
    for share in shares:
        columns, left_s = share.columns, max(0.0, deadline_s - time.monotonic())
        try:
            fragments.append(share.cut(columns if isinstance(columns, Fragment) else ray.get(columns, timeout=left_s)))
        except (ObjectLostError, GetTimeoutError):
            lost.append(share.number)
    return fragments, lost
