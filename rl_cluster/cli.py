"""The command line: every command parses its arguments, calls one function and prints what that returned.

Whatever a user can mend ends as one line on stderr and exit code 2. Ray, torch and numba are imported inside the
commands that need them, so that `--help` stays quick. What a command does is decided elsewhere.
"""

import errno
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from rl_cluster import __version__
from rl_cluster.errors import ConfigError, RlClusterError

if TYPE_CHECKING:
    from rich.console import Console

    from rl_cluster.config.schema import Config
    from rl_cluster.training.comparison import Comparison
    from rl_cluster.training.engine import Engine
    from rl_cluster.training.loop import Start
    from rl_cluster.training.scoring import Group, Scoring

__all__ = ["app", "main"]

EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130
TABLE_COLUMNS = 100
LONGEST_LINE = 1000
"""Characters of a message."""

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
scenario_app = typer.Typer(
    help="Bring scenarios from maps, give their UAVs goals, and put results on maps.",
    epilog="Example: rl-cluster scenario import harbour.geojson --out harbour.yaml",
)
app.add_typer(scenario_app, name="scenario")

PresetOrFile = Annotated[str, typer.Argument(metavar="PRESET|FILE", help="A shipped preset or a YAML file.")]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="KEY=VALUE", help="Settings to change: a dotted key and a YAML value.", show_default=False),
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

    from rl_cluster.config.schema import json_schema

    typer.echo(json.dumps(json_schema(), indent=2))


@app.command(
    "train",
    epilog="Example: rl-cluster train quick_demo seed=1 --out runs/first; then rl-cluster train --resume runs/first",
)
def train_policy(
    preset_or_file: Annotated[
        str | None, typer.Argument(metavar="PRESET|FILE", help="A shipped preset or a YAML file.", show_default=False)
    ] = None,
    overrides: Overrides = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Run folder; by default a new one in ~/rl_cluster_runs.")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Go on with a run from its last checkpoint.")
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(
            metavar="ADDR", help="Ray to use: HOST:PORT or auto; by default RAY_ADDRESS, else one of its own."
        ),
    ] = None,
) -> None:
    """Train a policy: on a Ray cluster, on a Ray of its own on this machine, or without Ray (engine=local)."""
    from rich.console import Console

    from rl_cluster.training.display import Display
    from rl_cluster.training.loop import train

    start = _start_of(preset_or_file, overrides or [], out, resume)
    console = Console()
    for error in start.damaged:
        console.print(f"passed over: {error}", soft_wrap=True, highlight=False, markup=False)
    engine = _make_engine(start.config, address)
    try:
        console.print(f"run folder: {start.path}", soft_wrap=True, highlight=False, markup=False)
        with Display(console, start.config) as display:
            saved = train(engine, start, display.show)
    except KeyboardInterrupt:
        _fail(f"train: interrupted; go on with rl-cluster train --resume {start.path}", EXIT_INTERRUPTED)
    finally:
        engine.close()
    console.print(f"checkpoint: {saved}", soft_wrap=True, highlight=False, markup=False)
    console.print(f"score it: rl-cluster evaluate {start.path}", soft_wrap=True, highlight=False, markup=False)


def _start_of(preset_or_file: str | None, overrides: list[str], out: Path | None, resume: Path | None) -> "Start":
    """Where the run begins. With --resume, settings may be given again, but must be those of the run."""
    from rl_cluster.config.load import load_config
    from rl_cluster.training.loop import check_same, default_path, new_start, resumed_start

    config = load_config(preset_or_file, overrides) if preset_or_file else None
    if resume:
        if out:
            raise ConfigError(
                "train", "--out and --resume exclude each other", "leave --out away: the run has its folder"
            )
        start = resumed_start(resume)
        check_same(config, start)
        return start
    if not config:
        raise ConfigError("train", "nothing to train is given", "name a preset or file, or a run to --resume")
    return new_start(config, out or default_path(config))


def _make_engine(config: "Config", address: str | None) -> "Engine":
    if config.engine == "ray":
        from rl_cluster.rllib.engine import RayEngine

        return RayEngine(config, address)
    if address:
        raise ConfigError("--address", "engine=local uses no Ray", "leave --address away, or set engine=ray")
    from rl_cluster.training.engine import LocalEngine

    return LocalEngine(config)


@app.command(
    "evaluate",
    epilog="Example: rl-cluster evaluate runs/first --episodes 200 --policy greedy --json scores.json",
)
def evaluate_policies(
    checkpoints: Annotated[
        list[Path] | None, typer.Argument(metavar="CHECKPOINT", help="Run or checkpoint folders.", show_default=False)
    ] = None,
    policy: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Heuristic to compare with; by default all of them.")
    ] = None,
    preset: Annotated[
        str | None, typer.Option(metavar="P", help="Whose episodes; by default the checkpoint's, else quick_demo's.")
    ] = None,
    scenario: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Scenario file to play instead of generated episodes.")
    ] = None,
    episodes: Annotated[
        int | None, typer.Option(min=1, help="Episodes; by default 200 generated ones, or 20 of each scenario file.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Keys the episodes and every draw.")] = 1000,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the scores there.")] = None,
    trace: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write what happened there, as JSON lines.")
    ] = None,
) -> None:
    """Score checkpoints and heuristics side by side on the same episodes, with 95 % bootstrap intervals."""
    import json

    from rl_cluster.config.load import load_config
    from rl_cluster.training.output_file import output_file
    from rl_cluster.training.scoring import Request, prepare, to_dict

    request = Request(
        checkpoints=checkpoints or [],
        heuristics=policy or [],
        preset=load_config(preset) if preset is not None else None,
        scenarios=scenario or [],
        num_episodes=episodes,
        seed=seed,
        scores=json_file,
        trace=trace,
    )
    scoring = prepare(request, default_preset=load_config("quick_demo"))
    results = _play(scoring)
    if json_file:
        with output_file(json_file) as file:
            json.dump(to_dict(results, scoring.notes), file, indent=2)


