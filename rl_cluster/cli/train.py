"""`rl-cluster train`: begin or resume a run."""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rl_cluster.api.trackers import check_trackers, tracker_openers
from rl_cluster.cli.arguments import Address, Overrides, PresetOrFileIfAny
from rl_cluster.cli.console import make_console, say
from rl_cluster.cli.exits import fail
from rl_cluster.cli.listings import own_preset_listing, preset_listing
from rl_cluster.cli.paths import PathCommand, new_place, path, place
from rl_cluster.cli.seeds import train_seeds
from rl_cluster.cli.signals import StopRequest, orderly
from rl_cluster.cli.streams import forgive_full_disk, without_stdin
from rl_cluster.cli.train_request import TrainRequest, requeued_start, start_of
from rl_cluster.errors import ConfigError, typed

if TYPE_CHECKING:
    from collections.abc import Callable

    from rl_cluster.api.callbacks import GivenCallbacks
    from rl_cluster.config.schema import Config
    from rl_cluster.config.shared_address import Place
    from rl_cluster.training.callback import Callbacks
    from rl_cluster.training.engine import Engine
    from rl_cluster.training.files.run_folder import RunFolder
    from rl_cluster.training.run import Record
    from rl_cluster.training.start import Start

__all__ = ["app"]

app = typer.Typer()

Out = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        parser=new_place,
        help="Run folder, or s3://BUCKET/FOLDER, to which each checkpoint is copied; by default a new folder in "
        "~/rl_cluster_runs.",
    ),
]
ResumeOrStart = Annotated[
    Path | None,
    typer.Option(
        metavar="RUN",
        parser=place,
        help="Begin a run in this folder, or go on with it if it is there: for jobs that are requeued.",
    ),
]
Scenarios = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE",
        parser=path,
        help="Scenario file to train on in place of drawn episodes; may be repeated; generator.vary.* varies it.",
    ),
]
Seeds = Annotated[
    str | None,
    typer.Option(
        metavar="0,1,2",
        help="Train once with each seed, side by side where the machine has the CPUs, in DIR/seed-0 and so on.",
    ),
]
CallbackClasses = Annotated[
    list[str] | None,
    typer.Option(
        metavar="MODULE:CLASS",
        help="Callback of your own, or of RLlib's kind, which watches the run; may be repeated. Also allows it where "
        "the settings name it.",
    ),
]


