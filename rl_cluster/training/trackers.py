"""The tracking services that show a run, each with its outbox."""

import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from rl_cluster.metrics.tracking import Outbox, Tracker
from rl_cluster.training.run import Record

__all__ = ["Trackers"]


class Trackers:
    """Passes iterations to all services; use it in a `with`.

    Args:
        openers: Name of a service -> the function that opens it, in its own thread, after the first iteration.
    """

    def __init__(self, openers: Mapping[str, Callable[[], Tracker]]) -> None:
        self._outboxes = [Outbox(name, opener) for name, opener in openers.items()]

    def note(self, record: Record) -> None:
        """Takes an iteration; returns at once."""
        for outbox in self._outboxes:
            outbox.log(record.done, record.metrics)

    def flush(self) -> None:
        """Waits until all services that work have taken their records."""
        for outbox in self._outboxes:
            outbox.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for outbox in self._outboxes:
            outbox.begin_closing()
        begin_s = time.monotonic()
        for outbox in self._outboxes:
            outbox.close(begin_s)
