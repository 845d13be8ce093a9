"""`rl-cluster top`: watch runs, from their folders or from their cluster."""

import signal
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rl_cluster.cli.arguments import checked_head
from rl_cluster.cli.console import make_console
from rl_cluster.cli.paths import PathCommand, path
from rl_cluster.cli.signals import answer_signal, orderly, taken_signal
from rl_cluster.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import RenderableType

__all__ = ["app"]

app = typer.Typer()
REFRESH_S = 1.0
QUIT_KEY = "Ctrl-C leaves this view; the run goes on"


@app.command("top", cls=PathCommand, epilog="Example: rl-cluster top runs/first; or rl-cluster top --address auto")
def watch(
    run: Annotated[
        Path | None, typer.Argument(metavar="RUN", parser=path, help="A run folder.", show_default=False)
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            callback=checked_head,
            help="A cluster, whose runs and nodes are shown: HOST:PORT, or `auto`.",
        ),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Show it once, and end.")] = False,
) -> None:
    """Watch a run, or all runs of a cluster: curves, where time goes, env runners, nodes, GPUs, alerts."""
    if (run is None) == (address is None):
        raise ConfigError("top", "a run folder or --address is needed, one of them", "name the folder of a run")
    console = make_console()
    if run:
        from rl_cluster.training.files.status import read_status

        folder = run
        _show(console, lambda: [read_status(folder)], once)
        return
    from rl_cluster.rllib.cluster import connect
    from rl_cluster.rllib.node_monitor import ClusterWatch
    from rl_cluster.training.files.status import checked_status

    with orderly(), connect(address):
        watched = ClusterWatch()
        _show(console, lambda: [checked_status(status, "top") for status in watched.statuses()], once)


def _show(console: Any, read: "Callable[[], list[dict[str, Any]]]", once: bool) -> None:
    """Shows the view until the user ends it; a log, which is not a terminal, gets it once."""
    from rich.live import Live

    if once or not console.is_terminal:
        console.print(_view(read()))
        return
    with _left_by_ctrl_c(), Live(_watched(read()), console=console, screen=True, auto_refresh=False) as live:
        live.refresh()
        while True:
            time.sleep(REFRESH_S)
            live.update(_watched(read()), refresh=True)


@contextmanager
def _left_by_ctrl_c() -> "Iterator[None]":
    try:
        yield
    except KeyboardInterrupt:
        if taken_signal() not in {None, signal.SIGINT}:
            raise
        answer_signal()


def _view(statuses: "list[dict[str, Any]]") -> "RenderableType":
    from rich.console import Group

    from rl_cluster.cli.views.live_view import live_view

    return Group(*(live_view(status) for status in statuses))


def _watched(statuses: "list[dict[str, Any]]") -> "RenderableType":
    """The view below the key that leaves it, which a short screen does not cut off."""
    from rich.console import Group
    from rich.text import Text

    return Group(Text(QUIT_KEY, style="dim"), _view(statuses))
