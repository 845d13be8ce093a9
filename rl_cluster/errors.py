"""The errors that a user can cause, as one tree.

    RlClusterError
    |-- ConfigError       a preset, a file or a key=value override
    |-- ScenarioError     a scenario file
    |-- CheckpointError   a checkpoint or run folder
    |-- ClusterError      an address that does not answer, a cluster that is too small
    `-- CallError         a call of an environment; also a ValueError, as its libraries expect

Every message reads `<where>: <what is wrong>; <what to do>`. The command line prints it after `error: ` and
exits with code 2. A bug in this package fails an `assert`; it never raises one of these. `typed` writes the commands
that a message suggests, so that they can be pasted into a shell. `counted` writes a number of things.
"""

import shlex
from pathlib import Path

__all__ = [
    "CallError",
    "CheckpointError",
    "ClusterError",
    "ConfigError",
    "RlClusterError",
    "ScenarioError",
    "counted",
    "typed",
]


def counted(number: int, noun: str) -> str:
    """`1 target`, `2 targets`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def typed(*words: object) -> str:
    """Words of a command line, quoted as a shell wants them; a path that looks like an option becomes ./-path.

    Args:
        words: Texts, paths, and what else is typed as it prints itself, such as an address in shared storage.
    """
    return shlex.join(f"./{word}" if isinstance(word, Path) and str(word)[0] == "-" else str(word) for word in words)


class RlClusterError(Exception):
    """Base of every error that a user can fix."""

    def __init__(self, where: str, what: str, remedy: str) -> None:
        self.where, self.what, self.remedy = where, what, remedy
        super().__init__(f"{where}: {what}; {remedy}")

    def __reduce__(self) -> tuple[type["RlClusterError"], tuple[str, str, str]]:
        """Rebuild from the three parts, so that the error crosses process borders unchanged."""
        return type(self), (self.where, self.what, self.remedy)


class ConfigError(RlClusterError):
    """A preset, a config file or an override is unusable."""


class ScenarioError(RlClusterError):
    """A scenario file is unusable."""


class CheckpointError(RlClusterError):
    """A checkpoint or a run folder is missing, damaged or in the way."""


class ClusterError(RlClusterError):
    """A Ray cluster does not answer, or cannot hold what was asked for."""


class CallError(RlClusterError, ValueError):
    """An environment is called with invalid arguments, or out of turn."""
