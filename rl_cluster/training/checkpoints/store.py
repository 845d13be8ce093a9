"""The checkpoints side by side in a run: their names and order, which are sound, and which may be deleted.

Only `checkpoint.py` knows their content.
"""

import re
from pathlib import Path

from rl_cluster.errors import CheckpointError
from rl_cluster.training.checkpoints.sealed_folder import MANIFEST, remove_leftovers, remove_sealed

__all__ = [
    "check_folder",
    "checkpoint_name",
    "is_checkpoint",
    "iteration_of",
    "list_checkpoints",
    "older_checkpoints",
    "prune_checkpoints",
]

FOLDER_NAME = re.compile(r"checkpoint-([0-9]{6,12})")


def check_folder(path: Path) -> None:
    """Raises CheckpointError if a run or checkpoint that is to be read is no folder."""
    if not path.is_dir():
        what = "is not a folder" if path.exists() else "does not exist"
        raise CheckpointError(str(path), what, "name a run folder or a checkpoint folder")


def checkpoint_name(iteration: int) -> str:
    """Name of the folder of an iteration's checkpoint."""
    return f"checkpoint-{iteration:06d}"


def is_checkpoint(folder: Path) -> bool:
    """True = the folder's name or content shows that it is meant to be a checkpoint, sound or not."""
    return iteration_of(folder) is not None or (folder / MANIFEST).is_file()


def list_checkpoints(checkpoints: Path) -> list[Path]:
    """The checkpoint folders in a folder, newest first; links are skipped."""
    return [folder for _, folder in _list_numbered(checkpoints)]


def older_checkpoints(folder: Path) -> list[Path]:
    """The checkpoints beside a checkpoint folder that are older than it, newest first."""
    iteration = iteration_of(folder)
    if iteration is None:
        return []
    beside = _list_numbered(folder.absolute().parent)
    return [folder.parent / path.name for older, path in beside if older < iteration]


def iteration_of(folder: Path) -> int | None:
    """The iteration in a folder's name; None = it is not a checkpoint's name."""
    match = FOLDER_NAME.fullmatch(folder.absolute().name)
    return int(match[1]) if match else None


def prune_checkpoints(checkpoints: Path, iteration: int, keep: int) -> None:
    """Deletes all but the `keep` newest up to `iteration`, and what killed writers left behind."""
    num_kept = 0
    for other, folder in _list_numbered(checkpoints):
        if other <= iteration and num_kept < keep:
            num_kept += 1
        else:
            remove_sealed(folder)
    remove_leftovers(checkpoints)


def _list_numbered(checkpoints: Path) -> list[tuple[int, Path]]:
    found = [
        (iteration, path)
        for path in checkpoints.iterdir()
        if (iteration := iteration_of(path)) is not None and path.is_dir() and not path.is_symlink()
    ]
    return sorted(found, reverse=True)
