"""Where a run begins: a new folder, the weights of another run, or a checkpoint of its own."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from rl_cluster.config.schema import Config
from rl_cluster.errors import CheckpointError, ConfigError, typed
from rl_cluster.metrics.names import ELAPSED_S
from rl_cluster.training.checkpoints.checkpoint import Checkpoint, find_checkpoint, load_model
from rl_cluster.training.files.new_folder import default_folder
from rl_cluster.training.pretrained import PRETRAINED, pretrained_weights

__all__ = ["Ending", "Start", "check_same", "ending_of", "new_start", "resumed_start", "time_is_up"]


class Ending(NamedTuple):
    """Why a run has ended."""

    what: str
    remedy: str
    """what to do to make it longer"""


@dataclass(frozen=True, slots=True)
class Start:
    """Where a run begins: in a new folder, or from a checkpoint."""

    path: Path
    """The run folder."""
    config: Config
    checkpoint: Checkpoint | None
    """The checkpoint from which a run resumes; None = a new run."""
    weights: dict[str, Tensor] | None = None
    """What a new run begins with; None = untrained."""
    damaged: tuple[CheckpointError, ...] = ()
    """The errors of newer checkpoints, which were skipped."""
    is_numbered: bool = False
    """Whether the folder may get a numbered name if another run has its name; see `RunFolder.path`."""


def new_start(config: Config, path: Path | None, weights: Path | None = None) -> Start:
    """A new run; nothing is written yet.

    Args:
        config: The run's settings.
        path: Its folder; None = a new one in ~/rl_cluster_runs, with a number if another run has the same name.
        weights: Run or checkpoint folder, of either API stack, whose weights it begins with; or the word `pretrained`,
            for the policy that comes with the package.

    Raises CheckpointError if something of that name exists, or if the weights do not fit the run's network.
    """
    if path and os.path.lexists(path):
        go_on = f"go on with {typed('--resume', path)}, or " if (path / "checkpoints").is_dir() else ""
        raise CheckpointError(str(path), "exists already", f"{go_on}choose another --out")
    start = Start(path or default_folder("rl_cluster_runs", config.name), config, None, is_numbered=path is None)
    if not weights:
        return start
    if str(weights) == PRETRAINED:
        return replace(start, weights=pretrained_weights(config))
    found = find_checkpoint(weights)
    model = load_model(Checkpoint.load(found.folder), config)
    return replace(start, weights=model.state_dict(), damaged=found.damaged)


def check_same(config: Config | None, own_config: Config, path: Path) -> None:
    """Raises ConfigError if given settings differ from those of the run or study in `path`; None = none are given."""
    if config is None or config == own_config:
        return
    given, own = (dict(_flat(one.model_dump())) for one in (config, own_config))
    # a section that may be null is one key on one side, and several on the other
    key = next(name for name in {**given, **own} if given.get(name, "unset") != own.get(name, "unset"))
    what = f"{key}={given.get(key, 'unset')} is not the run's own {key}={own.get(key, 'unset')}"
    raise ConfigError(str(path), what, "omit the settings with --resume, or begin anew without it")


def _flat(data: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and values of nested settings."""
    for name, value in data.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def resumed_start(path: Path) -> Start:
    """A run that resumes from its newest sound checkpoint.

    Raises CheckpointError if there is none, if it does not fit its own config, if the run has ended, or if it is from
    the old API stack, or from a version that saved too little.
    """
    found = find_checkpoint(path)
    checkpoint = Checkpoint.load(found.folder)
    if checkpoint.config.api_stack == "old":
        what = "was trained with api_stack=old, which keeps neither its optimizer nor its worlds"
        raise CheckpointError(str(path), what, f"begin a new run with its weights: {typed('--weights', path)}")
    if checkpoint.lacks:
        what = f"was written by an older version, and cannot go on: {checkpoint.lacks}"
        raise CheckpointError(str(path), what, f"evaluate it, or begin with its weights: {typed('--weights', path)}")
    load_model(checkpoint)  # weights that do not fit are found before anything is started
    if ending := ending_of(checkpoint):
        raise CheckpointError(str(path), f"has ended: {ending.what}", f"evaluate it, or {ending.remedy}")
    return Start(path, checkpoint.config, checkpoint, None, found.damaged)


def ending_of(checkpoint: Checkpoint) -> Ending | None:
    """Why the run of a checkpoint has nothing left to do; None = it can go on."""
    training, done = checkpoint.config.training, checkpoint.iteration
    if done >= training.iterations:
        what = f"all {training.iterations} iterations are done"
        return Ending(what, "train a new run with more training.iterations")
    if checkpoint.state[ELAPSED_S] >= training.time_limit_s:
        return time_is_up(checkpoint.config, done)
    return None


def time_is_up(config: Config, done: int) -> Ending:
    """The ending of a run that its time limit has cut after this many iterations."""
    training = config.training
    what = (
        f"training.time_limit_s={training.time_limit_s:g} has cut it after {done} of {training.iterations} iterations"
    )
    return Ending(what, "train a new run with a longer training.time_limit_s, or from its weights by --weights")
