"""Files that commands write for the user: complete or not at all, and refused before the work begins if impossible.

This module decides for every command what may be written: a new file or a regular one, but nothing that a command
reads, nothing that a run or a study has written for itself, and nothing of this package. `-` is standard output.
"""

import os
import stat
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO

import rl_cluster
from rl_cluster.config.scratch import scratch_file
from rl_cluster.config.whole_file import whole_file
from rl_cluster.errors import ConfigError
from rl_cluster.training.checkpoints.store import is_checkpoint
from rl_cluster.training.files.run_names import CHECKPOINTS, OWN_NAMES, is_run_folder

__all__ = ["check_new_folder", "check_output", "is_stdout", "output_file", "write_output", "write_outputs", "write_own"]

STREAMS = {"-": 1, **{f"{folder}/{number}": number for folder in ("/dev/fd", "/proc/self/fd") for number in (1, 2)}}
STREAMS |= {"/dev/stdout": 1, "/dev/stderr": 2}
STUDY, STUDY_PARTS = "study.yaml", ("search", "trials", "trials.json", "trials.jsonl", "study.json")


def is_stdout(path: Path | None) -> bool:
    """Whether the path stands for standard output. All else that a command prints then belongs on stderr."""
    return path is not None and STREAMS.get(str(path)) == 1


def check_output(path: Path, others: Sequence[Path] = ()) -> None:
    """Raises ConfigError if no file can be written there, or if something of value would be lost.

    A regular file that exists will be replaced, but none of `others`.

    Args:
        path: The file to be written.
        others: What the same command reads, or writes beside it.
    """
    try:
        if str(path) not in STREAMS:
            _check_kind(path)
        if any(_is_same(path, other) for other in others):
            what = "is also read, or written by another option"
            raise ConfigError(str(path), what, "name a file of its own, so that nothing is lost")
        if str(path) not in STREAMS:
            _check_folder(path)
            _check_place(path)
            with scratch_file(path.absolute().parent):  # some folders claim to be writable, but are not
                pass
    except OSError as fault:
        raise _refusal(path, fault) from None


def check_new_folder(path: Path) -> None:
    """Raises ConfigError if a folder would be where a run, a study or this package keeps its own files."""
    try:
        _check_place(path)
    except OSError as fault:
        raise _refusal(path, fault) from None


def _check_kind(path: Path) -> None:
    if path.is_dir():
        raise ConfigError(str(path), "is a folder", "name a file")
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):
        raise ConfigError(str(path), "is a device, a pipe or a socket", "name a regular file, or - for standard output")


def _check_folder(path: Path) -> None:
    folder = path.absolute().parent
    if not folder.is_dir():
        raise ConfigError(str(path), "lies in a folder that does not exist", "make the folder first")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(str(path), "lies in a folder that cannot be written", "choose another folder")


def _check_place(path: Path) -> None:
    """Refuses to replace anything that the user has not made, whether or not this command reads it."""
    folder = path.absolute().parent.resolve()
    above = (folder, *folder.parents)
    owner = ""
    if any(is_checkpoint(one) or (one.name == CHECKPOINTS and is_run_folder(one.parent)) for one in above):
        owner = "the checkpoints of a run"
    elif (is_run_folder(folder) or (folder / CHECKPOINTS).is_dir()) and path.name in OWN_NAMES:
        owner = "a run, which has written it"
    elif any(_is_study(one) and (one != folder or os.path.lexists(path)) for one in above):
        owner = "a study"
    elif Path(rl_cluster.__file__).resolve().parent in above:
        owner = "this package"
    if owner:
        raise ConfigError(str(path), f"belongs to {owner}", "name a place elsewhere, so that nothing is lost")


def _is_study(folder: Path) -> bool:
    """Whether it is a study's folder. Settings alone may be the user's own file of that name."""
    return (folder / STUDY).is_file() and any((folder / name).exists() for name in STUDY_PARTS)


@contextmanager
def output_file(path: Path) -> Iterator[TextIO]:
    """A text file that gets its name only when it is complete; an error on the way leaves nothing behind.

    Raises ConfigError if it cannot be written, even at the end: the disk may be full.
    """
    number = STREAMS.get(str(path))
    if number:
        stream = sys.stdout if number == 1 else sys.stderr
        yield stream
        stream.flush()
        return
    with _whole(path) as beside, beside.open("w", encoding="utf-8") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def write_output(path: Path, content: bytes) -> None:
    """Writes bytes as `output_file` writes text. Raises ConfigError if the file cannot be written."""
    number = STREAMS.get(str(path))
    if number:
        stream = sys.stdout if number == 1 else sys.stderr
        stream.flush()
        stream.buffer.write(content)
        stream.flush()
    else:
        write_outputs({path: content})


def write_outputs(files: Mapping[Path, bytes]) -> None:
    """Writes several files, all or none: no file gets its name before the content of each is on the disk.

    Raises ConfigError if one of them cannot be written.
    """
    with ExitStack() as all_of_them:
        for path, content in files.items():
            beside = all_of_them.enter_context(_whole(path))
            with beside.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())


def write_own(path: Path, content: bytes) -> None:
    """Writes a file in a folder that this command made or resumes: a run's picture, a study's result.

    The file is complete or absent; an existing one is replaced. Raises ConfigError if it cannot be written.
    """
    with _beside(path) as beside:
        beside.write_bytes(content)


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """A temporary file beside the file, which gets its name at the end. Raises ConfigError if that is not allowed."""
    check_output(path)
    with _beside(path) as beside:
        yield beside


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    try:
        with whole_file(path) as beside:
            yield beside
    except OSError as fault:
        if fault.filename is not None and Path(fault.filename).parent != path.parent:
            raise
        raise _refusal(path, fault) from None


def _refusal(path: Path, fault: OSError) -> ConfigError:
    return ConfigError(str(path)[:200], f"cannot be written ({fault.strerror})", "choose another place")


def _is_same(path: Path, other: Path) -> bool:
    number = STREAMS.get(str(path))
    if number:
        return STREAMS.get(str(other)) == number
    try:
        return path.samefile(other)
    except OSError:  # one of the two does not exist
        return path.absolute() == other.absolute()
