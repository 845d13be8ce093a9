"""The only place that prints: names reach a terminal as text, whatever characters they contain."""

import logging
import sys
from typing import TYPE_CHECKING, Any

from rl_cluster.cli.legible import legible, masked

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["log_to_stderr", "make_console", "say", "wide_console"]

TABLE_COLUMNS = 100


def say(text: str, *, is_on_stderr: bool = False) -> None:
    """Prints a line, or several; on stderr if standard output is a file that the user has asked for."""
    print(legible(masked(text)), file=sys.stderr if is_on_stderr else sys.stdout)


def make_console(width: int | None = None, *, is_on_stderr: bool = False) -> "Console":
    """A console for tables and live views. Text is not markup, unless a call says so."""
    from rich.console import Console
    from rich.segment import Segment

    class LegibleConsole(Console):
        """Spells out characters that are not printable in all text, and leaves rich's own control codes alone."""

        def _render_buffer(self, buffer: Any) -> str:
            return super()._render_buffer(
                part if part.control else Segment(legible(masked(part.text)), part.style) for part in buffer
            )

    return LegibleConsole(stderr=is_on_stderr, width=width, markup=False, highlight=False, emoji=False)


def wide_console(*, is_on_stderr: bool = False) -> "Console":
    """A console at least as wide as the tables, 100 columns; a file or a log has no width of its own.

    Args:
        is_on_stderr: True = standard output is a file that the user has asked for.
    """
    console = make_console(is_on_stderr=is_on_stderr)
    return console if console.is_terminal else make_console(TABLE_COLUMNS, is_on_stderr=is_on_stderr)


class _LineHandler(logging.Handler):
    """Prints a warning as one line, whatever an exception's text contains."""

    def emit(self, record: logging.LogRecord) -> None:
        line = legible(masked(record.getMessage().strip().replace("\n", " ")))
        print(line, file=sys.stderr)


def log_to_stderr() -> None:
    """Sends the warnings of all packages that configure nothing else to stderr."""
    logging.lastResort = _LineHandler(logging.WARNING)
