"""The checkpoints that lie side by side in a run: their names and order, which are sound, and which may go.

What is in one of them is known to `checkpoint.py` alone.
"""

import re
from pathlib import Path

from rl_cluster.training.sealed_folder import MANIFEST, Damage, read_sealed, remove_leftovers, remove_sealed

__all__ = ["checkpoint_name", "is_checkpoint", "list_checkpoints", "older_sound_checkpoint", "prune_checkpoints"]

FOLDER_NAME = re.compile(r"checkpoint-([0-9]{6,12})")


def checkpoint_name(iteration: int) -> str:
    """Name of the folder of an iteration's checkpoint."""
    return f"checkpoint-{iteration:06d}"


def is_checkpoint(folder: Path) -> bool:
    """True = the folder is meant to be a checkpoint, by its name or by what it holds, sound or not."""
    return _iteration(folder) is not None or (folder / MANIFEST).is_file()


def list_checkpoints(checkpoints: Path) -> list[Path]:
    """The checkpoint folders in a folder, newest first; links are passed over."""
    return [folder for _, folder in _list_numbered(checkpoints)]


def older_sound_checkpoint(folder: Path) -> Path | None:
    """The newest sound checkpoint beside a checkpoint folder that is older than it; None if there is none."""
    iteration = _iteration(folder)
    if iteration is None:
        return None
    for older, path in _list_numbered(folder.absolute().parent):
        if older < iteration and _is_sound(path):
            return folder.parent / path.name
    return None


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
        if (iteration := _iteration(path)) is not None and path.is_dir() and not path.is_symlink()
    ]
    return sorted(found, reverse=True)


def _iteration(folder: Path) -> int | None:
    match = FOLDER_NAME.fullmatch(folder.absolute().name)
    return int(match[1]) if match else None


def _is_sound(folder: Path) -> bool:
    try:
        read_sealed(folder)
    except Damage:
        return False
    return True
