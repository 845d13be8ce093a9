"""`rl-cluster evaluate --suite`: plays suites, and shows their scores as one table."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rl_cluster.cli.console import TABLE_COLUMNS, table_console, wrapped
from rl_cluster.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rl_cluster.evaluation.scoring import Request
    from rl_cluster.evaluation.suite_scoring import Played

__all__ = ["ListSuites", "SuiteNames", "check_alone", "list_suites", "score_suites"]

SuiteNames = Annotated[
    list[str] | None, typer.Option(metavar="NAME", help="Instead: play this suite of fixed episodes; or all.")
]
ListSuites = Annotated[bool, typer.Option("--list-suites", help="Say what each suite tests, and play nothing.")]


def check_alone(*others: object) -> None:
    """Raises ConfigError if an option is given that suites do not take: their episodes and seeds are fixed."""
    if any(others):
        options = "--policy, --prefer, --episodes, --search, --objective and --json"
        what = f"takes CHECKPOINTs, {options}, and nothing else: its episodes are fixed"
        raise ConfigError("--suite", what, "omit the others")


def list_suites(*others: object) -> None:
    """Prints the name, the version and the idea of every suite. Raises ConfigError if there are other arguments."""
    from rl_cluster.evaluation.suite import EVERY_SUITE, find_suites
    from rl_cluster.evaluation.suite_report import list_table

    if any(others):
        raise ConfigError("--list-suites", "plays nothing, and takes no other arguments", "omit the others")
    table_console().print(list_table(find_suites([EVERY_SUITE])))


def score_suites(names: "Sequence[str]", request: "Request", json_file: Path | None) -> None:
    """Plays the suites of these names, then prints all scores, and writes them to the file if there is one."""
    import json

    from rl_cluster.config.load import load_config
    from rl_cluster.evaluation.suite import find_suites
    from rl_cluster.evaluation.suite_report import suite_caption, suite_tables, to_dict
    from rl_cluster.evaluation.suite_scoring import prepare_suites
    from rl_cluster.training.files.output_file import is_stdout, output_file

    suites = find_suites(names)
    scoring = prepare_suites(suites, request, default_preset=load_config("quick_demo"))
    console = table_console(is_on_stderr=is_stdout(json_file))
    for note in scoring.notes:
        console.print(wrapped(note, min(TABLE_COLUMNS, console.width)), soft_wrap=True, highlight=False, markup=False)
    with console.status("") as status:

        def show(played: "Played") -> None:
            number = 1 + suites.index(played.suite)
            place = f"suite {number} of {len(suites)}, {played.suite.name}"
            status.update(f"{place}: {played.policy}: {played.num_done} episodes done")

        scores = list(scoring.play(show))
    console.print(suite_caption(scores))
    for number, table in enumerate(suite_tables(scores)):
        console.print(*([""] if number else []), table, sep="\n")
    if json_file:
        with output_file(json_file) as file:
            json.dump(to_dict(scores, scoring.notes), file, indent=2)
