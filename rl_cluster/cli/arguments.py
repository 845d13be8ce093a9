"""Arguments that several commands take."""

from typing import Annotated

import typer

from rl_cluster.cli.paths import source

__all__ = ["Address", "Overrides", "PresetOrFile", "PresetOrFileIfAny"]

Address = Annotated[
    str | None,
    typer.Option(metavar="ADDR", help="Ray to use: HOST:PORT or auto; by default RAY_ADDRESS, else one of its own."),
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
