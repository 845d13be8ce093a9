"""Where tables are printed."""

from rich.console import Console

__all__ = ["wide_console"]

TABLE_COLUMNS = 100


def wide_console(*, is_on_stderr: bool = False) -> Console:
    """The tables need 100 columns; where output goes to a file or a log, it has no width of its own.

    Args:
        is_on_stderr: Because standard output is a file that the user has asked for.
    """
    console = Console(stderr=is_on_stderr)
    return console if console.is_terminal else Console(stderr=is_on_stderr, width=TABLE_COLUMNS)
