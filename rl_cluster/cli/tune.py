"""`rl-cluster tune`: search for the settings of a run, or resume a search."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rl_cluster.api.trackers import check_trackers
from rl_cluster.cli.arguments import Address, Overrides, PresetOrFileIfAny
from rl_cluster.cli.console import say, table_console
from rl_cluster.cli.exits import fail
from rl_cluster.cli.paths import PathCommand, new_folder, path
from rl_cluster.cli.signals import StopRequest, orderly
from rl_cluster.cli.streams import forgive_full_disk, without_stdin
from rl_cluster.errors import ConfigError, counted, typed

if TYPE_CHECKING:
    from collections.abc import Callable

    from rl_cluster.config.schema import Config
    from rl_cluster.tune.result import StudyResult

__all__ = ["app"]

app = typer.Typer()

EXIT_TRIALS_FAILED = 1


@app.command(
    "tune",
    cls=PathCommand,
    epilog="Example: rl-cluster tune tune_demo study.num_trials=16 --out studies/first; then "
    "rl-cluster train studies/first/best.yaml",
)
def tune_settings(
    preset_or_file: PresetOrFileIfAny = None,
    overrides: Overrides = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", parser=new_folder, help="Study folder; by default a new one in ~/rl_cluster_studies."
        ),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(metavar="STUDY", parser=path, help="Go on with a study; finished trials are not repeated."),
    ] = None,
    address: Address = None,
) -> None:
    """Search for better settings: trials on Ray Tune, scored over several seeds, then tested with other seeds."""
    config, begin = _study_of(preset_or_file, overrides or [], out, resume)
    _search(config, begin, address)


def _search(config: "Config", begin: "Callable[[], Path]", address: str | None) -> None:
    """Runs the study, and says how it ended."""
    from rl_cluster.cli.views.study_progress import StudyProgress
    from rl_cluster.rllib.cluster import connect
    from rl_cluster.tune.journal import JOURNAL, ended_trials
    from rl_cluster.tune.search_space import study_of
    from rl_cluster.tune.study import run_study
    from rl_cluster.tune.trial_room import num_at_once

    check_trackers(config.monitoring)
    forgive_full_disk()
    with orderly(), without_stdin(), connect(address) as cluster, StopRequest() as request:
        study, nodes = study_of(config), cluster.resources()
        at_once = num_at_once(config, study.num_seeds, nodes)
        if study.num_test_seeds:
            num_at_once(config, study.num_test_seeds, nodes)
        folder = begin()
        say(f"study folder: {folder}")
        progress = StudyProgress(config, ended_trials(folder / JOURNAL, config), at_once, time.monotonic())
        say(progress.extent())
        result = run_study(
            config, folder, lambda trial: say(progress.line(trial, time.monotonic())), request.is_set, nodes
        )
    if request.signal and not result.is_whole:
        what = f"stopped by {request.signal.name}; go on with {typed('rl-cluster', 'tune', '--resume', folder)}"
        fail(f"tune: {what}", request.exit_code)
    _show(result)


def _show(result: "StudyResult") -> None:
    """Shows tables and files, the recommended settings, and the trials that failed."""
    from rl_cluster.tune.report import failures, save_json, save_plot, study_tables, test_table
    from rl_cluster.tune.study import BEST

    folder, console = result.folder, table_console()
    save_json(result, folder / "trials.json")
    say(f"{counted(len(result.trials), 'trial')}, best first")
    for table in study_tables(result):
        console.print(table, "")
    if result.tests:
        console.print(test_table(result))
    if result.has_winner:
        save_plot(result, folder / "parallel_coordinates.png")
        if result.is_given_as_good:
            say("with test seeds the given settings are at least as good as the best trial's: keep them")
        say(f"recommended settings: {folder / BEST}")
        say(f"train them: {typed('rl-cluster', 'train', folder / BEST)}")
    if words := failures(result):
        fail(
            f"tune: {words}; try them again with {typed('rl-cluster', 'tune', '--resume', folder)}", EXIT_TRIALS_FAILED
        )


def _study_of(
    preset_or_file: str | None, overrides: list[str], out: Path | None, resume: Path | None
) -> "tuple[Config, Callable[[], Path]]":
    """Settings, and what makes the study's folder, or says where it is.

    With --resume, settings may be given again, but must be those of the study.
    """
    from rl_cluster.config.load import load_config

    config = load_config(preset_or_file, overrides) if preset_or_file else None
    from rl_cluster.training.files.new_folder import default_folder
    from rl_cluster.tune.study_folder import begin_study, check_new, find_study
    from rl_cluster.tune.trial_settings import check_overrides

    if resume:
        if out:
            raise ConfigError("tune", "--out and --resume exclude each other", "omit --out: the study has its folder")
        folder = resume.expanduser().absolute()
        return find_study(folder, config), lambda: folder
    if not config:
        raise ConfigError("tune", "nothing to tune is given", "name a preset or file, or a study to --resume")
    check_overrides(overrides, config)
    place = out or default_folder("rl_cluster_studies", config.name)
    check_new(config, place, is_numbered=not out)
    return config, lambda: begin_study(config, place, is_numbered=not out)
