"""How commands end: 0 done, 2 the user can mend it, 130 or 143 by SIGINT or SIGTERM.

What went wrong is one line on stderr.
"""

import sys
from typing import NoReturn

import typer

__all__ = ["EXIT_INTERRUPTED", "EXIT_USER_ERROR", "fail"]

EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130
LONGEST_LINE = 1000
"""Characters of a message."""


def fail(message: str, exit_code: int = EXIT_USER_ERROR) -> NoReturn:
    """Ends with one line on stderr, whatever the user's words in it hold."""
    line = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in message)
    if len(line) > LONGEST_LINE:
        line = f"{line[: LONGEST_LINE // 2]} .. {line[-LONGEST_LINE // 2 :]}"  # the remedy stands at the end
    typer.echo(f"error: {line}", err=True)
    sys.exit(exit_code)
