"""STUDY/trials.jsonl: what a study has done, a line for each round of a trial. A study resumes from this file alone.

The first line holds the number of the format. Lines are only added, by the one process that runs the study, which holds
a lock on the file. Nothing in it can run code; every line is checked against the study before any is used.
"""

import fcntl
import json
import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from rl_cluster.config.formats import FORMAT_KEY, refusal
from rl_cluster.config.json_file import parse_json
from rl_cluster.config.schema import Config
from rl_cluster.errors import CheckpointError, ConfigError
from rl_cluster.tune.entry import Entry, check_entry, format_entry, parse_entry, within_ranges
from rl_cluster.tune.search_space import study_of

__all__ = ["JOURNAL", "Journal", "ended_trials", "format_header", "num_rounds", "read_entries"]

JOURNAL = "trials.jsonl"
FORMAT = 1
"""Raised when lines change their meaning; files of newer formats are refused."""
MAX_BYTES, MAX_LINE_BYTES = 256 << 20, 64 << 10

logger = logging.getLogger(__name__)


def num_rounds(config: Config) -> int:
    """Rounds of a trial that is not ended early."""
    return config.training.iterations // config.training.evaluate_every


def format_header() -> bytes:
    """The first line."""
    return json.dumps({FORMAT_KEY: FORMAT}).encode() + b"\n"


def read_entries(path: Path, config: Config) -> list[Entry]:
    """All entries in the order in which they were written. A last line without a newline is incomplete, and is skipped.

    Raises CheckpointError if it is not a plain file, is too large, or has a line that does not belong to this study.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        what = "is a link" if path.is_symlink() else f"cannot be read: {error.strerror}"
        raise CheckpointError(str(path), what, "name the folder of a study, as it was written") from None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_BYTES:
        os.close(descriptor)
        what = f"is no plain file of at most {MAX_BYTES >> 20} MiB"
        raise CheckpointError(str(path), what, "name the folder of a study, as it was written")
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor
        lines = iter(lambda: file.readline(MAX_LINE_BYTES), b"")
        _check_header(next(lines, b""), path)
        return list(_entries(lines, path, config))


def ended_trials(path: Path, config: Config) -> set[str]:
    """The trials and tests that are not run again when the study goes on. Raises as `read_entries`."""
    last = {entry.trial: entry for entry in read_entries(path, config)}
    return {name for name, entry in last.items() if entry.status == "ended"}


def _check_header(line: bytes, path: Path) -> None:
    where = f"{path} line 1"
    try:
        data = parse_json(line.decode(), where)
    except (ConfigError, UnicodeDecodeError):
        data = None
    if not isinstance(data, dict) or FORMAT_KEY not in data:
        raise CheckpointError(where, "does not tell the format", "name the folder of a study, as it was written")
    if fault := refusal(data[FORMAT_KEY], FORMAT):
        raise CheckpointError(where, *fault)
    if data.keys() != {FORMAT_KEY}:
        raise CheckpointError(where, "says more than the format", "name the folder of a study, as it was written")


def _entries(lines: Iterator[bytes], path: Path, config: Config) -> Iterator[Entry]:
    study, most = study_of(config), num_rounds(config)
    for number, line in enumerate(lines, start=2):
        if not line.endswith(b"\n") and len(line) < MAX_LINE_BYTES:
            return
        where, remedy = f"{path} line {number}", "delete that line: its trial goes on from the line before it"
        try:
            entry = parse_entry(line.decode(), where, remedy)
        except UnicodeDecodeError:
            raise CheckpointError(where, "is not UTF-8", remedy) from None
        check_entry(entry, study, most, where, remedy)
        yield within_ranges(entry, study)


class Journal:
    """The file, open for adding lines. Use it in a `with`.

    Attributes:
        last: Trial -> its last entry.
    """

    def __init__(self, path: Path, config: Config) -> None:
        """Opens the journal of a study. Raises CheckpointError if it cannot be used, or if another process uses it."""
        self.path = path
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            what = f"cannot be written: {error.strerror}"
            raise CheckpointError(str(path), what, "make it writable, or copy the study elsewhere") from None
        try:
            self._lock()
            self.entries = read_entries(path, config)
            self._drop_torn_line()
        except BaseException:
            os.close(self._descriptor)
            raise
        self.last = {entry.trial: entry for entry in self.entries}
        self._unwritten = b""

    def _lock(self) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            what, remedy = "is being written by another process", "wait for it, or end it"
            raise CheckpointError(str(self.path), what, remedy) from None

    def _drop_torn_line(self) -> None:
        size = os.fstat(self._descriptor).st_size
        tail = os.pread(self._descriptor, MAX_LINE_BYTES, max(0, size - MAX_LINE_BYTES))
        os.truncate(self._descriptor, size - (len(tail) - tail.rfind(b"\n") - 1))

    def note(self, entry: Entry) -> None:
        """Adds an entry. While the disk is full, lines wait in memory, and are written with a later line."""
        self.last[entry.trial] = entry
        self._unwritten += format_entry(entry)
        end = os.fstat(self._descriptor).st_size
        try:
            num_written = os.write(self._descriptor, self._unwritten)
        except OSError as error:
            logger.warning("%s cannot be written: %s; its lines wait for room", self.path, error.strerror)
            return
        if num_written == len(self._unwritten):
            self._unwritten = b""
        else:
            os.truncate(self._descriptor, end)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)
