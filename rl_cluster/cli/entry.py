"""All commands together, and the start and end of the process."""

import errno
import io
import os
import platform
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import metadata
from typing import Annotated, NoReturn

import typer

from rl_cluster import __version__
from rl_cluster.cli.config import app as config_app
from rl_cluster.cli.console import log_to_stderr, say
from rl_cluster.cli.dashboards import app as dashboards_app
from rl_cluster.cli.doctor import app as doctor_app
from rl_cluster.cli.evaluate import app as evaluate_app
from rl_cluster.cli.exits import (
    EXIT_INTERRUPTED,
    EXIT_USER_ERROR,
    fail,
    limit_the_end,
    report_fault,
    report_users_fault,
    tell,
)
from rl_cluster.cli.scenario import app as scenario_app
from rl_cluster.cli.signals import end_at_signals, taken_signal
from rl_cluster.cli.streams import replace_what_cannot_be_encoded
from rl_cluster.cli.submit import app as submit_app
from rl_cluster.cli.top import app as top_app
from rl_cluster.cli.train import app as train_app
from rl_cluster.cli.tune import app as tune_app
from rl_cluster.config.caches import choose_plot_cache, name_home
from rl_cluster.errors import RlClusterError
from rl_cluster.extension.import_path import search_working_folder
from rl_cluster.extension.users_fault import users_fault

__all__ = ["run"]

app = typer.Typer(
    name="rl-cluster",
    help="Train policies for swarms of UAVs, and score them against heuristics.",
    epilog="Example: rl-cluster config show quick_demo",
    pretty_exceptions_enable=False,
)
app.add_typer(config_app, name="config")
app.add_typer(train_app)
app.add_typer(evaluate_app)
app.add_typer(tune_app)
app.add_typer(top_app)
app.add_typer(dashboards_app)
app.add_typer(submit_app)
app.add_typer(doctor_app)
app.add_typer(scenario_app, name="scenario")


VERSIONS_OF = ("ray", "torch", "numpy", "numba", "gymnasium")
"""Packages that a report of a fault should name."""


def _print_version(is_asked: bool) -> None:
    """Prints the versions as they are installed; imports none of the packages, which takes seconds."""
    if is_asked:
        say(f"rl-cluster {__version__}")
        say(f"Python {platform.python_version()}")
        for name in VERSIONS_OF:
            with suppress(metadata.PackageNotFoundError):
                say(f"{name} {metadata.version(name)}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the versions and exit.")
    ] = False,
) -> None:
    """Holds the options that stand before a command; each acts in its callback."""


def run(arguments: Sequence[str] | None) -> NoReturn:
    """Runs the command line and exits.

    Args:
        arguments: What follows the program's name; None takes the process's own.
    """
    # Processes share the cores, not threads; torch and numpy read this when they are first imported.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    replace_what_cannot_be_encoded()
    log_to_stderr()
    try:
        exit_code = _exit_code(arguments)
        end_at_signals()
    except KeyboardInterrupt:
        end_at_signals()
        exit_code = EXIT_INTERRUPTED
        if not taken_signal():
            tell("interrupted; nothing was written")
    if number := taken_signal():
        if exit_code in {0, EXIT_INTERRUPTED}:  # otherwise the user already knows how the command ended
            tell(f"ended by {number.name}; nothing was written")
        exit_code = 128 + number
    if arguments is None:
        limit_the_end(exit_code)
    sys.exit(exit_code)


def _exit_code(arguments: Sequence[str] | None) -> int:
    """The exit code of a command; everything but a signal ends it with one line."""
    try:
        exit_code = _run_command(arguments)
        sys.stdout.flush()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except Exception as error:  # noqa: BLE001 - the last line of defence
        if taken_signal():  # native code may turn an interruption into another error
            return EXIT_INTERRUPTED
        if fault := users_fault(error):
            return report_users_fault(fault)
        return _fail_to_access(error) if isinstance(error, OSError) else report_fault(error)
    return exit_code


def _run_command(arguments: Sequence[str] | None) -> int:
    name_home()
    choose_plot_cache()
    search_working_folder()
    try:
        exit_code: int | None = app(arguments, prog_name="rl-cluster", standalone_mode=False)
    except RlClusterError as error:
        fail(str(error))
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        path = context.command_path if context else "rl-cluster"
        fail(f"{path}: {error.format_message().rstrip('.')}; see {path} --help")
    if exit_code == EXIT_INTERRUPTED:
        raise KeyboardInterrupt  # that Typer has caught
    return exit_code or 0


def _fail_to_access(error: OSError) -> int:
    """Ends for a file, a folder or the terminal that cannot be used and has not been checked before."""
    if error.filename is None and error.errno not in {errno.ENOSPC, errno.EIO}:
        return report_fault(error)
    if error.filename is None:
        sys.stdout = io.StringIO()  # what the interpreter flushes at its end
    where = str(error.filename)[:200] if error.filename is not None else "standard output"
    tell(f"{where}: cannot be used ({error.strerror}); choose another place")
    return EXIT_USER_ERROR
