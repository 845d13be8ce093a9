"""Where tables are printed."""

from rich.console import Console

__all__ = ["wide_console"]

TABLE_COLUMNS = 100


def wide_console() -> Console:
    """The tables need 100 columns; where output goes to a file or a log, it has no width of its own."""
    console = Console()
    return console if console.is_terminal else Console(width=TABLE_COLUMNS)
