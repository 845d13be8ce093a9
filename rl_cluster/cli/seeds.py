"""`rl-cluster train --seeds 0,1,2`: a process of its own for each seed, as many at once as the machine holds."""

import math
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from rl_cluster.cli.console import TABLE_COLUMNS, say, table_console
from rl_cluster.cli.exits import EXIT_USER_ERROR, fail
from rl_cluster.cli.signals import StopRequest, orderly
from rl_cluster.cli.streams import forgive_full_disk
from rl_cluster.cli.train_request import TrainRequest, settings_of
from rl_cluster.config.shared_address import Place, SharedAddress
from rl_cluster.errors import CheckpointError, ConfigError, counted, typed
from rl_cluster.extension.allowance import check_allowed

if TYPE_CHECKING:
    import signal

    from rich.table import Table

    from rl_cluster.config.schema import Config

__all__ = ["train_seeds"]

LOOK_AGAIN_S = 0.2
"""Seconds between two looks at whether a signal has come."""


def train_seeds(asked: TrainRequest, text: str) -> None:
    """Trains all seeds, shows their lines as they come, and a table at the end.

    Args:
        asked: The run. `out` or `resume_or_start` holds a run folder for each seed.
        text: The seeds, as the user writes them.
    """
    from rl_cluster.training.seeds import num_side_by_side, parse_seeds, seed_folder

    seeds = parse_seeds(text)
    _check_alone(asked)
    config, *_ = [settings_of(asked, f"seed={seed}") for seed in seeds]
    check_allowed(config.callbacks, "callbacks")  # the processes of the seeds inherit what is allowed
    folder = _folder(asked, config)
    is_shared = config.engine == "ray" and bool(asked.address or os.environ.get("RAY_ADDRESS"))
    at_once = min(len(seeds), num_side_by_side(config, len(os.sched_getaffinity(0)), is_shared=is_shared))
    order = "one after the other" if at_once == 1 else f"{at_once} at once"
    say(f"folder: {folder}; {counted(len(seeds), 'run')}, {order}")
    forgive_full_disk()
    words = [str(asked.preset_or_file), *asked.overrides, *_options(asked)]
    commands = {seed: _command(asked, words, seed, seed_folder(folder, seed)) for seed in seeds}
    with orderly(), StopRequest() as request:
        failed = _Children(commands).run(at_once, request)
    table_console().print(_table(config, folder, seeds))
    if request.signal:
        again = typed("rl-cluster", "train", *words, "--seeds", text, "--resume-or-start", folder)
        fail(f"train: stopped by {request.signal.name}; go on with {again}", request.exit_code)
    if failed:
        seed, (exit_code, line) = next(iter(failed.items()))
        fail(f"train: seed {seed}: {line.removeprefix('error: ')}", exit_code)
    say(f"score them: {typed('rl-cluster', 'evaluate', *(seed_folder(folder, seed) for seed in seeds))}")


def _check_alone(asked: TrainRequest) -> None:
    """Raises ConfigError if something is given that contradicts --seeds."""
    if asked.resume:
        what, remedy = "--seeds and --resume exclude each other", "go on with all of them: --resume-or-start DIR"
        raise ConfigError("train", what, remedy)
    if any(isinstance(place, SharedAddress) for place in (asked.out, asked.resume_or_start)):
        what = "--seeds writes run folders of this machine, not an address in shared storage"
        raise ConfigError("train", what, "train each seed by itself, or name a folder")
    if asked.resume_or_start and asked.out:
        raise ConfigError("train", "--resume-or-start excludes --out", "omit it: --resume-or-start names the folder")
    if given := next((text for text in asked.overrides if text.partition("=")[0] == "seed"), None):
        raise ConfigError(given, "contradicts --seeds", "omit it")


def _folder(asked: TrainRequest, config: "Config") -> Path:
    """Where the run folders lie. Raises CheckpointError if it must be new, and is not."""
    from rl_cluster.training.files.new_folder import default_folder

    out, again = asked.out, asked.resume_or_start
    assert not isinstance(out, SharedAddress), "refused before"
    assert not isinstance(again, SharedAddress), "refused before"
    if again:
        return again
    folder = out or default_folder("rl_cluster_runs", config.name)
    if os.path.lexists(folder):
        remedy = "choose another --out, or go on with what is there: --resume-or-start DIR"
        raise CheckpointError(str(folder), "exists already", remedy)
    return folder


