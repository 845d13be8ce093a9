"""The number of a file's format, in every file that outlives a version: it says when a reader must refuse the file.

A number is raised when earlier files would be misread, or could not be read. The code that updates older data is beside
each format; for settings that is `migrations.py`.
"""

from pathlib import Path
from typing import NamedTuple

__all__ = ["FORMAT_KEY", "Refusal", "is_saved", "refusal"]

FORMAT_KEY = "format"
"""Key of the number, in files of plain data."""
SAVED = {
    "config.yaml": ("metrics.jsonl", "manifest.json"),
    "study.yaml": ("trials.jsonl",),
    "best.yaml": ("trials.jsonl",),
}
"""Name of a file of settings that a run, a checkpoint or a study writes -> what stands beside it there."""


class Refusal(NamedTuple):
    """Why a file is not read, and what to do; the parts of an error's message."""

    what: str
    remedy: str


def refusal(number: object, newest: int) -> Refusal | None:
    """Why a file is not read; None = its number is one from 1 to the newest.

    Args:
        number: What the file has as its number.
        newest: The highest that the reader knows.
    """
    if type(number) is not int or number < 1:
        return Refusal(
            f"has format {str(number)[:20]!a}, which is no format's number", f"give a number from 1 to {newest}"
        )
    if number > newest:
        what = (
            f"was written by a newer version of rl_cluster (format {str(number)[:20]}; this one reads up to {newest})"
        )
        return Refusal(what, "install that version or newer")
    return None


def is_saved(path: Path) -> bool:
    """True = a run, a checkpoint or a study has written this file of settings: it lies where they keep theirs."""
    return any((path.parent / name).is_file() for name in SAVED.get(path.name, ()))
