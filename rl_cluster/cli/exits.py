"""How commands end: 0 done, 1 a fault of ours, 2 the user can mend it, 129, 130 or 143 by a signal.

One line on stderr says what went wrong.
"""

import os
import sys
import tempfile
import threading
import time
import traceback
from typing import NoReturn

from rl_cluster.cli.legible import legible, masked
from rl_cluster.extension.users_fault import UsersFault

__all__ = [
    "EXIT_FAULT",
    "EXIT_INTERRUPTED",
    "EXIT_USER_ERROR",
    "fail",
    "limit_the_end",
    "report_fault",
    "report_users_fault",
    "tell",
]

EXIT_FAULT = 1
EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130
LONGEST_LINE = 1000
"""The most characters of a message."""
END_PATIENCE_S = 10.0
"""Seconds for the work of libraries when the interpreter ends: sending data, waiting for threads."""


def tell(message: str) -> None:
    """Says in one line on stderr what has gone wrong, whatever characters the user's words contain."""
    line = legible(masked(message)).replace("\n", "\\n")
    if len(line) > LONGEST_LINE:
        line = f"{line[: LONGEST_LINE // 2]} .. {line[-LONGEST_LINE // 2 :]}"  # the remedy is at the end
    print(f"error: {line}", file=sys.stderr)


def fail(message: str, exit_code: int = EXIT_USER_ERROR) -> NoReturn:
    """Ends with one line on stderr."""
    tell(message)
    sys.exit(exit_code)


def report_fault(error: Exception) -> int:
    """Reports an unexpected error in one line; the traceback goes to a file that only this user can read.

    Returns the exit code.
    """
    words = (str(error).strip().partition("\n")[0] or "no words")[:200]
    text = masked("".join(traceback.format_exception(error)))
    try:
        descriptor, path = tempfile.mkstemp(prefix="rl-cluster-fault-", suffix=".txt")  # mode 0600
        with open(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:  # noqa: PTH123 - a descriptor
            file.write(text)
    except OSError:
        print(text, file=sys.stderr)
        path = "the lines above"
    what = f"{type(error).__name__}: {words}"
    tell(f"rl-cluster: {what}; this is a fault of rl-cluster, please report it with {path}")
    return EXIT_FAULT


def report_users_fault(fault: UsersFault) -> int:
    """Shows the traceback of an error in a module that the user has named; returns the exit code."""
    print(legible(masked(fault.trace)), end="", file=sys.stderr)
    tell(f"{fault.module}: {fault.words}; the lines above show where it was raised")
    return EXIT_FAULT


def limit_the_end(exit_code: int) -> None:
    """Makes the process end with its exit code, even if a library still waits in its threads or at exit."""

    def end() -> None:
        time.sleep(END_PATIENCE_S)
        os._exit(exit_code)

    threading.Thread(target=end, name="end", daemon=True).start()
