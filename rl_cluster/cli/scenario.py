"""`rl-cluster scenario`: examples, scenarios from maps, goals for their UAVs, results on maps."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rl_cluster.cli.console import say
from rl_cluster.cli.paths import PathCommand, output, path, source
from rl_cluster.errors import ScenarioError, counted

if TYPE_CHECKING:
    from rl_cluster.environment.scenario.scenario_file import Scenario

__all__ = ["app"]

ScenarioOutput = Annotated[
    Path, typer.Option("--out", metavar="FILE", parser=output, help="Scenario file to write: .yaml or .json.")
]

app = typer.Typer(
    help="Begin scenarios from examples or maps, give their UAVs goals, and put results on maps.",
    epilog="Example: rl-cluster scenario import harbour.geojson --out harbour.yaml",
)


@app.command("example", cls=PathCommand, epilog="Example: rl-cluster scenario example small --out my_mission.yaml")
def write_example(
    out: ScenarioOutput,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Its size: small, balanced or complex, with 4, 10 or 15 UAVs.")
    ] = "small",
) -> None:
    """Write a scenario that comes with the package to a file, as a beginning of your own."""
    from rl_cluster.environment.scenario.scenario_file import SHIPPED_SCENARIOS, format_scenario, load_scenario
    from rl_cluster.training.files.output_file import write_output

    if name not in SHIPPED_SCENARIOS:
        raise ScenarioError(name, "is no example", f"choose one of {', '.join(SHIPPED_SCENARIOS)}")
    shipped = SHIPPED_SCENARIOS[name]
    scenario = load_scenario(shipped)
    formatted = format_scenario(scenario, out)  # a file that people write on keeps comments and short lines
    write_output(out, formatted if out.suffix.lower() == ".json" else shipped.read_bytes())
    _say(out, _sizes(scenario))


@app.command("import", cls=PathCommand, epilog="Example: rl-cluster scenario import harbour.geojson --out harbour.yaml")
def import_scenario(
    geojson: Annotated[Path, typer.Argument(metavar="GEOJSON", parser=path, help="A FeatureCollection in WGS84.")],
    out: ScenarioOutput,
) -> None:
    """Make a scenario of a GeoJSON map: points are UAVs, targets or the depot, polygons no-fly zones."""
    from rl_cluster.environment.scenario.map_import import load_geojson
    from rl_cluster.environment.scenario.scenario_file import check_scenario_name, format_scenario
    from rl_cluster.training.files.output_file import write_output

    check_scenario_name(out)
    scenario = load_geojson(geojson)
    write_output(out, format_scenario(scenario, out))
    _say(out, _sizes(scenario))


@app.command(
    "assign",
    cls=PathCommand,
    epilog="Example: rl-cluster scenario assign harbour.yaml --policy hungarian --out g.yaml",
)
def assign_scenario(
    scenario: Annotated[Path, typer.Argument(metavar="SCENARIO", parser=path, help="A scenario file with targets.")],
    out: ScenarioOutput,
    policy: Annotated[
        str,
        typer.Option(
            metavar="NAME|RUN",
            parser=source,
            help="Heuristic, pretrained, or run of task allocate, that assigns the targets.",
        ),
    ] = "hungarian",
    spacing_m: Annotated[
        float, typer.Option("--spacing", min=1.0, max=1e4, help="Metres between goals at the same target.")
    ] = 20.0,
) -> None:
    """Give each UAV a goal for task navigate: the target that a policy of task allocate chooses for it."""
    from rl_cluster.environment.scenario.scenario_file import check_scenario_name, format_scenario, load_scenario
    from rl_cluster.evaluation.goals import assign_goals, find_allocator
    from rl_cluster.training.files.output_file import write_output

    check_scenario_name(out)
    given = load_scenario(scenario)
    allocator, config = find_allocator(policy, seed=0, num_resources=given.num_resources)
    assigned = assign_goals(given, allocator, config, spacing_m)
    write_output(out, format_scenario(assigned.scenario, out))
    stay = "has no target and stays" if assigned.num_idle == 1 else "have no target and stay"
    idle = f"; {counted(assigned.num_idle, 'UAV')} {stay}" if assigned.num_idle else ""
    _say(out, f"goals chosen by {allocator.name}{idle}")


@app.command(
    "export",
    cls=PathCommand,
    epilog="Example: rl-cluster scenario export harbour.yaml --trace t.jsonl --out f.geojson",
)
def export_scenario(
    scenario: Annotated[
        Path, typer.Argument(metavar="SCENARIO", parser=path, help="A scenario file that came from a map.")
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", parser=output, help="GeoJSON file to write.")],
    trace: Annotated[
        Path | None, typer.Option(metavar="FILE", parser=path, help="Trace whose first episode's paths are drawn too.")
    ] = None,
) -> None:
    """Write a scenario, and the paths that were flown in it, as GeoJSON with longitude and latitude."""
    import json

    from rl_cluster.environment.scenario.map_export import to_geojson
    from rl_cluster.environment.scenario.scenario_file import load_scenario
    from rl_cluster.evaluation.trace import read_paths
    from rl_cluster.training.files.output_file import output_file

    start = load_scenario(scenario)
    data = to_geojson(start, read_paths(trace, start) if trace else [])
    with output_file(out) as file:
        json.dump(data, file)
    _say(out, counted(len(data["features"]), "feature"))


def _sizes(scenario: "Scenario") -> str:
    uavs, targets, zones = scenario.sizes[:3]
    return f"{counted(uavs, 'UAV')}, {counted(targets, 'target')}, {counted(zones, 'no-fly zone')}"


def _say(out: Path, words: str) -> None:
    """What has been written; on stderr where standard output holds it."""
    from rl_cluster.training.files.output_file import is_stdout

    say(f"{out}: {words}", is_on_stderr=is_stdout(out))
