"""The only place that prints: names reach a terminal as text, whatever characters they contain."""

import logging
import sys
import textwrap
from typing import TYPE_CHECKING, Any

from rl_cluster.cli.legible import legible, masked

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["TABLE_COLUMNS", "log_to_stderr", "make_console", "say", "table_console", "wrapped"]

TABLE_COLUMNS = 80
"""Characters of a line that fit any terminal; tables have no more."""


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


def table_console(*, is_on_stderr: bool = False) -> "Console":
    """A console for tables: as wide as the terminal, and 80 columns in a file or a log, which has no width of its own.

    Args:
        is_on_stderr: True = standard output is a file that the user has asked for.
    """
    console = make_console(is_on_stderr=is_on_stderr)
    return console if console.is_terminal else make_console(TABLE_COLUMNS, is_on_stderr=is_on_stderr)


def wrapped(text: str, columns: int = TABLE_COLUMNS, hanging: int = 0) -> str:
    """Sentences in lines of at most so many characters. A word stays whole, however long it is: it may be a path.

    Args:
        text: One paragraph or several, each in a line.
        columns: Characters of a line.
        hanging: Blanks before each line of a paragraph but its first.
    """
    return "\n".join(
        textwrap.fill(
            paragraph,
            max(columns, hanging + 1),
            subsequent_indent=" " * hanging,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for paragraph in text.split("\n")
    )


class _LineHandler(logging.Handler):
    """Prints a warning as one line, whatever an exception's text contains."""

    def emit(self, record: logging.LogRecord) -> None:
        line = legible(masked(record.getMessage().strip().replace("\n", " ")))
        print(line, file=sys.stderr)


def log_to_stderr() -> None:
    """Sends the warnings of all packages that configure nothing else to stderr."""
    logging.lastResort = _LineHandler(logging.WARNING)
