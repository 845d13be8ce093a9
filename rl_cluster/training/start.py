"""Where a run begins: a new folder, the weights of another run, or a checkpoint of its own."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from rl_cluster.config.load import load_saved, overridden
from rl_cluster.config.schema import Config
from rl_cluster.config.shared_address import Place, SharedAddress
from rl_cluster.errors import CheckpointError, ConfigError, typed
from rl_cluster.metrics.names import ELAPSED_S
from rl_cluster.training.changes import Change, changes_between, check_changes, exactness_note, fitted, schedule_note
from rl_cluster.training.checkpoints.checkpoint import Checkpoint, find_checkpoint, load_model
from rl_cluster.training.files.fetched_run import fetched, fetched_run, local_folder, renamed
from rl_cluster.training.files.new_folder import default_folder
from rl_cluster.training.files.run_mirror import check_free
from rl_cluster.training.files.run_names import CONFIG, is_run_folder
from rl_cluster.training.files.shared_storage import SharedFolder
from rl_cluster.training.pretrained import PRETRAINED, pretrained_weights

__all__ = ["Ending", "Start", "check_same", "ending_of", "new_start", "resumed_start", "shared_start", "time_is_up"]


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
    """The checkpoint from which a run resumes, as `config` continues it; None = a new run."""
    weights: dict[str, Tensor] | None = None
    """What a new run begins with; None = untrained."""
    damaged: tuple[CheckpointError, ...] = ()
    """The errors of newer checkpoints, which were skipped."""
    is_numbered: bool = False
    """Whether the folder may get a numbered name if another run has its name; see `RunFolder.path`."""
    changes: tuple[Change, ...] = ()
    """What `config` changes of the settings with which the checkpoint was saved."""
    notes: tuple[str, ...] = ()
    """What the user must know of a run that goes on; see `schedule_note` and `exactness_note`."""
    shared: SharedAddress | None = None
    """Where each checkpoint of the folder is copied; None = nowhere."""


def new_start(config: Config, path: Place | None, weights: Place | None = None) -> Start:
    """A new run; nothing is written yet.

    Args:
        config: The run's settings.
        path: Its folder; None = a new one in ~/rl_cluster_runs, with a number if another run has the same name. A run
            with an address in shared storage has such a folder, too, and is copied from there.
        weights: Run or checkpoint folder, of either API stack, whose weights it begins with; or the word `pretrained`,
            for the policy that comes with the package.

    Raises CheckpointError if something of that name exists, or if the weights do not fit the run's network.
    """
    start = _new_place(config, path)
    if not weights:
        return start
    if str(weights) == PRETRAINED:
        return replace(start, weights=pretrained_weights(config))
    with fetched(weights) as folder:
        found = find_checkpoint(folder)
        model = load_model(Checkpoint.load(found.folder), config)
    damaged = tuple(renamed(error, weights, folder) for error in found.damaged)
    return replace(start, weights=model.state_dict(), damaged=damaged)


def _new_place(config: Config, path: Place | None) -> Start:
    if isinstance(path, SharedAddress):
        check_free(SharedFolder(path))
        return Start(local_folder(path), config, None, is_numbered=True, shared=path)
    if path and os.path.lexists(path):
        go_on = f"go on with {typed('--resume', path)}, or " if (path / "checkpoints").is_dir() else ""
        raise CheckpointError(str(path), "exists already", f"{go_on}choose another --out")
    return Start(path or default_folder("rl_cluster_runs", config.name), config, None, is_numbered=path is None)


OMIT = "omit the settings with --resume, or begin anew without it"


def check_same(config: Config | None, own_config: Config, path: Path, remedy: str = OMIT) -> None:
    """Raises ConfigError if given settings differ from those of the run or study in `path`; None = none are given."""
    if config is None or config == own_config:
        return
    key, given, own = changes_between(config, own_config)[0]
    what = f"{key}={given} is not the run's own {key}={own}"
    raise ConfigError(str(path), what, remedy)


def resumed_start(path: Place, overrides: Sequence[str] = ()) -> Start:
    """A run that resumes from its newest sound checkpoint, with the settings in its `config.yaml`.

    Args:
        path: The run's folder, or its address in shared storage, from which it is fetched into a new folder.
        overrides: Settings to change, `key=value`; `changes.py` says which may change.

    Raises:
        CheckpointError: There is no checkpoint, it does not fit its own config, the run has ended, or it is from the
            old API stack, or from a version that saved too little.
        ConfigError: An override is none, or changes what may not change.
    """
    if isinstance(path, SharedAddress):
        with fetched_run(path) as folder:
            return shared_start(path, resumed_start(folder, overrides))
    found = find_checkpoint(path)
    checkpoint = Checkpoint.load(found.folder)
    if checkpoint.config.api_stack == "old":
        what = "was trained with api_stack=old, which keeps neither its optimizer nor its worlds"
        raise CheckpointError(str(path), what, f"begin a new run with its weights: {typed('--weights', path)}")
    if checkpoint.lacks:
        what = f"was written by an older version, and cannot go on: {checkpoint.lacks}"
        raise CheckpointError(str(path), what, f"evaluate it, or begin with its weights: {typed('--weights', path)}")
    load_model(checkpoint)  # weights that do not fit are found before anything is started
    config, changes = _settings_now(path, checkpoint.config, overrides)
    if ending := ending_of(path, config, checkpoint):
        raise CheckpointError(str(path), f"has ended: {ending.what}", f"evaluate it, or {ending.remedy}")
    own = checkpoint.config
    return Start(
        path,
        config,
        fitted(checkpoint, config),
        damaged=found.damaged,
        changes=changes,
        notes=tuple(filter(None, (schedule_note(own, config), exactness_note(config)))),
    )


def shared_start(address: SharedAddress, start: Start) -> Start:
    """The start of a run that was fetched from there, and goes on being copied there."""
    damaged = tuple(renamed(error, address, start.path) for error in start.damaged)
    return replace(start, shared=address, damaged=damaged)


def _settings_now(path: Path, own: Config, overrides: Sequence[str]) -> tuple[Config, tuple[Change, ...]]:
    """The settings with which a run goes on, and how they differ from those of its checkpoint."""
    is_run = is_run_folder(path)
    where = str(path / CONFIG) if is_run else str(path)
    config = own
    if is_run:
        config = load_saved(path / CONFIG)
        check_changes(changes_between(own, config), own, config, where)
    if overrides:
        config = overridden(config, overrides, where)
        check_changes(changes_between(own, config), own, config, "--resume")
    return config, tuple(changes_between(own, config))


def ending_of(path: Path, config: Config, checkpoint: Checkpoint) -> Ending | None:
    """Why a run that goes on with these settings from its checkpoint has nothing left to do; None = it can go on."""
    training, done = config.training, checkpoint.iteration
    if done >= training.iterations:
        what = f"all {done} iterations are done"
        if done > training.iterations:
            what = f"{done} iterations are done, and training.iterations={training.iterations}"
        return Ending(what, _longer(path, config, f"training.iterations={2 * done}"))
    if checkpoint.state[ELAPSED_S] >= training.time_limit_s:
        return time_is_up(path, config, done)
    return None


def time_is_up(path: Place, config: Config, done: int) -> Ending:
    """The ending of a run that its time limit has cut after this many iterations."""
    training = config.training
    what = (
        f"training.time_limit_s={training.time_limit_s:g} has cut it after {done} of {training.iterations} iterations"
    )
    return Ending(what, _longer(path, config, f"training.time_limit_s={2 * training.time_limit_s:g}"))


def _longer(path: Place, config: Config, override: str) -> str:
    """How to make the run longer: what the user can type."""
    if config.api_stack == "old":
        return f"begin a new run with its weights: {typed('--weights', path)}"
    return f"lengthen it: {typed('rl-cluster', 'train', '--resume', path, override)}"
