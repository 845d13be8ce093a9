"""Waits before a run's first iteration: each says what it waits for, and each has a limit.

Ray's and RLlib's own waits have neither. The caller of `waiting` names a function that ends such a wait in vain, and
learns whether it was called.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["Wait", "waiting"]

QUIET_S = 10.0
"""Seconds; a wait that ends sooner is not reported."""

logger = logging.getLogger(__name__)


class Wait:
    """A wait that is under way."""

    def __init__(self, what: str, limit_s: float, give_up: Callable[[], object] | None) -> None:
        self.what, self.limit_s = what, limit_s
        self.is_given_up = False
        """True = the limit was reached, which explains any exception of the wait."""
        self._give_up = give_up

    def tell(self) -> None:
        """Reports what the wait is for."""
        logger.warning("waiting for %s, for %g s at most", self.what, self.limit_s)

    def end(self) -> None:
        """Ends the wait in vain."""
        self.is_given_up = True
        if self._give_up:
            self._give_up()


@contextmanager
def waiting(what: str, limit_s: float, give_up: Callable[[], object] | None = None) -> Iterator[Wait]:
    """Reports a long wait, and ends it at its limit.

    Args:
        what: A description of what the wait is for.
        limit_s: Seconds after which the wait is ended.
        give_up: Makes the awaited call raise; runs in its own thread. None = the wait ends by itself at the limit.
    """
    wait = Wait(what, limit_s, give_up)
    timers = [threading.Timer(min(QUIET_S, limit_s), wait.tell), threading.Timer(limit_s, wait.end)]
    for timer in timers:
        timer.daemon = True
        timer.start()
    try:
        yield wait
    finally:
        for timer in timers:
            timer.cancel()
            timer.join()
