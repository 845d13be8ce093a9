"""SIGINT (Ctrl-C) and SIGTERM (`ray job stop`, a scheduler): the first asks a run to end well, the second ends it."""

import os
import signal
from types import FrameType, TracebackType
from typing import Any, Self

__all__ = ["StopRequest"]

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """Holds the signals back while it is entered: the first one only sets it, a second one ends the process at once.

    An iteration that has begun cannot be saved in its middle, so the run ends after it, with a checkpoint.
    """

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        """The first one; None = nobody has asked."""
        self._former: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        self._former = {number: signal.signal(number, self._take) for number in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)

    def is_set(self) -> bool:
        """True = the run shall end after this iteration."""
        return self.signal is not None

    @property
    def exit_code(self) -> int:
        """As shells count: 130 for SIGINT, 143 for SIGTERM; 0 if nobody has asked."""
        return 128 + self.signal if self.signal else 0

    def _take(self, number: int, _: FrameType | None) -> None:
        if self.signal:
            os._exit(128 + number)  # nothing is cleaned up: the last checkpoint is whole
        self.signal = signal.Signals(number)
        os.write(2, b"\nstopping after this iteration; once more stops at once\n")  # print() may be interrupted itself
