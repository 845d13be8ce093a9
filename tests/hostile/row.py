"""One bad input: a command line, the files that it finds, and the one line with which it must end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

__all__ = ["FIFO", "FOLDER", "File", "Link", "Row"]


class Link(NamedTuple):
    """A symbolic link."""

    target: str
    """placeholders are filled in, as in words"""


class _Special(NamedTuple):
    name: str


FOLDER, FIFO = _Special("folder"), _Special("fifo")
"""An empty folder; a named pipe that nobody writes to."""

File = str | bytes | Link | _Special | None
"""What stands under a name: text, bytes, or something that is no file. None is a folder, too."""


@dataclass(frozen=True)
class Row:
    """A bad input.

    In words, in targets of links and in the environment these are filled in: `{run}`, a finished run of task `allocate`
    with two checkpoints; `{cwd}`, the row's own folder; `{home}`, an empty home; `{silent_port}`, a port of loopback
    where somebody listens and never answers; `{closed_port}`, one where nobody does.
    """

    words: Sequence[str]
    """What follows `rl-cluster`."""
    line: str
    """A regular expression that the line on stderr matches somewhere, after `error: `."""
    files: Mapping[str, File] = field(default_factory=dict)
    """Path, relative to the row's folder -> content. `run/..` changes the copy of the run."""
    exit_code: int = 2
    stdin: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    """Variables that are set besides, or unset by an empty value."""
