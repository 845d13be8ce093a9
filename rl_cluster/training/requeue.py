"""A run that a scheduler restarts with the same command. The run's folder says whether it begins, resumes or has ended.

SLURM requeues a preempted job, KubeRay a failed one, and Docker restarts a container; none changes the command.
"""

import fcntl
import itertools
import shutil
from pathlib import Path

from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.config.shared_address import Place, SharedAddress
from rl_cluster.errors import CheckpointError, ConfigError
from rl_cluster.training.checkpoints.checkpoint import Checkpoint, find_checkpoint
from rl_cluster.training.checkpoints.store import list_checkpoints
from rl_cluster.training.files.fetched_run import fetched_run
from rl_cluster.training.files.run_mirror import OWNER, whole_checkpoints
from rl_cluster.training.files.run_names import CHECKPOINTS, CONFIG, METRICS
from rl_cluster.training.files.shared_storage import SharedFolder
from rl_cluster.training.start import Start, check_same, ending_of, new_start, resumed_start, shared_start

__all__ = ["resume_or_start"]


def resume_or_start(config: Config, path: Place, weights: Place | None = None) -> Start | None:
    """A new run if there is nothing in its place, else the existing run; None = that run has ended.

    A run that was killed before its first checkpoint has nothing to resume from: its folder gets another name, and the
    run starts again.

    Args:
        config: The run's settings, as given the first time.
        path: Its folder, or its address in shared storage.
        weights: What a new run begins with, as in `new_start`; a resumed run has its own.

    Raises:
        CheckpointError: Something else has the folder's name, another trainer is writing there, no checkpoint is sound,
            or the run cannot be resumed.
        ConfigError: The existing run has other settings.
    """
    if isinstance(path, SharedAddress):
        return _shared(config, path, weights)
    if not path.exists() and not path.is_symlink():
        return new_start(config, path, weights)
    if not (path / CONFIG).is_file() or not (path / METRICS).is_file():
        what = "exists already, and is no run folder"
        raise CheckpointError(str(path), what, "name the folder of a run, or one that does not exist yet")
    try:
        check_same(config, load_config(str(path / CONFIG)), path)
    except ConfigError as error:
        raise ConfigError(error.where, error.what, "give the run's own settings, or another folder") from None
    checkpoints = path / CHECKPOINTS
    if not (checkpoints.is_dir() and list_checkpoints(checkpoints)):
        _set_aside(path)
        return new_start(config, path, weights)
    if ending_of(path, config, Checkpoint.load(find_checkpoint(path).folder)):
        return None
    return resumed_start(path)


def _shared(config: Config, address: SharedAddress, weights: Place | None) -> Start | None:
    store = SharedFolder(address)
    if store.exists() and not whole_checkpoints(store) and OWNER in store.list(""):
        store.delete_folder("")  # what a run leaves that was killed before its first checkpoint was whole
    if not store.exists():
        return new_start(config, address, weights)
    with fetched_run(address) as folder:
        start = resume_or_start(config, folder, weights)
        if start:
            return shared_start(address, start)
    shutil.rmtree(folder, ignore_errors=True)
    return None


def _set_aside(path: Path) -> None:
    """Gives the folder an unused name, unless a trainer is writing in it."""
    try:
        with (path / METRICS).open("rb") as metrics:
            fcntl.flock(metrics, fcntl.LOCK_EX | fcntl.LOCK_NB)
            names = (path.with_name(f"{path.name}.unsaved-{number}") for number in itertools.count(1))
            path.rename(next(name for name in names if not name.exists() and not name.is_symlink()))
    except BlockingIOError:
        what = "is being written by another trainer"
        raise CheckpointError(str(path), what, "wait for it, end it, or choose another folder") from None
    except OSError as error:
        what = f"holds no checkpoint, and cannot be renamed ({error.strerror})"
        raise CheckpointError(str(path), what, "make its parent folder writable, or choose another") from None
