"""The copy of a run in an object store, brought up to date after each checkpoint.

A store cannot rename, so a checkpoint there exists when its manifest does: the manifest is written last and deleted
first, and its hashes seal the other files. The layout is that of a run folder. An object `owner.json` names the one
trainer that may write: the latest to claim the place. `fetched_run.py` reads what is written here.
"""

import json
import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from rl_cluster.errors import CheckpointError, typed
from rl_cluster.training.checkpoints.sealed_folder import MANIFEST, Damage, read_sealed
from rl_cluster.training.checkpoints.store import iteration_of
from rl_cluster.training.files.run_names import CHANGES, CHECKPOINTS, CONFIG, METRICS
from rl_cluster.training.files.shared_storage import SharedFolder
from rl_cluster.training.files.status import STATUS

__all__ = ["COPIED", "OWNER", "RunMirror", "TakenOver", "check_free", "shared_checkpoints", "whole_checkpoints"]

OWNER = "owner.json"
FORMAT = 1
MAX_OWNER_BYTES = 1 << 12
COPIED = (CONFIG, CHANGES, METRICS, STATUS)
"""Files of a run folder that are copied beside the checkpoints."""


class TakenOver(CheckpointError):  # noqa: N818  what has happened, not a mistake
    """Another trainer has claimed the place: this one must write nothing more there."""


class RunMirror:
    """Copies one run folder to its place in a store.

    Args:
        store: The place.
        folder: The run folder.
        keep: How many checkpoints are kept.
        is_new: True = the place must be empty when it is claimed; False = the run has been there before.
    """

    def __init__(self, store: SharedFolder, folder: Path, keep: int, *, is_new: bool) -> None:
        self._store, self._folder, self._keep, self._is_new = store, folder, keep, is_new
        token = secrets.token_hex(16)
        self._owner = json.dumps({"format": FORMAT, "trainer": token}).encode()
        self._is_claimed = False

    def claim(self) -> None:
        """Makes this trainer the one that writes there, unless it is already. An earlier one notices, and ends.

        Raises:
            TakenOver: This trainer was the one, and another has come after it.
            CheckpointError: A new run's place is no longer empty, or the store fails.
        """
        if not self._is_claimed and self._is_new:
            check_free(self._store)
        owner = self._store.read(OWNER, MAX_OWNER_BYTES) if self._is_claimed else None
        if owner is None:
            self._store.write(OWNER, self._owner)
            self._is_claimed = True
        elif owner != self._owner:
            what = f"another trainer writes there now; this run is whole in {typed(self._folder)}"
            remedy = "end one of the two; the other goes on with --resume"
            raise TakenOver(str(self._store.address), what, remedy)

    def upload(self, checkpoint: Path) -> None:
        """Copies the run with this checkpoint of it, then deletes what is no longer kept.

        Raises TakenOver or CheckpointError; the checkpoints that are there stay whole.
        """
        self.claim()
        try:
            files = read_sealed(checkpoint)
        except Damage as damage:
            raise CheckpointError(str(damage.where), damage.what, "look into the disk of this machine") from damage
        name = f"{CHECKPOINTS}/{checkpoint.name}"
        self._store.delete(f"{name}/{MANIFEST}")  # one of the same name, of a future that the run has left
        for file, content in files.items():
            self._write(f"{name}/{file}", content)
        for file in COPIED:
            if (self._folder / file).is_file():
                self._write(file, (self._folder / file).read_bytes())
        self.claim()
        self._write(f"{name}/{MANIFEST}", (checkpoint / MANIFEST).read_bytes())
        self._prune(checkpoint)

    def abandon(self) -> None:
        """Deletes what this trainer has begun to write, unless the store fails, or somebody else has the place."""
        with suppress(CheckpointError):
            if self._is_claimed and self._store.read(OWNER, MAX_OWNER_BYTES) == self._owner:
                self._store.delete_folder("")

    def _write(self, name: str, content: bytes) -> None:
        """Writes an object, and reads it back."""
        self._store.write(name, content)
        if self._store.read(name, len(content) + 1) != content:
            what = f"{name} is not what was written when it is read back"
            raise CheckpointError(
                str(self._store.address), what, "see that nobody else writes there, or look into the store"
            )

    def _prune(self, checkpoint: Path) -> None:
        """Deletes older checkpoints but the newest, later ones of a future that the run left, and torn ones."""
        num_kept, newest = 0, iteration_of(checkpoint)
        for name in shared_checkpoints(self._store, CHECKPOINTS):
            iteration, is_whole = iteration_of(Path(name)), MANIFEST in self._store.list(name)
            if (
                is_whole
                and iteration is not None
                and newest is not None
                and iteration <= newest
                and num_kept < self._keep
            ):
                num_kept += 1
            else:
                self._store.delete(f"{name}/{MANIFEST}")
                self._store.delete_folder(name)


def check_free(store: SharedFolder) -> None:
    """Raises CheckpointError if anything is in the place of a new run, or if the store cannot say."""
    if store.exists():
        is_run = bool(store.list(CHECKPOINTS))
        go_on = f"go on with {typed('--resume', str(store.address))}, or " if is_run else ""
        raise CheckpointError(str(store.address), "exists already", f"{go_on}choose another --out")


def shared_checkpoints(store: SharedFolder, folder: str) -> list[str]:
    """Names of the checkpoints in a folder of a store, whole or torn, newest first."""
    return [f"{folder}/{name}" if folder else name for _, name in sorted(_numbered(store.list(folder)), reverse=True)]


def whole_checkpoints(store: SharedFolder, folder: str = CHECKPOINTS) -> list[str]:
    """Names of the checkpoints whose manifest is there, newest first."""
    return [name for name in shared_checkpoints(store, folder) if MANIFEST in store.list(name)]


def _numbered(found: dict[str, int | None]) -> Iterator[tuple[int, str]]:
    for name, num_bytes in found.items():
        iteration = iteration_of(Path("/", name)) if "/" not in name else None
        if num_bytes is None and iteration is not None:
            yield iteration, name
