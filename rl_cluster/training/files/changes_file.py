"""RUN/changes.jsonl: after which iteration which settings of a run have changed. There is none if nothing has.

`config.yaml` beside it has the settings that hold now. A line: format, the iterations done before, and the changes.
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rl_cluster.config.bounded_file import FileFault, read_bounded
from rl_cluster.config.formats import FORMAT_KEY, refusal
from rl_cluster.config.json_file import parse_json
from rl_cluster.config.whole_file import write_whole
from rl_cluster.errors import CheckpointError
from rl_cluster.training.changes import Change
from rl_cluster.training.files.run_names import CHANGES

__all__ = ["note_changes", "read_changes"]

FORMAT = 1
"""Raised when older code would misread a line."""
MAX_BYTES = 1 << 20
REMEDY = "move it away: the run goes on without it, and only people need it"


def read_changes(run: Path) -> dict[int, list[Change]]:
    """Iterations done -> the changes that hold from the next iteration on; empty if nothing has changed.

    Raises CheckpointError if the file is damaged, or if a newer version has written it.
    """
    path = run / CHANGES
    try:
        lines = read_bounded(path, MAX_BYTES).decode().splitlines()
    except FileNotFoundError:
        return {}
    except (FileFault, UnicodeDecodeError):
        raise CheckpointError(str(path), "cannot be read", REMEDY) from None
    return dict(_parse(line, f"{path} line {number}") for number, line in enumerate(lines, 1))


def _parse(text: str, where: str) -> tuple[int, list[Change]]:
    line = parse_json(text, where, CheckpointError)
    if isinstance(line, dict) and (fault := refusal(line.get(FORMAT_KEY), FORMAT)):
        raise CheckpointError(where, *fault)
    if not _is_sound(line):
        raise CheckpointError(where, "is damaged", REMEDY)
    return line["iteration"], [Change(**change) for change in line["changes"]]


def _is_sound(line: Any) -> bool:
    if not isinstance(line, Mapping) or type(line.get("iteration")) is not int or line["iteration"] < 0:
        return False
    changes = line.get("changes")
    return isinstance(changes, list) and all(
        isinstance(change, Mapping)
        and change.keys() == set(Change._fields)
        and re.fullmatch(r"[a-z_]+(\.[a-z_]+)*", str(change["key"])) is not None
        for change in changes
    )


def note_changes(run: Path, iteration: int, changes: Sequence[Change]) -> None:
    """Writes down what has changed between a checkpoint and the settings with which the run goes on from it.

    What was noted for a future that the run has left, because it goes on from an earlier checkpoint, is dropped.

    Args:
        run: The run's folder.
        iteration: Iterations done before the changes.
        changes: What differs from the checkpoint of that iteration.

    Raises:
        CheckpointError: The file that is there cannot be read.
        OSError: It cannot be written.
    """
    before = read_changes(run)
    after = {done: noted for done, noted in before.items() if done < iteration}
    if changes:
        after[iteration] = list(changes)
    if after != before:
        lines = [
            {FORMAT_KEY: FORMAT, "iteration": done, "changes": [change._asdict() for change in noted]}
            for done, noted in after.items()
        ]
        write_whole(run / CHANGES, "".join(f"{json.dumps(line)}\n" for line in lines).encode())
