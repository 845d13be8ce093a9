"""`rl-cluster submit` and `rl-cluster stop`: runs as jobs of a cluster."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from rl_cluster.cli.arguments import Dashboard, Overrides, PresetOrFile
from rl_cluster.cli.console import say
from rl_cluster.cli.exits import EXIT_INTERRUPTED, fail
from rl_cluster.cli.legible import legible, masked
from rl_cluster.cli.paths import PathCommand, cluster_folder
from rl_cluster.cli.signals import answer_signal, taken_signal
from rl_cluster.config.shared_address import is_address
from rl_cluster.errors import ConfigError, typed
from rl_cluster.extension.allowance import check_allowed

if TYPE_CHECKING:
    from rl_cluster.config.schema import Config

__all__ = ["app"]

BATCH_SETTINGS = ("sampling.worlds_per_runner=", "ppo.minibatch_rows=", "sampling=", "ppo=")
"""A user who gives one of these has already fitted the batch."""

app = typer.Typer()


def _checked_job(job: str) -> str:
    from rl_cluster.operations.job_name import check_job_name

    return check_job_name(job)


@app.command(
    "submit",
    cls=PathCommand,
    epilog="Example: rl-cluster submit quick_demo --address http://127.0.0.1:8265 --gpus 4 --runners 32",
)
def submit_run(
    preset_or_file: PresetOrFile,
    overrides: Overrides = None,
    address: Dashboard = "http://127.0.0.1:8265",
    gpus: Annotated[int | None, typer.Option(metavar="N", min=0, help="Learners, each on a GPU of its own.")] = None,
    runners: Annotated[int | None, typer.Option(metavar="N", min=0, help="Env runners on the cluster's CPUs.")] = None,
    out: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            parser=cluster_folder,
            help="Run folder on the cluster, on storage that all nodes share, or s3://BUCKET/FOLDER.",
        ),
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Return at once, and do not follow the job.")] = False,
) -> None:
    """Send a run to a cluster as a job, follow what it prints, and end with its exit code.

    A preset with a study is tuned, any other one is trained.
    """
    from rl_cluster.operations.jobs import Jobs

    config, fit = _fitted(preset_or_file, overrides or [], gpus, runners)
    if config.study and out and is_address(out):
        raise ConfigError(
            out, "is an address, and a study writes a folder", "name a folder on storage that nodes mount"
        )
    check_allowed(config.callbacks, "callbacks")  # here, and thereby in the job
    jobs = Jobs(address)
    job = jobs.submit(config, "tune" if config.study else "train", out)
    say(f"job: {job}")
    if fit:
        say(fit)
    stop = typed("rl-cluster", "stop", job, "--address", address)
    say(f"stop it: {stop}")
    if detach:
        return
    try:
        exit_code = jobs.follow(job, _write)
    except KeyboardInterrupt:
        number = taken_signal()
        answer_signal()
        exit_code = 128 + number if number else EXIT_INTERRUPTED
        fail(f"submit: no longer followed: job {job} goes on; stop it with {stop}", exit_code)
    sys.exit(exit_code)


def _fitted(
    preset_or_file: str, overrides: list[str], gpus: int | None, runners: int | None
) -> "tuple[Config, str | None]":
    """The run on this many GPUs and env runners, and a description of what else that changed."""
    from rl_cluster.config.fitting import fit_runners
    from rl_cluster.config.load import load_config

    sizes = [] if gpus is None else [f"learners.num_learners={gpus}", f"learners.gpus_per_learner={min(gpus, 1)}"]
    if runners is None:
        return load_config(preset_or_file, [*overrides, *sizes]), None
    sizes.append(f"sampling.num_env_runners={runners}")
    if any(override.startswith(BATCH_SETTINGS) for override in overrides):
        return load_config(preset_or_file, [*overrides, *sizes]), None
    given = load_config(preset_or_file, overrides)
    fit = fit_runners(given, runners)
    chosen = [f"sampling.worlds_per_runner={fit.worlds_per_runner}", f"ppo.minibatch_rows={fit.minibatch_rows}"]
    config = load_config(preset_or_file, [*overrides, *sizes, *chosen])
    rows = f"a train batch of {fit.train_batch_rows} rows, {given.train_batch_rows} without --runners"
    return config, f"fitted to --runners {runners}: {' '.join(chosen)}, {rows}"


@app.command("stop", epilog="Example: rl-cluster stop raysubmit_abc123 --address http://127.0.0.1:8265")
def stop_job(
    job: Annotated[
        str, typer.Argument(metavar="JOB", callback=_checked_job, help="The job's name, which submit prints.")
    ],
    address: Dashboard = "http://127.0.0.1:8265",
) -> None:
    """Stop a job: its run ends after the iteration that is under way, and leaves a checkpoint."""
    from rl_cluster.operations.jobs import Jobs

    exit_code = Jobs(address).stop(job)
    say(f"job {job} has ended with exit code {exit_code}")


def _write(text: str) -> None:
    sys.stdout.write(legible(masked(text)))
    sys.stdout.flush()
