"""Arguments that several commands take."""

from typing import Annotated

import typer

__all__ = ["Overrides", "PresetOrFile"]

PresetOrFile = Annotated[str, typer.Argument(metavar="PRESET|FILE", help="A shipped preset or a YAML file.")]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="KEY=VALUE", help="Settings to change: a dotted key and a YAML value.", show_default=False),
]
