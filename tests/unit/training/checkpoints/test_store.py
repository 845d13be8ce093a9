import subprocess
import sys
from pathlib import Path

import pytest

from rl_cluster.training.checkpoints.sealed_folder import MANIFEST, write_sealed
from rl_cluster.training.checkpoints.store import (
    checkpoint_name,
    is_checkpoint,
    list_checkpoints,
    older_checkpoints,
    prune_checkpoints,
)


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _fill(folder: Path, *iterations: int) -> None:
    for iteration in iterations:
        write_sealed(folder / checkpoint_name(iteration), {"file": b"content"})


def test_list_checkpoints__is_newest_first_beyond_six_digits(tmp_path: Path) -> None:
    _fill(tmp_path, 5, 999_999, 1_000_000)

    assert [path.name for path in list_checkpoints(tmp_path)] == [
        "checkpoint-1000000",
        "checkpoint-999999",
        "checkpoint-000005",
    ]


@pytest.mark.parametrize(
    "name",
    [
        "checkpoint-5",
        "checkpoint-000005 ",
        "checkpoint-000005\n",
        "checkpoint-\u0660\u0660\u0660\u0660\u0660\u0665",
        ".checkpoint-000005.tmp-1-a",
    ],
)
def test_list_checkpoints__passes_over_other_names(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()

    assert list_checkpoints(tmp_path) == []


def test_is_checkpoint__goes_by_name_or_manifest(tmp_path: Path) -> None:
    _fill(tmp_path, 5)
    (tmp_path / "checkpoint-000005").rename(tmp_path / "best")
    (tmp_path / "checkpoint-000006").mkdir()

    assert is_checkpoint(tmp_path / "best")
    assert is_checkpoint(tmp_path / "checkpoint-000006")
    assert not is_checkpoint(tmp_path)


def test_older_checkpoints__are_newest_first_without_newer_ones(tmp_path: Path) -> None:
    _fill(tmp_path, 10, 20, 30, 40)

    older = older_checkpoints(tmp_path / "checkpoint-000030")

    assert older == [tmp_path / "checkpoint-000020", tmp_path / "checkpoint-000010"]
    assert older_checkpoints(tmp_path / "checkpoint-000010") == []
    assert older_checkpoints(tmp_path) == []


@pytest.mark.parametrize("keep", [2, 3])
def test_prune_checkpoints__keeps_the_newest(tmp_path: Path, keep: int) -> None:
    _fill(tmp_path, 10, 20, 30, 40)

    prune_checkpoints(tmp_path, 40, keep)

    assert _names(tmp_path) == [checkpoint_name(iteration) for iteration in (10, 20, 30, 40)[-keep:]]


def test_prune_checkpoints__drops_a_future_that_was_left(tmp_path: Path) -> None:
    _fill(tmp_path, 10, 20, 25, 30, 40)

    prune_checkpoints(tmp_path, 25, keep=2)

    assert _names(tmp_path) == ["checkpoint-000020", "checkpoint-000025"]


def test_prune_checkpoints__removes_what_killed_writers_left_and_nothing_else(tmp_path: Path) -> None:
    _fill(tmp_path, 10)
    (tmp_path / ".checkpoint-000020.tmp-77-abcd").mkdir()
    (tmp_path / ".checkpoint-000020.tmp-77-abcd" / MANIFEST).touch()
    (tmp_path / "notes.txt").touch()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "checkpoint-000009").symlink_to(tmp_path / "elsewhere")

    prune_checkpoints(tmp_path, 10, keep=2)

    assert _names(tmp_path) == ["checkpoint-000009", "checkpoint-000010", "elsewhere", "notes.txt"]


KILLED_PRUNERS = """
import os, signal, sys
from pathlib import Path
from rl_cluster.training.checkpoints.store import list_checkpoints, prune_checkpoints
from rl_cluster.training.checkpoints.sealed_folder import read_sealed, write_sealed

parent = Path(sys.argv[1])

def kill_at_event(number):
    seen = [0]
    def hook(event, arguments):
        seen[0] += event.startswith(("open", "os.", "shutil."))
        if seen[0] == number:
            os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(hook)

number, is_killed = 0, True
while is_killed:
    number += 1
    for iteration in (10, 20, 30, 40):
        write_sealed(parent / f"checkpoint-{iteration:06d}", {"a": b"x", "b": b"y"})
    pid = os.fork()
    if pid == 0:
        kill_at_event(number)
        prune_checkpoints(parent, 40, keep=2)
        os._exit(0)
    is_killed = os.waitpid(pid, 0)[1] != 0
    left = list_checkpoints(parent)
    assert len(left) >= 2
    for folder in left:
        read_sealed(folder)
prune_checkpoints(parent, 40, keep=2)
print(number)
"""


@pytest.mark.slow
def test_prune_checkpoints__killed_at_any_stage_leaves_no_half_of_one_under_its_name(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED_PRUNERS, str(tmp_path)], check=True, capture_output=True, text=True, timeout=60
    )

    assert int(done.stdout) > 10
    assert _names(tmp_path) == ["checkpoint-000030", "checkpoint-000040"]
