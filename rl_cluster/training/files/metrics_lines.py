"""The lines of RUN/metrics.jsonl: which are sound, and which belong to the past of a resumed run.

Every reader uses this module. A line is a JSON object with its `iteration`, finite numbers by name, and perhaps
`events`; iterations increase. Anything else is damaged, and is skipped.
"""

import json
import math
import os
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from io import FileIO
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from rl_cluster.training.events import events_from_json

__all__ = ["EVENTS", "Sorted", "parse_line", "read_metrics", "sort_lines"]

EVENTS = "events"
MAX_LINE_BYTES = 1 << 20
MAX_ITERATION = 10**12


class Sorted(NamedTuple):
    """The lines of a file for a run that resumes from an iteration; spans are (first byte, number of bytes)."""

    kept: list[tuple[int, int]]
    """sound lines up to that iteration"""
    damaged: list[tuple[int, int]]
    """lines that are not sound, and not from the future that is dropped"""
    damaged_numbers: list[int]
    """numbers of the damaged lines, from 1"""


def parse_line(line: bytes) -> dict[str, Any] | None:
    """The content of a line, with its events as records; None if it is not sound."""
    try:
        data = json.loads(line) if line.endswith(b"\n") and len(line) <= MAX_LINE_BYTES else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict):
        return None
    iteration = data.get("iteration")
    if type(iteration) is not int or not 0 < iteration <= MAX_ITERATION:
        return None
    try:
        told = {EVENTS: events_from_json(data[EVENTS])} if EVENTS in data else {}
    except (ValueError, RecursionError):
        return None
    return data | told if all(_is_number(value) for name, value in data.items() if name != EVENTS) else None


def _is_number(value: object) -> bool:
    try:
        return type(value) in {int, float} and math.isfinite(value)  # type: ignore[arg-type]  # it is a number here
    except OverflowError:  # an integer that is too large for a float
        return False


def read_metrics(path: Path) -> Iterator[dict[str, Any]]:
    """The sound lines of a file; empty if there is no file. Raises OSError if it cannot be read."""
    if path.is_file():
        with path.open("rb") as file:
            for line in _lines(file):
                if data := parse_line(line):
                    yield data


def sort_lines(file: FileIO, iteration: int) -> Sorted:
    """Separates the lines up to `iteration` from later ones, which the run drops, and from damaged ones.

    If iterations do not increase, as few lines as possible count as damaged.
    """
    spans: list[tuple[int, int]] = []
    found: list[int] = []  # iteration of each line; 0 if it is not sound
    begin, is_torn = 0, False
    file.seek(0)
    with os.fdopen(os.dup(file.fileno()), "rb") as buffered:
        for line in _lines(buffered):
            data = parse_line(line)
            spans.append((begin, len(line)))
            found.append(data["iteration"] if data else 0)
            begin, is_torn = begin + len(line), not line.endswith(b"\n")
    sound = [index for index, number in enumerate(found) if number]
    rising = {sound[place] for place in _longest_rising([found[index] for index in sound])}
    future = min((index for index in rising if found[index] > iteration), default=len(found))
    kept = [index for index in sorted(rising) if index < future]
    damaged = [index for index in range(future) if index not in rising]
    if is_torn and damaged and damaged[-1] == len(found) - 1 and kept and found[kept[-1]] == iteration:
        damaged.pop()  # the beginning of a later line that a kill has cut off
    return Sorted([spans[i] for i in kept], [spans[i] for i in damaged], [i + 1 for i in damaged])


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Yields lines, and lines longer than any sound one in parts."""
    while line := file.readline(MAX_LINE_BYTES + 1):
        yield line


def _longest_rising(numbers: Sequence[int]) -> list[int]:
    """Indices of a longest strictly increasing subsequence."""
    ends: list[int] = []  # the least last number of the increasing subsequences of each length, and its index
    at: list[int] = []
    before: list[int] = []
    for index, number in enumerate(numbers):
        length = bisect_left(ends, number)
        before.append(at[length - 1] if length else -1)
        ends[length : length + 1] = [number]
        at[length : length + 1] = [index]
    chosen = []
    index = at[-1] if at else -1
    while index >= 0:
        chosen.append(index)
        index = before[index]
    return chosen[::-1]
