"""The command line: every command parses its arguments, calls one function and prints what that returned.

Ray, torch and numba are imported inside the commands that need them, so that `--help` stays quick. What a command does
is decided elsewhere.
"""

from rl_cluster.cli.entry import main

__all__ = ["main"]
