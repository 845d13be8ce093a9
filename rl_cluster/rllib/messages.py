"""Keeps one message of Ray's native code off the terminal; everything else passes as soon as it is written.

RLlib hands each env runner its config by reference, and lets Ray restart it. For that pair the core worker writes an
error to the standard error of the process, past Python's logging. The reference is held as long as env runners exist.
"""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["without_known_messages"]

KNOWN = b"https://github.com/ray-project/ray/issues/53727"
DRAIN_S = 1.0
"""Seconds for the last lines to pass. A child process that was started meanwhile may write more later."""


@contextmanager
def without_known_messages() -> Iterator[None]:
    """Passes on what is written to file descriptor 2 meanwhile, line by line, without the known message."""
    sys.stderr.flush()
    terminal, (source, sink) = os.dup(2), os.pipe()
    os.dup2(sink, 2)
    os.close(sink)
    pump = threading.Thread(target=_pump, args=(source, terminal), name="known-messages", daemon=True)
    pump.start()
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(terminal, 2)
        pump.join(DRAIN_S)


def _pump(source: int, terminal: int) -> None:
    """Copies until the source has no writers any more, then closes both descriptors."""
    with os.fdopen(source, "rb") as lines, os.fdopen(terminal, "wb", buffering=0) as screen:
        for line in lines:
            if KNOWN not in line:
                screen.write(line)
