"""Delivers every record to the tracking services without ever holding up the run.

Each service has its own thread and queue. A record that cannot be delivered waits and is retried; meanwhile the run's
metrics.jsonl has it. A service that is down is reported once, and once more at the end of the run.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

__all__ = ["CLOSE_PATIENCE_S", "Outbox", "Tracker"]

RETRY_S = (1.0, 30.0)
"""Shortest and longest pause before a record is retried; the pause doubles from one to the other."""
CLOSE_PATIENCE_S = 60.0
"""How long the end of a run waits for a service that takes no record; the first use of some takes seconds. As long as
records arrive, it waits."""
FAILED_PATIENCE_S = 5.0
"""How long it waits for a service that has not answered so far."""
LOOK_AGAIN_S = 0.05

logger = logging.getLogger(__name__)


class Tracker(Protocol):
    """A service that shows metrics."""

    def log(self, iteration: int, metrics: Mapping[str, float]) -> None:
        """Takes a record. May raise any exception if that fails."""

    def close(self) -> None:
        """Writes the records that it still holds."""


class _Letter(NamedTuple):
    iteration: int
    metrics: Mapping[str, float]


class Outbox:
    """Delivers to one service in the background.

    Args:
        name: The service's name, for warnings.
        open_tracker: Opens the service, in the thread; if it raises, it is called again.
    """

    def __init__(self, name: str, open_tracker: Callable[[], Tracker]) -> None:
        self._name, self._open = name, open_tracker
        self._tracker: Tracker | None = None
        self._letters: queue.SimpleQueue[_Letter | None] = queue.SimpleQueue()
        self._num_taken, self._num_delivered = 0, 0  # only one thread changes each
        self._moved_s = 0.0  # when the service was opened, or took the last record
        self._is_closing = threading.Event()
        self._has_warned = self._is_failing = False
        self._thread = threading.Thread(target=self._deliver_all, name=f"outbox-{name}", daemon=True)
        self._thread.start()

    def log(self, iteration: int, metrics: Mapping[str, float]) -> None:
        """Takes a record; returns at once."""
        self._num_taken += 1
        self._letters.put(_Letter(iteration, dict(metrics)))

    def flush(self) -> None:
        """Waits until the service has taken all records, unless it fails; a process that may be ended calls it."""
        begin_s = time.monotonic()
        while self._num_delivered < self._num_taken and not self._is_failing and self._thread.is_alive():
            if time.monotonic() > max(begin_s, self._moved_s) + CLOSE_PATIENCE_S:
                return
            self._is_closing.wait(LOOK_AGAIN_S)

    def begin_closing(self) -> None:
        """Announces that no more records follow. Returns at once, so that several outboxes can close side by side."""
        if not self._is_closing.is_set():
            self._letters.put(None)
            self._is_closing.set()

    def close(self, begin_s: float | None = None) -> None:
        """Waits for the remaining records as long as they move, and reports those that could not be delivered.

        Args:
            begin_s: When the wait began, a time of `time.monotonic`: outboxes that close side by side wait together;
                None = now.
        """
        self.begin_closing()
        begin_s = time.monotonic() if begin_s is None else begin_s
        while self._thread.is_alive() and time.monotonic() < max(begin_s, self._moved_s) + self._patience_s:
            self._thread.join(LOOK_AGAIN_S)
        num_left = self._num_taken - self._num_delivered
        if num_left:
            logger.warning("%s has not taken the last %d records; metrics.jsonl holds them all", self._name, num_left)

    @property
    def _patience_s(self) -> float:
        return FAILED_PATIENCE_S if self._is_failing else CLOSE_PATIENCE_S

    def _deliver_all(self) -> None:
        while letter := self._letters.get():
            if not self._deliver(letter):
                return
            self._num_delivered += 1
            self._moved_s = time.monotonic()
        if self._tracker:
            self._attempt(self._tracker.close)

    def _deliver(self, letter: _Letter) -> bool:
        """Tries until it succeeds, or until the run has ended and its patience is over."""
        pause_s, give_up_s = RETRY_S[0], float("inf")
        while not self._attempt(lambda: self._log(letter)):
            if self._is_closing.is_set():
                give_up_s = min(give_up_s, time.monotonic() + FAILED_PATIENCE_S / 2)
                time.sleep(RETRY_S[0])
            else:
                self._is_closing.wait(pause_s)
            if time.monotonic() > give_up_s:
                return False
            pause_s = min(2.0 * pause_s, RETRY_S[1])
        return True

    def _log(self, letter: _Letter) -> None:
        if self._tracker is None:
            self._tracker = self._open()
            self._moved_s = time.monotonic()
        self._tracker.log(*letter)

    def _attempt(self, act: Callable[[], None]) -> bool:
        try:
            act()
        except Exception as error:  # noqa: BLE001 - whatever a service raises, the run goes on
            self._is_failing = True
            if not self._has_warned:
                words = str(error).strip().partition("\n")[0][:300]
                logger.warning("%s does not answer (%s); records wait, and the run goes on", self._name, words)
                self._has_warned = True
            return False
        self._is_failing = False
        return True
