"""`rl-cluster tune`: search for the settings of a run, or go on with a search."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rl_cluster.cli.arguments import Address, Overrides, PresetOrFileIfAny
from rl_cluster.cli.paths import PathCommand, new_folder, path
from rl_cluster.errors import ConfigError, typed

if TYPE_CHECKING:
    from rl_cluster.config.schema import Config

__all__ = ["app"]

app = typer.Typer()


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
    from rich.console import Console

    from rl_cluster.rllib.cluster import connect
    from rl_cluster.tune.report import save_json, save_plot, study_table, test_table
    from rl_cluster.tune.study import TrialResult, run_study
    from rl_cluster.tune.study_folder import begin_study, check_study

    config, folder = _study_of(preset_or_file, overrides or [], out, resume)
    console = Console()

    def report(trial: TrialResult) -> None:
        sample = "  ".join(f"{key} {value:.3g}" for key, value in trial.sample.items()) or "settings as given"
        score = "-" if trial.score is None else f"{trial.score:.3f}"
        console.print(
            f"trial {trial.name}  score {score}  rounds {trial.rounds}  {sample}", soft_wrap=True, highlight=False
        )

    check_study(config)
    with connect(address):
        if not resume:
            begin_study(config, folder)
        console.print(f"study folder: {folder}", soft_wrap=True, highlight=False, markup=False)
        result = run_study(config, folder, report)
    save_json(result, folder / "trials.json")
    save_plot(result, folder / "parallel_coordinates.png")
    console.print(study_table(result))
    if result.tests:
        console.print(test_table(result))
    console.print(f"best settings: {folder / 'best.yaml'}", soft_wrap=True, highlight=False, markup=False)
    console.print(
        f"train them: {typed('rl-cluster', 'train', folder / 'best.yaml')}",
        soft_wrap=True,
        highlight=False,
        markup=False,
    )


def _study_of(
    preset_or_file: str | None, overrides: list[str], out: Path | None, resume: Path | None
) -> "tuple[Config, Path]":
    """Settings and folder. With --resume, settings may be given again, but must be those of the study."""
    from rl_cluster.config.load import load_config
    from rl_cluster.tune.study_folder import find_study

    config = load_config(preset_or_file, overrides) if preset_or_file else None
    if resume:
        if out:
            what = "--out and --resume exclude each other"
            raise ConfigError("tune", what, "leave --out away: the study has its folder")
        return find_study(resume, config), resume
    if not config:
        raise ConfigError("tune", "nothing to tune is given", "name a preset or file, or a study to --resume")
    default = Path.home() / "rl_cluster_studies" / f"{config.name}-{time.strftime('%Y%m%d-%H%M%S')}"
    return config, out or default
