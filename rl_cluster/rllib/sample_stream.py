"""Env runners that sample without pause: a batch takes the first fragments that make it up, whoever has made them.

So no batch waits for its slowest runner. What is older than `max_lag` updates is dropped; the Learners correct the rest
(`learning/off_policy.py`). Answers that nobody waits for make up at most one batch, so that the object store never
holds more than two.
"""

from typing import Any

from ray.rllib.utils.metrics import WEIGHTS_SEQ_NO

from rl_cluster.rllib.runner_group import RunnerGroup, Sampled

__all__ = ["SampleStream"]

WAIT_S = 1.0
"""Seconds of waiting for an answer at a time."""
LOOK_S = 5.0
"""Seconds between looks for lost runners, for which the others would wait."""


class SampleStream:
    """Asks runners as soon as they have nothing to do; has `request`, `gather` and `discard`, like `RunnerGroup`.

    Args:
        runners: Remote ones.
        num_fragments: Fragments of a batch.
        max_lag: The most updates since a fragment's weights.
    """

    def __init__(self, runners: RunnerGroup, num_fragments: int, max_lag: int) -> None:
        self._runners, self._num_fragments, self._max_lag = runners, num_fragments, max_lag
        self._state: dict[str, Any] = {}
        self._ready: list[Sampled] = []
        self._num_dropped = 0

    def request(self, state: dict[str, Any]) -> None:
        """Has runners sample with this state from now on, each when its current fragment is done. Does not wait."""
        self._state = state
        self.keep_going()

    def keep_going(self) -> None:
        """Takes what has come, and asks those who have nothing to do, unless a whole batch is there. Does not wait."""
        self._ready += self._runners.poll(0.0)
        if len(self._ready) < self._num_fragments:
            self._runners.ask_idle(self._state)

    def gather(self, count: int | None = None) -> list[Sampled]:
        """The first answers that are fresh enough: as many as a batch has fragments, or `count`. Raises EngineLost."""
        wanted = self._num_fragments if count is None else count
        self._drop_stale()
        if len(self._ready) < wanted:
            for _ in self._runners.attempts(LOOK_S):
                self._runners.ask_idle(self._state)
                self._ready += self._runners.poll(WAIT_S)
                self._drop_stale()
                if len(self._ready) >= wanted:
                    break
        taken, self._ready = self._ready[:wanted], self._ready[wanted:]
        return taken

    def _drop_stale(self) -> None:
        oldest = self._state[WEIGHTS_SEQ_NO] - self._max_lag
        fresh = [one for one in self._ready if all(ticket.weights_version >= oldest for ticket in one.tickets)]
        self._num_dropped += len(self._ready) - len(fresh)
        self._ready = fresh

    def take_num_dropped(self) -> int:
        """How many fragments were too old since the last call."""
        number, self._num_dropped = self._num_dropped, 0
        return number

    def discard(self) -> None:
        """Waits for all answers, and drops them."""
        self._runners.discard()
        self._ready = []
