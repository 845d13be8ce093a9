"""Arguments that several commands take."""

from typing import Annotated

import typer

from rl_cluster.cli.paths import source

__all__ = ["Address", "Dashboard", "Overrides", "PresetOrFile", "PresetOrFileIfAny", "checked_head"]


def checked_head(address: str | None) -> str | None:
    """An address of a head; anything else is refused before the command begins."""
    from rl_cluster.rllib.address import parse_head

    if address is not None:
        parse_head(address)
    return address


def _checked_dashboard(address: str) -> str:
    from rl_cluster.rllib.address import parse_dashboard

    parse_dashboard(address)
    return address


Address = Annotated[
    str | None,
    typer.Option(
        metavar="ADDR",
        callback=checked_head,
        help="Ray to use: HOST:PORT or auto; by default RAY_ADDRESS, else one of its own.",
    ),
]
Dashboard = Annotated[
    str,
    typer.Option(
        metavar="URL",
        callback=_checked_dashboard,
        envvar="RAY_API_SERVER_ADDRESS",
        help="Dashboard of the cluster: http://HOST:8265.",
    ),
]

PresetOrFile = Annotated[
    str, typer.Argument(metavar="PRESET|FILE", parser=source, help="A shipped preset or a YAML file.")
]
PresetOrFileIfAny = Annotated[
    str | None,
    typer.Argument(metavar="PRESET|FILE", parser=source, help="A shipped preset or a YAML file.", show_default=False),
]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="KEY=VALUE", help="Settings to change: a dotted key and a YAML value.", show_default=False),
]
