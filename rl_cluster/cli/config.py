"""`rl-cluster config`: look at settings and check them, before a run."""

from typing import Annotated

import typer

from rl_cluster.cli.arguments import Overrides, PresetOrFile
from rl_cluster.cli.console import say
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
    is_plain: Annotated[bool, typer.Option("--plain", help="Leave out the comments.", show_default=False)] = False,
) -> None:
    """Print the settings of a run as YAML, with the overrides in place and what each does as a comment."""
    import json

    from rl_cluster.config.explain import commented
    from rl_cluster.config.load import describe_origins, load_config, to_yaml

    if origin:
        for key, value, words in describe_origins(preset_or_file, overrides or []):
            setting = f"{key}: {json.dumps(value)}"
            say(f"{setting:<60}  # {words}")
        return
    config = load_config(preset_or_file, overrides or [])
    text = to_yaml(config)
    say((text if is_plain else commented(text, config)).removesuffix("\n"))


@app.command("list", epilog="Example: rl-cluster config list ppo")
def list_keys(
    section: Annotated[
        str, typer.Argument(metavar="SECTION", help="Only this section, as ppo.", show_default=False)
    ] = "",
) -> None:
    """List the keys of all settings, with what each does."""
    from rl_cluster.config.explain import list_settings, setting_line

    for setting in list_settings(section):
        say("\n".join(setting_line(setting)))


@app.command("explain", epilog="Example: rl-cluster config explain ppo.clip")
def explain_key(key: Annotated[str, typer.Argument(metavar="KEY", help="A dotted key, or a section.")]) -> None:
    """Say what a setting does, its unit, what it may be, and what the presets have."""
    from rl_cluster.config.explain import explain

    say("\n".join(explain(key)))


@app.command("validate", cls=PathCommand, epilog="Example: rl-cluster config validate my_run.yaml ppo.clip=0.1")
def validate_config(preset_or_file: PresetOrFile, overrides: Overrides = None) -> None:
    """Check the settings of a run, and say what is wrong with them."""
    from rl_cluster.config.load import load_config

    config = load_config(preset_or_file, overrides or [])
    say(f"{preset_or_file} is valid: run {config.name}, {config.train_batch_rows} rows a batch")


@app.command("schema", epilog="Example: rl-cluster config schema > schema.json")
def print_schema() -> None:
    """Print the JSON Schema of every setting, with unit, range and effect, for editors and other checkers."""
    import json

    from rl_cluster.config.schema import json_schema

    say(json.dumps(json_schema(), indent=2))
