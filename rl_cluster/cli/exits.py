"""How commands end: 0 done, 1 a fault of ours, 2 the user can mend it, 129, 130 or 143 by a signal.

What went wrong is one line on stderr.
"""

import os
import sys
import tempfile
import threading
import time
import traceback
from typing import NoReturn

from rl_cluster.cli.legible import legible, masked

__all__ = ["EXIT_FAULT", "EXIT_INTERRUPTED", "EXIT_USER_ERROR", "fail", "limit_the_end", "report_fault", "tell"]

EXIT_FAULT = 1
EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130
LONGEST_LINE = 1000
"""Characters of a message."""
END_PATIENCE_S = 10.0
"""For what libraries do when the interpreter ends: send what is left, wait for their threads."""


def tell(message: str) -> None:
    """Says on stderr, in one line, what has gone wrong, whatever the user's words in it hold."""
    line = legible(masked(message)).replace("\n", "\\n")
    if len(line) > LONGEST_LINE:
        line = f"{line[: LONGEST_LINE // 2]} .. {line[-LONGEST_LINE // 2 :]}"  # the remedy stands at the end
    print(f"error: {line}", file=sys.stderr)


def fail(message: str, exit_code: int = EXIT_USER_ERROR) -> NoReturn:
    """Ends with one line on stderr."""
    tell(message)
    sys.exit(exit_code)


def report_fault(error: Exception) -> int:
    """Says in one line what nobody has foreseen; the traceback is in a file that only this user can read.

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


def limit_the_end(exit_code: int) -> None:
    """Whatever a library still waits for in its threads or at exit, the process ends, with its exit code."""

    def end() -> None:
        time.sleep(END_PATIENCE_S)
        os._exit(exit_code)

    threading.Thread(target=end, name="end", daemon=True).start()
