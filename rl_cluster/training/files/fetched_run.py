"""Copies of a run, or of its newest sound checkpoint, from an object store to this machine.

A checkpoint without its manifest is torn, and is not fetched. Whether the files of the others are as they were written
is for `find_checkpoint` to say, which passes over damaged ones; what it says is told with the address in place of the
copy's folder.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from rl_cluster.config.shared_address import Place, SharedAddress
from rl_cluster.errors import CheckpointError, RlClusterError
from rl_cluster.training.checkpoints.checkpoint import find_checkpoint
from rl_cluster.training.checkpoints.files import FILES
from rl_cluster.training.checkpoints.sealed_folder import MANIFEST
from rl_cluster.training.checkpoints.store import iteration_of
from rl_cluster.training.files.new_folder import default_folder, make_folder
from rl_cluster.training.files.run_mirror import COPIED, whole_checkpoints
from rl_cluster.training.files.run_names import CHECKPOINTS, CONFIG, METRICS
from rl_cluster.training.files.shared_storage import SharedFolder

__all__ = ["fetched", "fetched_run", "local_folder", "renamed"]

REMEDY = "make room, or export HOME=DIR with a folder that can be written"
ErrorT = TypeVar("ErrorT", bound=RlClusterError)


def local_folder(address: SharedAddress) -> Path:
    """Where a run of that address lies on this machine. Raises ConfigError if this user has no home."""
    return default_folder("rl_cluster_runs", address.name, REMEDY)


@contextmanager
def fetched(place: Place) -> Iterator[Path]:
    """A path as it is; of an address, a temporary folder with the newest sound checkpoint that lies there.

    Errors inside the block name the address. Raises CheckpointError if it holds no checkpoint, or none that is sound.
    """
    if isinstance(place, Path):
        yield place
        return
    with TemporaryDirectory(prefix="rl-cluster-fetched-") as parent:
        folder = Path(parent, place.name)
        with _named(place, folder):
            folder.mkdir()
            _fetch_checkpoints(SharedFolder(place), folder)
            yield folder


@contextmanager
def fetched_run(address: SharedAddress) -> Iterator[Path]:
    """A new run folder in ~/rl_cluster_runs with the run that lies there, and its newest sound checkpoint.

    Errors inside the block name the address, and delete the folder. Raises CheckpointError if no run can be fetched.
    """

    def fill(beside: Path) -> None:
        store = SharedFolder(address)
        if not {CONFIG, METRICS} <= store.list("").keys():
            what = f"is no run: it has no {CONFIG} or no {METRICS}" if store.exists() else "does not exist"
            raise CheckpointError(str(address), what, "name the address that was given to --out")
        with _named(address, beside):
            for name in COPIED:
                store.download(name, beside / name)
            _fetch_checkpoints(store, beside)

    path, _ = make_folder(local_folder(address), fill, is_numbered=True, remedy=REMEDY)
    try:
        with _named(address, path):
            yield path
    except BaseException:
        shutil.rmtree(path, ignore_errors=True)
        raise


def renamed(error: ErrorT, place: Place, folder: Path) -> ErrorT:
    """The error, with the place in place of the folder to which it was fetched."""
    parts = (part.replace(str(folder), str(place)) for part in (error.where, error.what, error.remedy))
    return type(error)(*parts)


@contextmanager
def _named(address: SharedAddress, folder: Path) -> Iterator[None]:
    try:
        yield
    except RlClusterError as error:
        raise renamed(error, address, folder) from error


def _fetch_checkpoints(store: SharedFolder, folder: Path) -> None:
    """Fetches the newest checkpoint, and the older ones if that is not sound."""
    names = store.list("")
    if MANIFEST in names or iteration_of(Path("/", store.address.name)) is not None:
        _fetch_checkpoint(store, "", folder)
        return
    within = CHECKPOINTS if CHECKPOINTS in names else ""
    whole = whole_checkpoints(store, within)
    if not whole:
        what = "holds no checkpoint" if names or store.exists() else "does not exist"
        remedy = "name the address of a run or checkpoint; a run that ended before its first checkpoint starts again"
        raise CheckpointError(str(store.address), what, remedy)
    for number, name in enumerate(whole):
        if number == 0 or not _is_sound(folder):
            place = folder / CHECKPOINTS / Path(name).name
            place.mkdir(parents=True)
            _fetch_checkpoint(store, name, place)


def _fetch_checkpoint(store: SharedFolder, name: str, folder: Path) -> None:
    """Copies the files that are known; what else lies there is not a checkpoint's."""
    for file in (*FILES, MANIFEST):
        store.download(f"{name}/{file}" if name else file, folder / file)


def _is_sound(folder: Path) -> bool:
    try:
        find_checkpoint(folder)
    except CheckpointError:
        return False
    return True
