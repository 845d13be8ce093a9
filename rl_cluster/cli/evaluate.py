"""`rl-cluster evaluate`: policies side by side on the same episodes, or one on teams of many sizes."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rl_cluster.cli.console import TABLE_COLUMNS, table_console, wrapped
from rl_cluster.cli.listings import policy_listing
from rl_cluster.cli.paths import PathCommand, output, path, place, source
from rl_cluster.cli.suites import ListSuites, SuiteNames, check_alone, list_suites, score_suites
from rl_cluster.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import Console

    from rl_cluster.config.schema import Config
    from rl_cluster.config.shared_address import Place
    from rl_cluster.evaluation.comparison import Comparison
    from rl_cluster.evaluation.scoring import Group, Request, Scoring

__all__ = ["app"]

app = typer.Typer()
SEED = 1000
Checkpoints = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="CHECKPOINT", parser=place, help="Run or checkpoint folders, or s3://BUCKET/FOLDER.", show_default=False
    ),
]
Scenarios = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE", parser=path, help="Scenario file to play instead; may be repeated, and all are scored together."
    ),
]
Preset = Annotated[
    str | None,
    typer.Option(
        metavar="P",
        parser=source,
        help="Preset whose episodes are played; by default the checkpoint's, else quick_demo.",
    ),
]
Episodes = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=1_000_000,
        help="Episodes; by default 200 generated ones, or 20 of each scenario file, once if nothing is drawn.",
    ),
]
Policies = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="Heuristic to compare with, pretrained, or module:Class for your own; may be repeated. All heuristics if "
        "none is named.",
    ),
]
HasAll = Annotated[
    bool,
    typer.Option(
        "--all", help="Also print all metrics, intervals and differences, and each scenario file.", show_default=False
    ),
]
Prefer = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=X,..", help="Preferences of policies that were trained with them, as time=2,crowding=0.5."
    ),
]
Seed = Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Seed of the episodes and of all random draws.")]
JsonFile = Annotated[
    Path | None, typer.Option("--json", metavar="FILE", parser=output, help="Write the scores to a file.")
]
TraceFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", parser=output, help="Write each decision, and what came of it, to a file, as JSON lines."
    ),
]
Ladder = Annotated[
    str | None,
    typer.Option(metavar="N,N,..", help="Instead: play teams of these sizes; several checkpoints count as one."),
]
Plot = Annotated[
    Path | None, typer.Option(metavar="FILE", parser=output, help="Draw the ladder to a file: .png, .svg or .pdf.")
]

Search = Annotated[
    str | None,
    typer.Option(metavar="BUDGET", help="Also play with a search at each decision: plans=64 or ms=500, and futures=4."),
]
Objective = Annotated[
    str | None,
    typer.Option(metavar="TERM=W,..", help="What the search maximises, as value=1,time=0.2."),
]


@app.command(
    "evaluate",
    cls=PathCommand,
    help="Score checkpoints and heuristics side by side on the same episodes, with 95 % bootstrap intervals.\n\n"
    "Prints which policy is best, and a line for each; --all prints everything, and --json writes it.\n\n"
    + policy_listing(),
    epilog="Example: rl-cluster evaluate runs/first --episodes 200 --policy greedy --json scores.json",
)
def evaluate_policies(
    checkpoints: Checkpoints = None,
    policy: Policies = None,
    preset: Preset = None,
    scenario: Scenarios = None,
    episodes: Episodes = None,
    prefer: Prefer = None,
    has_all: HasAll = False,
    seed: Seed = SEED,
    json_file: JsonFile = None,
    trace: TraceFile = None,
    search: Search = None,
    objective: Objective = None,
    ladder: Ladder = None,
    plot: Plot = None,
    suite: SuiteNames = None,
    suites: ListSuites = False,
) -> None:
    """Score checkpoints and heuristics side by side on the same episodes."""
    budget, weights = _given("--search", search), _given("--objective", objective)
    if suites:
        asked = (policy, preset, scenario, episodes, has_all, prefer, search, objective, json_file, trace)
        list_suites(checkpoints, *asked, ladder, plot, suite)
        return
    if suite:
        check_alone(preset is not None, scenario, has_all, trace, seed != SEED, ladder is not None, plot)
    if ladder is not None or plot:
        others = (policy, preset is not None, scenario, episodes, has_all, trace, prefer, budget, weights)
        _climb(_folders(_only(checkpoints, ladder, others)), ladder or "", seed, json_file, plot)
        return
    folders, config = _folders(checkpoints or []), _settings(preset, scenario or [])
    from rl_cluster.evaluation.scoring import Request

    request = Request(
        checkpoints=folders,
        heuristics=policy or [],
        preset=config,
        scenarios=scenario or [],
        preferences=prefer or [],
        num_episodes=episodes,
        seed=seed,
        scores=json_file,
        trace=trace,
        search=budget,
        objective=weights,
    )
    if suite:
        score_suites(suite, request, json_file)
    else:
        _compare(request, has_all=has_all)


def _given(option: str, text: str | None) -> str:
    """The option's text, empty if it is not given. Raises ConfigError if it is given without a text."""
    if text is not None and not text.strip():
        raise ConfigError(option, "is empty", "give it a value, or omit it")
    return text or ""


def _folders(checkpoints: "Sequence[Place]") -> "Sequence[Place]":
    """The checkpoints. Raises ConfigError if one is a setting, a preset or a file, which belong elsewhere."""
    from rl_cluster.config.load import PRESETS
    from rl_cluster.training.checkpoints.store import check_folder

    for folder in (one for one in checkpoints if isinstance(one, Path)):
        word = str(folder)
        if "=" in word and not folder.exists():
            what = "evaluate takes no settings, only run and checkpoint folders"
            raise ConfigError(word, what, "write the settings into a file, and name that as --preset")
        if word in PRESETS and not folder.exists():
            raise ConfigError(word, "is a preset, not a run or checkpoint folder", f"write --preset {word}")
        if folder.is_file():
            what = "is a file, not a run or checkpoint folder"
            raise ConfigError(word, what, "write --scenario for a scenario, or --preset for settings, before it")
        check_folder(folder)
    return checkpoints


