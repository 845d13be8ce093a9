"""Keeps a process's own signal handlers while Ray starts in it.

Ray replaces them by its own: one in Python, and one in native code that prints a stack trace and aborts.
"""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

from ray import _raylet
from ray._private import utils

__all__ = ["own_signal_handlers"]


@contextmanager
def own_signal_handlers() -> Iterator[None]:
    """Keeps the handler of SIGTERM meanwhile and afterwards; without one, SIGTERM ends the process in order.

    Processes that Ray starts meanwhile ignore a terminal that hangs up: a run outlives its terminal until it has saved.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread can handle signals
        return
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _exit)
    handler, core_worker, set_handler = (
        signal.getsignal(signal.SIGTERM),
        _raylet.CoreWorker,
        utils.set_sigterm_handler,
    )

    def make_core_worker(*arguments: Any, **settings: Any) -> Any:
        """Makes Ray's core worker, whose constructor installs the native handler."""
        worker = core_worker(*arguments, **settings)
        signal.signal(signal.SIGTERM, handler)
        return worker

    former_mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})  # children inherit it, threads too
    _raylet.CoreWorker, utils.set_sigterm_handler = make_core_worker, lambda _: None
    try:
        yield
    finally:
        _raylet.CoreWorker, utils.set_sigterm_handler = core_worker, set_handler
        signal.signal(signal.SIGTERM, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, former_mask)


def _exit(number: int, _frame: FrameType | None) -> NoReturn:
    """Ends the process in order, so that everything open is closed."""
    sys.exit(128 + number)
