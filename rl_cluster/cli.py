"""The command line: every command parses its arguments, calls one function and prints what that returned.

Whatever a user can mend ends as one line on stderr and exit code 2. Ray, torch and numba are imported inside the
commands that need them, so that `--help` stays quick. What a command does is decided elsewhere.
"""

import os
import sys
from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer

from rl_cluster import __version__
from rl_cluster.errors import RlClusterError

__all__ = ["app", "main"]

EXIT_USER_ERROR = 2

app = typer.Typer(
    name="rl-cluster",
    help="Train policies for swarms of UAVs, and score them against heuristics.",
    epilog="Example: rl-cluster config show quick_demo",
    add_completion=False,
    pretty_exceptions_enable=False,
)
config_app = typer.Typer(
    help="Look at settings and check them, before a run.",
    epilog="Example: rl-cluster config validate my_run.yaml",
)
app.add_typer(config_app, name="config")

PresetOrFile = Annotated[str, typer.Argument(metavar="PRESET|FILE", help="A shipped preset or a YAML file.")]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="KEY=VALUE...", help="Settings to change: a dotted key and a YAML value.", show_default=False
    ),
]


def _print_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"rl-cluster {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Holds the options that stand before a command; each acts in its callback."""


@config_app.command("show", epilog="Example: rl-cluster config show quick_demo 'ppo.lr=[1e-3, 1e-4]' engine=local")
def show_config(preset_or_file: PresetOrFile, overrides: Overrides = None) -> None:
    """Print the settings of a run as YAML, with the overrides in place."""
    from rl_cluster.config.load import load_config, to_yaml

    typer.echo(to_yaml(load_config(preset_or_file, overrides or [])), nl=False)


@config_app.command("validate", epilog="Example: rl-cluster config validate my_run.yaml ppo.clip=0.1")
def validate_config(preset_or_file: PresetOrFile, overrides: Overrides = None) -> None:
    """Check the settings of a run, and say what is wrong with them."""
    from rl_cluster.config.load import load_config

    config = load_config(preset_or_file, overrides or [])
    typer.echo(f"{preset_or_file} is valid: run {config.name}, {config.train_batch_rows} rows a batch")


@config_app.command("schema", epilog="Example: rl-cluster config schema > schema.json")
def print_schema() -> None:
    """Print the JSON Schema of every setting, with unit, range and effect, for editors and other checkers."""
    import json

    from rl_cluster.config.schema import Config

    typer.echo(json.dumps(Config.model_json_schema(), indent=2))


def _fail(message: str) -> NoReturn:
    """Ends with one line on stderr, whatever the user's words in it hold."""
    line = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in message)
    typer.echo(f"error: {line}", err=True)
    sys.exit(EXIT_USER_ERROR)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs the command line and exits: 0 done, 2 the user can mend it, 130 interrupted.

    Args:
        arguments: What follows the program's name; None takes the process's own.
    """
    # Processes share the cores out, not threads; read when torch and numpy are first imported.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    try:
        exit_code = app(arguments, prog_name="rl-cluster", standalone_mode=False)
    except RlClusterError as error:
        _fail(str(error))
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        path = context.command_path if context else "rl-cluster"
        _fail(f"{path}: {error.format_message().rstrip('.')}; see {path} --help")
    sys.exit(exit_code)
