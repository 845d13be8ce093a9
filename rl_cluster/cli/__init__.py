"""The command line: every command parses its arguments, calls one function and prints what that returned.

Ray, torch and numba are imported inside the commands that need them, so that `--help` stays quick. Other packages do
the work of a command. This module imports next to nothing: signals and standard streams come before anything else.
"""

from collections.abc import Sequence
from typing import NoReturn

from rl_cluster.cli.signals import take_signals
from rl_cluster.cli.streams import prepare_streams

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs the command line and exits.

    0 is done, 1 found faulty or a fault of ours, 2 the user can mend it; 129, 130, 143 are SIGHUP, SIGINT, SIGTERM.

    Args:
        arguments: What follows the program's name; None takes the process's own, and the process with it: its signals,
            its standard streams, and how long its end may take.
    """
    if arguments is None:
        take_signals()
        prepare_streams()
    from rl_cluster.cli.entry import run

    run(arguments)
