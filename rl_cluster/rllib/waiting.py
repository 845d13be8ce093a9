"""Every wait before a run's first iteration: it says what it waits for, and it has a limit.

What Ray and RLlib wait for by themselves, they wait for without either. Who enters `waiting` names what would end such
a wait in vain, and gets to know whether it had to.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["Wait", "waiting"]

QUIET_S = 10.0
"""A wait that ends sooner is not worth a line."""

logger = logging.getLogger(__name__)


class Wait:
    """A wait that is under way."""

    def __init__(self, what: str, limit_s: float, give_up: Callable[[], object] | None) -> None:
        self.what, self.limit_s = what, limit_s
        self.is_given_up = False
        """True = the limit was reached; whatever the wait has raised then comes of that."""
        self._give_up = give_up

    def tell(self) -> None:
        """Says what is waited for."""
        logger.warning("waiting for %s, for %g s at most", self.what, self.limit_s)

    def end(self) -> None:
        """Ends the wait in vain."""
        self.is_given_up = True
        if self._give_up:
            self._give_up()


@contextmanager
def waiting(what: str, limit_s: float, give_up: Callable[[], object] | None = None) -> Iterator[Wait]:
    """Tells of a wait that takes long, and ends it at its limit.

    Args:
        what: Is waited for, in words.
        limit_s: After which the wait is ended.
        give_up: Has what is waited for raise; called in a thread of its own. None = the wait ends by itself then.
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
