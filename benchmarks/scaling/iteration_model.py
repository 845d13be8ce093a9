"""How long an iteration takes with n env runners and k Learners: a sum of terms, of which two are fitted.

    T(n, k) = sampling + (steering + (n + 2 (k - 1)) * message) + broadcast + fetch + update + all-reduce

The trainer's part, in brackets, is fitted to measurements with one Learner. Each further one gets two messages, to
fetch and to update, which count like an env runner's. The other terms follow from `Assumptions`. No term hides behind
another, and nothing waits for the slowest, so this is a model and no measurement.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

__all__ = ["Assumptions", "IterationModel", "Parts", "Steering", "fit"]


@dataclass(frozen=True, slots=True)
class Steering:
    """The trainer's seconds an iteration, as a line over the number of env runners."""

    fixed_s: float
    message_s: float
    """for each env runner"""

    def seconds(self, num_runners: int) -> float:
        """Cost of an iteration with this many env runners."""
        return self.fixed_s + num_runners * self.message_s


def fit(num_runners: Sequence[int], seconds: Sequence[float]) -> Steering:
    """The line of least squares through measurements of at least two numbers of env runners."""
    ones = np.ones(len(num_runners))
    (fixed_s, message_s), *_ = np.linalg.lstsq(np.stack([ones, np.asarray(num_runners, dtype=float)], 1), seconds)
    return Steering(float(fixed_s), float(message_s))


@dataclass(frozen=True, slots=True)
class Assumptions:
    """A cluster and a run on it."""

    sampling_s: float
    """an env runner needs for its fragment"""
    update_s: float
    """a single Learner needs for the rows of one fragment, all epochs together"""
    fragment_bytes: float
    weights_bytes: float
    num_exchanges: int
    """sums of gradients over the Learners an iteration: epochs * minibatches"""
    runners_per_node: int
    link_bytes_per_s: float
    """between two nodes"""
    latency_s: float
    """of a message between two nodes"""
    broadcast_bytes_per_s: float
    """of one object to many nodes: its bytes * nodes over the seconds until all have it"""


class Parts(NamedTuple):
    """The seconds of an iteration, one term each."""

    sampling: float
    trainer: float
    broadcast: float
    fetch: float
    update: float
    all_reduce: float

    @property
    def seconds(self) -> float:
        """All terms together."""
        return sum(self)


@dataclass(frozen=True, slots=True)
class IterationModel:
    """T(n, k)."""

    steering: Steering
    assumed: Assumptions

    def parts(self, num_runners: int, num_learners: int) -> Parts:
        """The terms for n env runners and k Learners."""
        assumed = self.assumed
        num_nodes = -(-num_runners // assumed.runners_per_node)
        return Parts(
            sampling=assumed.sampling_s,
            trainer=self.steering.seconds(num_runners + 2 * (num_learners - 1)),
            broadcast=num_nodes * assumed.weights_bytes / assumed.broadcast_bytes_per_s,
            fetch=num_runners * assumed.fragment_bytes / (num_learners * assumed.link_bytes_per_s),
            update=num_runners * assumed.update_s / num_learners,
            all_reduce=assumed.num_exchanges * self._exchange_s(num_learners),
        )

    def _exchange_s(self, num_learners: int) -> float:
        """A ring of k: each sends 2 (k - 1) messages of a k-th of the gradients."""
        num_messages, assumed = 2 * (num_learners - 1), self.assumed
        return num_messages * (assumed.latency_s + assumed.weights_bytes / num_learners / assumed.link_bytes_per_s)
