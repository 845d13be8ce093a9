"""Keeps one message of Ray's native code off the terminal; everything else passes.

RLlib hands each env runner its config by reference, and lets Ray restart it. For that pair the core worker writes an
error to the standard error of the process, past Python's logging. The reference is held as long as env runners exist.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["without_known_messages"]

KNOWN = "https://github.com/ray-project/ray/issues/53727"


@contextmanager
def without_known_messages() -> Iterator[None]:
    """Collects what is written to file descriptor 2 meanwhile, and then writes all of it but the known message."""
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as collected:
        os.dup2(collected.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(terminal, 2)
            os.close(terminal)
            collected.seek(0)
            sys.stderr.writelines(line for line in collected if KNOWN not in line)
