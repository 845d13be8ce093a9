"""What `rl-cluster train` is asked for, and where the run then begins."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rl_cluster.config.shared_address import Place
from rl_cluster.errors import ConfigError, typed

if TYPE_CHECKING:
    from rl_cluster.config.schema import Config
    from rl_cluster.training.start import Start

__all__ = ["TrainRequest", "requeued_start", "settings_of", "start_of"]


class TrainRequest(NamedTuple):
    """The words of the command line."""

    preset_or_file: str | None
    overrides: Sequence[str]
    scenarios: Sequence[Path]
    out: Place | None
    resume: Place | None
    resume_or_start: Place | None
    weights: Place | None
    address: str | None


def settings_of(asked: TrainRequest, *more: str) -> "Config":
    """The settings of a new run, with more overrides. Raises ConfigError if nothing to train is given."""
    from rl_cluster.config.load import load_config

    if not asked.preset_or_file:
        raise ConfigError("train", "nothing to train is given", "name a preset or file, or a run to --resume")
    if not asked.scenarios:
        load_config(asked.preset_or_file, [*asked.overrides, *more])  # refuses at once what needs no torch to be seen
    from rl_cluster.training.settings import load_settings

    return load_settings(asked.preset_or_file, [*asked.overrides, *more], asked.scenarios)


def start_of(asked: TrainRequest) -> "Start":
    """Where the run begins."""
    if not asked.resume:
        config = settings_of(asked)
        from rl_cluster.training.start import new_start

        return new_start(config, asked.out, asked.weights)
    excluded = {
        "--out": (asked.out, "the run has its folder"),
        "--weights": (asked.weights, "the run has its own"),
        "--scenario": (asked.scenarios, "the run has its own"),
    }
    for option, (value, why) in excluded.items():
        if value:
            raise ConfigError("train", f"{option} and --resume exclude each other", f"omit {option}: {why}")
    return _resumed(asked.preset_or_file, asked.overrides, asked.resume)


def _resumed(preset_or_file: str | None, overrides: Sequence[str], run: Place) -> "Start":
    """A run that goes on. The first word is a change, too, unless it names settings, which must be those of the run."""
    from rl_cluster.config.load import PRESETS, load_config
    from rl_cluster.training.checkpoints.store import check_folder

    if isinstance(run, Path):
        check_folder(run)
    from rl_cluster.training.start import check_same, resumed_start

    if preset_or_file and "=" in preset_or_file and preset_or_file not in PRESETS and not Path(preset_or_file).exists():
        overrides, preset_or_file = [preset_or_file, *overrides], None
    if not preset_or_file:
        return resumed_start(run, overrides)
    start = resumed_start(run)
    remedy = f"to change settings give them alone: {typed('rl-cluster', 'train', '--resume', run, 'KEY=VALUE')}"
    check_same(load_config(preset_or_file, overrides), start.config, start.path, remedy)
    return start


def requeued_start(asked: TrainRequest, run: Place) -> "Start | None":
    """Where the run in this folder begins or resumes; None = it has ended."""
    if asked.out or asked.resume:
        what = "--resume-or-start excludes --out and --resume"
        raise ConfigError("train", what, "omit them: it names the run folder")
    if not asked.preset_or_file:
        raise ConfigError("train", "nothing to train is given", "name a preset or file before --resume-or-start")
    config = settings_of(asked)
    from rl_cluster.training.requeue import resume_or_start

    return resume_or_start(config, run, asked.weights)
