"""Handles SIGINT (Ctrl-C), SIGTERM (`ray job stop`, a scheduler) and SIGHUP (the terminal is gone) from start to end.

Until a run iterates, the first signal ends the command: at once while modules are imported, because nothing has been
made yet; otherwise by an exception, so that everything open is closed. Within a run's `StopRequest` the first signal
only sets it. A second signal always ends the process at once.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, NoReturn, Self

__all__ = ["Interruption", "StopRequest", "answer_signal", "end_at_signals", "orderly", "take_signals", "taken_signal"]

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LOOK_AGAIN_S = 0.02
SHOW_CURSOR = b"\x1b[?25h"


class Interruption(KeyboardInterrupt):
    """A signal that ends the command. Libraries know its base class, and let it pass."""


class _Taken:
    """The signals that this process has received."""

    first: signal.Signals | None = None
    is_orderly = False
    """True = something is open that must be closed, whatever is being imported meanwhile"""


def take_signals() -> None:
    """Makes a signal end the process with its exit code and one line from here on.

    A signal that is ignored stays ignored, as `nohup` and background jobs of a shell want it.
    """
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _take)
    sys.unraisablehook = _raise_again


def end_at_signals() -> None:
    """Lets a signal end the process at once from here on: nothing is left to close or to say."""
    for number in SIGNALS:
        if signal.getsignal(number) is _take:
            signal.signal(number, lambda number, _: _end_at_once(number))


def taken_signal() -> signal.Signals | None:
    """The signal that has interrupted the command and has not been answered; None = none."""
    return _Taken.first


def answer_signal() -> None:
    """Marks the signal as answered: Ctrl-C is the normal way to leave a view."""
    _Taken.first = None


@contextmanager
def orderly() -> Iterator[None]:
    """Makes sure that what is opened within is closed, even if a signal comes while a module is imported."""
    before, _Taken.is_orderly = _Taken.is_orderly, True
    try:
        yield
    finally:
        _Taken.is_orderly = before


class StopRequest:
    """Holds the signals back while it is entered: the first one only sets it, a second one ends the process at once.

    An iteration that has begun cannot be saved in its middle, so the run ends after it, with a checkpoint.
    """

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        """The first signal; None = none has come."""
        self.is_heeded = False
        """True = a caller of `is_set` has been told to end."""
        self._former: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        kept = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
        self._former = {number: signal.signal(number, self._take) for number in kept}
        self.signal = _Taken.first  # a library has swallowed the exception
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)

    def is_set(self) -> bool:
        """True = the run must end after this iteration."""
        self.is_heeded = self.signal is not None
        return self.is_heeded

    @property
    def exit_code(self) -> int:
        """The exit code by shell convention: 129 for SIGHUP, 130 for SIGINT, 143 for SIGTERM; 0 without a signal."""
        return 128 + self.signal if self.signal else 0

    def _take(self, number: int, _: FrameType | None) -> None:
        if self.signal:
            _end_at_once(number)  # nothing is saved: the last checkpoint is whole
        self.signal = signal.Signals(number)
        _write(b"\nstopping after this iteration; once more stops at once\n")  # print() itself may be interrupted


def _take(number: int, frame: FrameType | None) -> None:
    if _Taken.first:
        _end_at_once(number)
    _Taken.first = signal.Signals(number)
    if _is_importing(frame) and not _Taken.is_orderly:
        _write(f"error: ended by {_Taken.first.name}; nothing was written\n".encode())
        _end_at_once(number)
    _raise_when_safe(number, frame)


def _raise_when_safe(_: int, frame: FrameType | None) -> None:
    """Raises once no module is half imported, because the code that closes things could meet it; retries until then."""
    if not _is_importing(frame):
        raise Interruption
    _raise_soon()


def _raise_soon() -> None:
    signal.signal(signal.SIGALRM, _raise_when_safe)
    signal.setitimer(signal.ITIMER_REAL, LOOK_AGAIN_S)


def _is_importing(frame: FrameType | None) -> bool:
    while frame:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _raise_again(unraisable: Any) -> None:
    """Raises again an interruption that came in a destructor or a callback, where exceptions are lost.

    Objects that an interruption has left half made complain when they are deleted; that is silenced.
    """
    if issubclass(unraisable.exc_type, Interruption):
        _raise_soon()
    elif not _Taken.first:
        sys.__unraisablehook__(unraisable)


def _end_at_once(number: int) -> NoReturn:
    """Ends this process and all that it has started; closes nothing."""
    if os.isatty(1):
        _write(SHOW_CURSOR, 1)
    for process in _descendants(os.getpid()):
        with suppress(OSError):
            os.kill(process, signal.SIGKILL)
    os._exit(128 + number)


def _descendants(process: int) -> Iterator[int]:
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, task.read_text(encoding="ascii").split()):
                yield from _descendants(child)
                yield child


def _write(line: bytes, descriptor: int = 2) -> None:
    with suppress(OSError):  # the terminal may be what is gone
        os.write(descriptor, line)