def _settings(preset: str | None, scenarios: Sequence[Path]) -> "Config | None":
    """The settings of the preset; None = none is named.

    Raises ScenarioError for a scenario file that is missing, before torch is imported, which takes seconds.
    """
    from rl_cluster.config.load import load_config
    from rl_cluster.environment.scenario.scenario_file import load_scenario

    config = load_config(preset) if preset is not None else None
    for scenario in scenarios:
        if not scenario.exists():
            load_scenario(scenario)
    return config


def _only(checkpoints: list[Path] | None, ladder: str | None, others: Sequence[object]) -> list[Path]:
    """The checkpoints that climb the ladder."""
    if ladder is None or any(others) or not checkpoints:
        what = "takes CHECKPOINTs, --seed, --json and --plot, and nothing else"
        raise ConfigError("--ladder", what, "omit the others")
    return checkpoints


def _compare(request: "Request", *, has_all: bool) -> None:
    """Prints tables after the episodes have been played; writes the scores at the end."""
    import json

    from rl_cluster.config.load import load_config
    from rl_cluster.evaluation.scoring import prepare, to_dict
    from rl_cluster.training.files.output_file import is_stdout, output_file

    scoring = prepare(request, default_preset=load_config("quick_demo"))
    is_on_stderr = is_stdout(request.scores) or is_stdout(request.trace)
    results = _play(scoring, table_console(is_on_stderr=is_on_stderr), has_all=has_all)
    if request.scores:
        with output_file(request.scores) as file:
            json.dump(to_dict(results, scoring.notes), file, indent=2)


def _climb(checkpoints: "Sequence[Place]", ladder: str, seed: int, json_file: Path | None, plot: Path | None) -> None:
    """Prints the ladder of each regime after it has been played; writes the files at the end."""
    import json

    from rl_cluster.evaluation.ladder import REGIMES, climb, parse_sizes
    from rl_cluster.evaluation.ladder_report import check_plot, ladder_table, ladder_title, save_plot, to_dict
    from rl_cluster.evaluation.scoring import load_policies
    from rl_cluster.training.files.output_file import is_stdout, output_file

    sizes = parse_sizes(ladder)
    if plot:
        check_plot(plot)
    models, config = load_policies(checkpoints)
    console, ladders = table_console(is_on_stderr=is_stdout(json_file)), []
    for regime in REGIMES:
        with console.status("") as status:
            played = climb(models, config, regime, sizes, seed, lambda who, done: status.update(f"{who}: {done} done"))
        ladders.append(played)
        _print(console, f"\n{ladder_title(played)}")
        console.print(ladder_table(played))
    if json_file:
        with output_file(json_file) as file:
            json.dump(to_dict(ladders), file, indent=2)
    if plot:
        save_plot(ladders, plot)


def _play(scoring: "Scoring", console: "Console", *, has_all: bool) -> "list[tuple[Group, Comparison]]":
    """Prints the scores of the only group, or of all scenario files together, and everything about them if asked."""
    from rl_cluster.evaluation.scoring import pool

    for note in scoring.notes:
        _print(console, note)
    with console.status("") as status:

        def show(policy_name: str, num_done: int) -> None:
            status.update(f"{policy_name}: {num_done} episodes done")

        results = []
        for group, comparison in scoring.play(show):
            results.append((group, comparison))
            for remark in comparison.remarks if len(scoring.groups) > 1 else ():
                _print(console, f"{group.title}: {remark}")
    pooled = pool(results)
    _print(console, f"\n{len(results)} scenario files, each of which counts once" if pooled else f"\n{group.title}")
    _print_summary(scoring, pooled or comparison, console)
    if has_all:
        _print_rows(scoring, results, console)
        for table in (pooled or comparison).tables():
            console.print()
            console.print(table)
    else:
        for remark in (pooled or comparison).remarks:
            _print(console, remark)
    return results


def _print_summary(scoring: "Scoring", comparison: "Comparison", console: "Console") -> None:
    """Prints what fits on one screen: the verdict, and a line for each policy."""
    from rl_cluster.environment.tasks import task_of
    from rl_cluster.evaluation.summary import summary_caption, summary_table
    from rl_cluster.evaluation.verdict import verdict

    task = task_of(scoring.config)
    _print(console, verdict(comparison, task.headline, [policy.name for policy in scoring.baselines]))
    _print(console, f"\n{summary_caption(comparison, task.headline)}")
    console.print(summary_table(comparison, task.shown, task.headline), width=min(TABLE_COLUMNS, console.width))


def _print(console: "Console", text: str) -> None:
    columns = min(TABLE_COLUMNS, console.width)
    console.print(wrapped(text, columns), soft_wrap=True, highlight=False, markup=False)


def _print_rows(scoring: "Scoring", results: "list[tuple[Group, Comparison]]", console: "Console") -> None:
    """Prints a row for each of several scenario files."""
    from rl_cluster.environment.tasks import task_of
    from rl_cluster.evaluation.scenario_rows import scenario_rows, shown_metrics

    if len(results) < 2:
        return
    task = task_of(scoring.config)
    rows = [(group.scenario.name, comparison) for group, comparison in results if group.scenario]
    _print(console, "\nMeans of each scenario file")
    for number, table in enumerate(scenario_rows(rows, shown_metrics(task.metrics, task.headline))):
        console.print(*([""] if number else []), table, sep="\n")
