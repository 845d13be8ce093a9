"""`rl-cluster config`: look at settings and check them, before a run."""

from typing import Annotated

import typer

from rl_cluster.cli.arguments import Overrides, PresetOrFile
from rl_cluster.cli.paths import PathCommand

__all__ = ["app"]

app = typer.Typer(
    help="Look at settings and check them, before a run.",
    epilog="Example: rl-cluster config validate my_run.yaml",
)


@app.command(
    "show", cls=PathCommand, epilog="Example: rl-cluster config show quick_demo 'ppo.lr=[1e-3, 1e-4]' engine=local"
)
def show_config(
    preset_or_file: PresetOrFile,
    overrides: Overrides = None,
    origin: Annotated[
        bool, typer.Option("--origin", help="One setting a line, with where its value comes from.")
    ] = False,
) -> None:
    """Print the settings of a run as YAML, with the overrides in place."""
    import json

    from rl_cluster.config.load import describe_origins, load_config, to_yaml

    if origin:
        for key, value, words in describe_origins(preset_or_file, overrides or []):
            setting = f"{key}: {json.dumps(value)}"
            typer.echo(f"{setting:<60}  # {words}")
        return
    typer.echo(to_yaml(load_config(preset_or_file, overrides or [])), nl=False)


@app.command("validate", cls=PathCommand, epilog="Example: rl-cluster config validate my_run.yaml ppo.clip=0.1")
def validate_config(preset_or_file: PresetOrFile, overrides: Overrides = None) -> None:
    """Check the settings of a run, and say what is wrong with them."""
    from rl_cluster.config.load import load_config

    config = load_config(preset_or_file, overrides or [])
    typer.echo(f"{preset_or_file} is valid: run {config.name}, {config.train_batch_rows} rows a batch")


@app.command("schema", epilog="Example: rl-cluster config schema > schema.json")
def print_schema() -> None:
    """Print the JSON Schema of every setting, with unit, range and effect, for editors and other checkers."""
    import json

    from rl_cluster.config.schema import json_schema

    typer.echo(json.dumps(json_schema(), indent=2))
