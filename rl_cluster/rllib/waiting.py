"""Waits before a run's first iteration: each says what it waits for, and each has a limit.

Ray's and RLlib's own waits have neither. The caller of `waiting` names a function that ends such a wait in vain, and
learns whether it was called.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["Wait", "waiting"]

QUIET_S = 10.0
"""Seconds; a wait that ends sooner is not reported."""
REPEAT_S = 30.0
"""Seconds between further reports."""

logger = logging.getLogger(__name__)


class Wait:
    """A wait that is under way."""

    def __init__(
        self, what: str, limit_s: float, give_up: Callable[[], object] | None, progress: Callable[[], str] | None
    ) -> None:
        self.what, self.limit_s = what, limit_s
        self.is_given_up = False
        """True = the limit was reached, which explains any exception of the wait."""
        self._give_up, self._progress = give_up, progress
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name=f"waiting for {what}", daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        """Reports after a while, and again and again; ends the wait in vain at its limit."""
        begin_s, pause_s = time.monotonic(), min(QUIET_S, self.limit_s)
        while not self._is_over.wait(pause_s):
            self._tell()
            left_s = begin_s + self.limit_s - time.monotonic()
            if left_s <= 0.0:
                self.is_given_up = True
                if self._give_up:
                    self._give_up()
                return
            pause_s = min(REPEAT_S, left_s)

    def _tell(self) -> None:
        """Reports what the wait is for, and how far it is."""
        progress = self._progress() if self._progress else ""
        logger.warning("waiting for %s, for %g s at most%s", self.what, self.limit_s, progress and f"; {progress}")

    def end(self) -> None:
        """Stops watching."""
        self._is_over.set()
        self._thread.join()


@contextmanager
def waiting(
    what: str,
    limit_s: float,
    give_up: Callable[[], object] | None = None,
    progress: Callable[[], str] | None = None,
) -> Iterator[Wait]:
    """Reports a long wait, and ends it at its limit.

    Args:
        what: A description of what the wait is for.
        limit_s: Seconds after which the wait is ended.
        give_up: Makes the awaited call raise; runs in its own thread. None = the wait ends by itself at the limit.
        progress: Says how far it is, in a thread of its own; empty = nothing to say.
    """
    wait = Wait(what, limit_s, give_up, progress)
    try:
        yield wait
    finally:
        wait.end()