def _play(scoring: "Scoring") -> "list[tuple[Group, Comparison]]":
    """Prints each group's tables when it has been played."""
    console, results = _wide_console(), []
    for note in scoring.notes:
        console.print(note, soft_wrap=True, highlight=False, markup=False)
    with console.status("") as status:

        def show(policy_name: str, num_done: int) -> None:
            status.update(f"{policy_name}: {num_done} episodes done")

        for group, comparison in scoring.play(show):
            results.append((group, comparison))
            console.print(f"\n{group.title}", soft_wrap=True, highlight=False, markup=False)
            for table in comparison.tables():
                console.print(table)
    return results


@scenario_app.command("import", epilog="Example: rl-cluster scenario import harbour.geojson --out harbour.yaml")
def import_scenario(
    geojson: Annotated[Path, typer.Argument(metavar="GEOJSON", help="A FeatureCollection in WGS84.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Scenario file to write: .yaml or .json.")],
) -> None:
    """Make a scenario of a GeoJSON map: points are UAVs, targets or the depot, polygons no-fly zones."""
    from rl_cluster.environment.map_import import load_geojson
    from rl_cluster.environment.scenario import save_scenario
    from rl_cluster.training.output_file import check_output

    check_output(out, [geojson])
    scenario = load_geojson(geojson)
    save_scenario(scenario, out)
    uavs, targets, zones = scenario.sizes[:3]
    typer.echo(f"{out}: {uavs} UAVs, {targets} targets, {zones} no-fly zones")


@scenario_app.command(
    "assign", epilog="Example: rl-cluster scenario assign harbour.yaml --policy hungarian --out g.yaml"
)
def assign_scenario(
    scenario: Annotated[Path, typer.Argument(metavar="SCENARIO", help="A scenario file with targets.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Scenario file to write: .yaml or .json.")],
    policy: Annotated[
        str, typer.Option(metavar="NAME|RUN", help="Heuristic, or run of task allocate, that assigns the targets.")
    ] = "hungarian",
    spacing_m: Annotated[
        float, typer.Option("--spacing", min=1.0, max=1e4, help="Metres between goals at the same target.")
    ] = 20.0,
) -> None:
    """Give each UAV a goal for task navigate: the target that a policy of task allocate chooses for it."""
    from rl_cluster.environment.scenario import load_scenario, save_scenario
    from rl_cluster.training.goals import assign_goals, find_allocator
    from rl_cluster.training.output_file import check_output

    check_output(out, [scenario])
    allocator, config = find_allocator(policy, seed=0)
    assigned = assign_goals(load_scenario(scenario), allocator, config, spacing_m)
    save_scenario(assigned.scenario, out)
    idle = f"; {assigned.num_idle} UAVs are chosen no target, and stay where they are" if assigned.num_idle else ""
    typer.echo(f"{out}: goals chosen by {allocator.name}{idle}")


@scenario_app.command(
    "export", epilog="Example: rl-cluster scenario export harbour.yaml --trace t.jsonl --out f.geojson"
)
def export_scenario(
    scenario: Annotated[Path, typer.Argument(metavar="SCENARIO", help="A scenario file that came from a map.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="GeoJSON file to write.")],
    trace: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Trace whose first episode's paths are drawn too.")
    ] = None,
) -> None:
    """Write a scenario, and the paths that were flown in it, as GeoJSON with longitude and latitude."""
    import json

    from rl_cluster.environment.map_export import to_geojson
    from rl_cluster.environment.scenario import load_scenario
    from rl_cluster.training.output_file import check_output, output_file
    from rl_cluster.training.trace import read_paths

    check_output(out, [scenario, *([trace] if trace else [])])
    start = load_scenario(scenario)
    paths_m = list(read_paths(trace, start).swapaxes(0, 1)) if trace else []
    data = to_geojson(start, paths_m)
    with output_file(out) as file:
        json.dump(data, file)
    typer.echo(f"{out}: {len(data['features'])} features")


def _wide_console() -> "Console":
    """The tables need 100 columns; where output goes to a file or a log, it has no width of its own."""
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=TABLE_COLUMNS)


def _fail(message: str, exit_code: int = EXIT_USER_ERROR) -> NoReturn:
    """Ends with one line on stderr, whatever the user's words in it hold."""
    line = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in message)
    if len(line) > LONGEST_LINE:
        line = f"{line[: LONGEST_LINE // 2]} .. {line[-LONGEST_LINE // 2 :]}"  # the remedy stands at the end
    typer.echo(f"error: {line}", err=True)
    sys.exit(exit_code)


def _fail_to_access(error: OSError) -> NoReturn:
    """A file, a folder or the terminal that cannot be used where nothing has looked at it before."""
    if error.filename is None and error.errno not in {errno.EPIPE, errno.ENOSPC, errno.EIO}:
        raise error
    if error.filename is None:
        sys.stdout = io.StringIO()  # what the interpreter flushes at its end
    where = str(error.filename)[:200] if error.filename is not None else "standard output"
    _fail(f"{where}: cannot be used ({error.strerror}); choose another place")


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
    except OSError as error:
        _fail_to_access(error)
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        path = context.command_path if context else "rl-cluster"
        _fail(f"{path}: {error.format_message().rstrip('.')}; see {path} --help")
    if exit_code == EXIT_INTERRUPTED:
        _fail("interrupted; nothing was written", EXIT_INTERRUPTED)
    sys.exit(exit_code)