def _options(asked: TrainRequest) -> list[str | Place]:
    """The options that each run gets, too."""
    options: list[str | Place] = [word for path in asked.scenarios for word in ("--scenario", path)]
    options += ["--weights", asked.weights] if asked.weights else []
    return [*options, "--address", asked.address] if asked.address else options


def _command(asked: TrainRequest, words: Sequence[str | Place], seed: int, run: Path) -> list[str]:
    place = "--resume-or-start" if asked.resume_or_start else "--out"
    return [sys.executable, "-m", "rl_cluster", "train", *map(str, words), f"seed={seed}", place, str(run)]


class _Children:
    """The processes, one for each seed.

    Args:
        commands: Seed -> the command that trains it.
    """

    def __init__(self, commands: dict[int, list[str]]) -> None:
        self._commands = commands
        self._running: dict[int, subprocess.Popen[str]] = {}
        self._is_stopped = False

    def run(self, at_once: int, request: StopRequest) -> dict[int, tuple[int, str]]:
        """Runs all of them; a request to stop is passed on, and begins no other.

        Returns:
            Seed -> exit code and last line of those that have failed.
        """
        with ThreadPoolExecutor(at_once) as pool:
            futures = {seed: pool.submit(self._run_one, seed) for seed in self._commands}
            left: set[Future[tuple[int, str]]] = set(futures.values())
            while left:
                left = wait(left, LOOK_AGAIN_S).not_done
                if request.is_set() and request.signal and not self._is_stopped:
                    self._stop(request.signal)
        ended = {seed: future.result() for seed, future in futures.items()}
        return {seed: end for seed, end in ended.items() if end[0]}

    def _run_one(self, seed: int) -> tuple[int, str]:
        """Shows a run's lines with its seed in front. Returns its exit code and its last line."""
        if self._is_stopped:
            return 0, ""
        start = f"seed {seed}: "
        width = {"COLUMNS": str(TABLE_COLUMNS - len(start))}
        # In a session of its own: Ctrl-C reaches it through this process only, which passes a signal on once.
        with subprocess.Popen(
            self._commands[seed], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", start_new_session=True, env={**os.environ, **width},
        ) as process:  # fmt: skip
            self._running[seed] = process
            line = ""
            for printed in process.stdout or ():
                line = printed.rstrip()
                if line and not line.startswith("score it: "):  # of all runs together at the end
                    say(f"{start}{line}")
        return _exit_code(process.returncode), line

    def _stop(self, number: "signal.Signals") -> None:
        self._is_stopped = True
        for process in list(self._running.values()):
            with suppress(ProcessLookupError):
                process.send_signal(number)


def _exit_code(code: int) -> int:
    """By shell convention; a process that a signal has killed is our user's to look into."""
    return code if code >= 0 else EXIT_USER_ERROR


def _table(config: "Config", folder: Path, seeds: Sequence[int]) -> "Table":
    """A row for each seed, and the mean over those that were evaluated."""
    from rich.table import Table

    from rl_cluster.training.seeds import evaluated_last, seed_folder, shown_metrics

    metrics = shown_metrics(config)
    scores = [evaluated_last(seed_folder(folder, seed), metrics) for seed in seeds]
    is_none = not any(math.isfinite(one[metric]) for one in scores for metric in metrics)
    title = "No seed was evaluated yet: see training.evaluate_every" if is_none else "Last evaluation of each seed"
    table = Table(title=title, title_justify="left", box=None)
    table.add_column("seed", justify="right")
    for metric in metrics:
        table.add_column(metric.label, justify="right")
    for seed, one in zip(seeds, scores, strict=True):
        table.add_row(str(seed), *(_cell(one[metric], metric.decimals) for metric in metrics))
    means = [[one[metric] for one in scores if math.isfinite(one[metric])] for metric in metrics]
    cells = [
        _cell(fmean(one) if one else math.nan, metric.decimals) for one, metric in zip(means, metrics, strict=True)
    ]
    table.add_row("mean", *cells)
    return table


def _cell(value: float, decimals: int) -> str:
    return f"{value:.{decimals}f}" if math.isfinite(value) else "-"