class _TrainCommand(PathCommand):
    """Looks for installed packages only when its help is wanted."""

    help: str | None

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Prints the help, with the presets of installed packages below those that ship."""
        self.help = "\n\n".join(filter(None, [self.help, own_preset_listing()]))
        super().format_help(ctx, formatter)


@app.command(
    "train",
    cls=_TrainCommand,
    help="Train a policy: on a Ray cluster, on a Ray of its own on this machine, or without Ray (engine=local).\n\n"
    + preset_listing(),
    epilog=(
        "Example: rl-cluster train quick_demo seed=1 --out runs/first; then rl-cluster train --resume runs/first "
        "training.iterations=400; or rl-cluster train quick_demo engine=local --seeds 0,1,2; or "
        "rl-cluster train quick_demo --scenario harbour.yaml generator.vary.position_m=100"
    ),
)
def train_policy(
    preset_or_file: PresetOrFileIfAny = None,
    overrides: Overrides = None,
    out: Out = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN", parser=place, help="Go on with a run from its last checkpoint; KEY=VALUE changes it."
        ),
    ] = None,
    resume_or_start: ResumeOrStart = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN", parser=place, help="Begin with the weights of another run or checkpoint, or with pretrained."
        ),
    ] = None,
    scenario: Scenarios = None,
    seeds: Seeds = None,
    callback: CallbackClasses = None,
    address: Address = None,
) -> None:
    """Train a policy: on a Ray cluster, on a Ray of its own on this machine, or without Ray (engine=local)."""
    asked = TrainRequest(
        preset_or_file, overrides or [], scenario or [], out, resume, resume_or_start, weights, address
    )
    if seeds is not None:
        if callback:
            raise ConfigError("train", "--callback and --seeds exclude each other", "train each seed by itself")
        train_seeds(asked, seeds)
        return
    start = requeued_start(asked, resume_or_start) if resume_or_start else start_of(asked)
    from rl_cluster.api.callbacks import load_callbacks

    if start is None:
        say(f"run folder: {resume_or_start}; the run has ended")
    else:
        _run(start, address, load_callbacks(start, callback or []))


def _run(start: "Start", address: str | None, given: "GivenCallbacks") -> None:
    """Trains from that start, and says how the run ended."""
    begin_s = time.monotonic()
    from rl_cluster.api.engines import engine_of
    from rl_cluster.training.loop import open_run

    callbacks = given.own
    check_trackers(start.config.monitoring)
    for error in start.damaged:
        say(f"passed over: {error}")
    _tell_changes(start)
    _tell_terminal("loading torch and Ray .." if start.config.engine == "ray" else "loading torch ..")
    make_engine = engine_of(start.config, address, given.rllibs)
    forgive_full_disk()
    with orderly(), without_stdin():
        _tell_terminal(f"{_beginning(start.config, address)} ..")
        engine = make_engine(start.config, address)
        with StopRequest() as request:
            try:
                with open_run(engine, start) as folder:
                    say(f"run folder: {folder.path}{_copied(start)}")
                    say(_extent(start.config))
                    callbacks.on_start(folder.path, start.config)
                    _train(engine, start, folder, callbacks, request.is_set, begin_s)
            finally:
                engine.close()
    if request.signal:
        fail(f"train: {_how_it_was_stopped(start.config, _place(start, folder), request)}", request.exit_code)
    say(f"score it: {typed('rl-cluster', 'evaluate', _place(start, folder))}")


def _place(start: "Start", folder: "RunFolder") -> "Place":
    """What the user names to go on with the run, or to score it."""
    return start.shared or folder.path


def _copied(start: "Start") -> str:
    return f"; each checkpoint is copied to {start.shared}" if start.shared else ""


def _tell_changes(start: "Start") -> None:
    """Says what a run that goes on changes, from which iteration on, and what its user must know."""
    if start.checkpoint and start.changes:
        changes = ", ".join(change.words for change in start.changes)
        say(f"changed after iteration {start.checkpoint.iteration}: {changes}")
    for note in start.notes:
        say(f"note: {note}")


def _tell_terminal(words: str) -> None:
    """Says what is waited for to somebody who watches. A log gets nothing: a run that is refused prints one line."""
    if make_console().is_terminal:
        say(words)


def _beginning(config: "Config", address: str | None) -> str:
    """What the start of the engine waits for."""
    if config.engine == "local":
        return "making worlds and the network"
    where = address or os.environ.get("RAY_ADDRESS")
    return f"connecting to the Ray at {where}" if where and where != "local" else "starting Ray and its env runners"


def _extent(config: "Config") -> str:
    """How far the run goes, and what its lines show."""
    from rl_cluster.cli.views.display import duration
    from rl_cluster.environment.tasks import task_of

    training = config.training
    where = {"ray": "on Ray", "local": "in this process"}[config.engine]
    lines = [
        f"{config.name} trains {where}: {training.iterations} iterations, at most {duration(training.time_limit_s)}"
    ]
    if training.evaluate_every:
        label = task_of(config).headline.label
        lines.append(f"{label}: training episodes, drawn actions; best: evaluation, most probable actions")
    return "\n".join(lines)


def _how_it_was_stopped(config: "Config", path: "Place", request: StopRequest) -> str:
    assert request.signal
    if not request.is_heeded:
        score = typed("rl-cluster", "evaluate", path)
        return f"{request.signal.name} came when the run was done; score it: {score}"
    how = "--weights" if config.api_stack == "old" else "--resume"
    return f"stopped by {request.signal.name}; go on with {typed('rl-cluster', 'train', how, path)}"


def _train(
    engine: "Engine",
    start: "Start",
    folder: "RunFolder",
    callbacks: "Callbacks",
    is_stopped: "Callable[[], bool]",
    begin_s: float,
) -> None:
    """Trains to the end, shows iterations to the user and to the services, and draws the timeline if there is one."""
    from rl_cluster.cli.views.display import Display, duration
    from rl_cluster.cli.views.timeline import save_timeline
    from rl_cluster.training.files.metrics_lines import read_metrics
    from rl_cluster.training.loop import train_in
    from rl_cluster.training.trackers import Trackers

    console = make_console()
    config, done = start.config, start.checkpoint.iteration if start.checkpoint else 0
    last: Record | None = None
    with (
        Display(console, config, read_metrics(folder.metrics)) as display,
        Trackers(tracker_openers(config, folder.path, done + 1)) as trackers,
    ):

        def report(record: "Record") -> None:
            nonlocal last
            if last is None and config.engine == "ray":
                say(f"first iteration after {duration(time.monotonic() - begin_s)}")
            last = record
            display.show(record)
            trackers.note(record)
            callbacks.on_iteration(record)

        saved = train_in(folder, engine, start, report, lambda: is_stopped() or callbacks.wants_end())
    callbacks.on_end(saved)
    if last and (ending := _ending(_place(start, folder), config, last)):
        say(ending)
    elif last and not is_stopped():
        go_on = typed("rl-cluster", "train", "--resume", _place(start, folder))
        say(f"ended by a callback at iteration {last.done} of {config.training.iterations}; go on with {go_on}")
    say(f"checkpoint: {saved}")
    if config.curriculum:
        picture = folder.path / "timeline.png"
        save_timeline(folder.metrics, config.curriculum, picture)
        say(f"timeline: {picture}")


def _ending(folder: "Place", config: "Config", last: "Record") -> str | None:
    """Why the run has ended; None = a signal has stopped it."""
    from rl_cluster.metrics.names import ELAPSED_S
    from rl_cluster.training.start import time_is_up

    training = config.training
    if last.done >= training.iterations:
        return f"all {training.iterations} iterations are done"
    if last.metrics[ELAPSED_S] >= training.time_limit_s:
        reached = f"time limit reached at iteration {last.done} of {training.iterations}"
        return f"{reached}; {time_is_up(folder, config, last.done).remedy}"
    return None
