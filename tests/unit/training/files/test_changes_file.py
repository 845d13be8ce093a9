"""The file of what has changed in a run: read back as written, of the past that the run has, and refused if damaged."""

from pathlib import Path

import pytest

from rl_cluster.errors import CheckpointError
from rl_cluster.training.changes import Change
from rl_cluster.training.files.changes_file import note_changes, read_changes
from rl_cluster.training.files.run_names import CHANGES

LONGER = Change("training.iterations", 100, 200)
SLOWER = Change("ppo.lr", [1e-3, 1e-3], [1e-4, 1e-4])
SEARCHED = Change("study.trials", None, 4)


def test_read_changes__gives_what_was_noted(tmp_path: Path) -> None:
    note_changes(tmp_path, 100, [LONGER, SEARCHED])
    note_changes(tmp_path, 150, [SLOWER])

    assert read_changes(tmp_path) == {100: [LONGER, SEARCHED], 150: [SLOWER]}


def test_note_changes__without_any_writes_nothing(tmp_path: Path) -> None:
    note_changes(tmp_path, 100, [])

    assert list(tmp_path.iterdir()) == []


def test_note_changes__drops_the_future_that_a_run_has_left(tmp_path: Path) -> None:
    note_changes(tmp_path, 100, [LONGER])
    note_changes(tmp_path, 150, [SLOWER])

    note_changes(tmp_path, 120, [])

    assert read_changes(tmp_path) == {100: [LONGER]}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("no json\n", r"changes.jsonl line 1 line 1: is not JSON"),
        ('{"format": 1, "iteration": -1, "changes": []}\n', "line 1: is damaged; move it away"),
        ('{"format": 1, "iteration": 1, "changes": [{"key": "a"}]}\n', "line 1: is damaged; move it away"),
        ('{"format": 2, "iteration": 1, "changes": []}\n', "was written by a newer version"),
        ("[1]\n", "line 1: is damaged; move it away"),
        ("\udcff", "cannot be read; move it away"),
    ],
)
def test_read_changes__refuses_what_note_changes_has_not_written(tmp_path: Path, text: str, what: str) -> None:
    (tmp_path / CHANGES).write_bytes(text.encode(errors="surrogateescape"))

    with pytest.raises(CheckpointError, match=what):
        read_changes(tmp_path)
