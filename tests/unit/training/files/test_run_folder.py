import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rl_cluster.config.load import load_config
from rl_cluster.errors import CheckpointError
from rl_cluster.training.files.run_folder import RunFolder
from rl_cluster.training.files.run_names import OWN_NAMES

CONFIG = load_config("debug")


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder with metrics of iterations 1 to 5."""
    with RunFolder.create(tmp_path / "run", CONFIG) as folder:
        for iteration in range(1, 6):
            folder.append(iteration, {"loss": 0.5 * iteration})
    return tmp_path / "run"


def test_create__holds_the_resolved_config(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path / "deep" / "run", CONFIG) as folder:
        assert load_config(str(folder.path / "config.yaml")) == CONFIG
        assert folder.checkpoints.is_dir()
        assert _lines(folder.path) == []


@pytest.mark.parametrize("kind", ["folder", "file", "dangling link"])
def test_create__refuses_what_exists_and_touches_nothing(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "run"
    match kind:
        case "folder":
            path.mkdir()
        case "file":
            path.touch()
        case "dangling link":
            path.symlink_to(tmp_path / "nothing")

    go_on = f"go on with --resume {path}, or " if kind == "folder" else ""
    with pytest.raises(CheckpointError, match=f"exists already; {go_on}choose another --out"):
        RunFolder.create(path, CONFIG)
    assert [entry.name for entry in tmp_path.rglob("*")] == ["run"]


def test_create__says_when_the_folder_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(CheckpointError, match="cannot be made: Not a directory; choose another --out"):
        RunFolder.create(tmp_path / "file" / "run", CONFIG)


def test_append__is_readable_at_once_and_leaves_out_what_is_not_finite(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path / "run", CONFIG) as folder:
        folder.append(1, {"a": 1.5, "nan": float("nan"), "inf": -np.inf, "count": 3})

        assert _lines(folder.path) == [{"iteration": 1, "a": 1.5, "count": 3}]


def test_append__keeps_lines_in_memory_while_the_disk_is_full(
    tmp_path: Path, full_disk: Callable[[int], AbstractContextManager[None]], caplog: pytest.LogCaptureFixture
) -> None:
    with RunFolder.create(tmp_path / "run", CONFIG) as folder:
        folder.append(1, {"loss": 1.0})
        room = (folder.path / "metrics.jsonl").stat().st_size
        with full_disk(room + 5):  # the second line fits in part, the third not at all
            folder.append(2, {"loss": 2.0})
            assert [line["iteration"] for line in _lines(folder.path)] == [1]
            folder.append(3, {"loss": 3.0})
        with full_disk(room):
            folder.append(4, {"loss": 4.0})
        folder.append(5, {"loss": 5.0})

    assert [(line["iteration"], line["loss"]) for line in _lines(tmp_path / "run")] == [
        (n, 1.0 * n) for n in range(1, 6)
    ]
    assert "metrics.jsonl cannot be written: File too large; its lines wait for room" in caplog.text


def test_rewind__drops_later_lines_written_or_not(
    tmp_path: Path, full_disk: Callable[[int], AbstractContextManager[None]]
) -> None:
    with RunFolder.create(tmp_path / "run", CONFIG) as folder:
        for iteration in (1, 2):
            folder.append(iteration, {})
        with full_disk(0):
            for iteration in (3, 4):
                folder.append(iteration, {})
        folder.rewind(3)
        folder.append(4, {"again": 1})

        assert [line["iteration"] for line in _lines(folder.path)] == [1, 2, 3, 4]
        folder.rewind(1)
        folder.append(2, {"again": 1})

    assert _lines(tmp_path / "run") == [{"iteration": 1}, {"iteration": 2, "again": 1}]


def test_resume__drops_what_is_later_than_the_checkpoint(run: Path) -> None:
    with RunFolder.resume(run, 3) as folder:
        folder.append(4, {"loss": 9.0})

    assert [(line["iteration"], line["loss"]) for line in _lines(run)] == [(1, 0.5), (2, 1.0), (3, 1.5), (4, 9.0)]


@pytest.mark.parametrize(
    "torn", [b'{"iteration": 6, "lo', b"\xff\xfe", b'{"iteration": 3}', b"\n", b"[]\n", b'{"iteration": null}\n']
)
def test_resume__drops_torn_lines(run: Path, torn: bytes) -> None:
    with (run / "metrics.jsonl").open("ab") as file:
        file.write(torn)

    RunFolder.resume(run, 10).close()

    assert [line["iteration"] for line in _lines(run)] == [1, 2, 3, 4, 5]


def test_resume__refuses_a_folder_that_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"is no run folder: .*; name the folder that was given to --out"):
        RunFolder.resume(tmp_path, 1)


def test_resume__refuses_a_run_that_another_trainer_writes(run: Path) -> None:
    code = """
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from rl_cluster.training.files.run_folder import RunFolder
with RunFolder.resume(Path(sys.argv[1]), 5):
    print("open", flush=True)
    sys.stdin.read()
"""
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(run)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(CheckpointError, match="is being written by another trainer; wait for it"):
            RunFolder.resume(run, 5)
        other.kill()

    RunFolder.resume(run, 5).close()
    assert len(_lines(run)) == 5


def test_resume__keeps_every_sound_line_and_sets_the_others_aside(run: Path, caplog: pytest.LogCaptureFixture) -> None:
    lines = (run / "metrics.jsonl").read_bytes().splitlines(keepends=True)
    spoilt = lines[1].replace(b'"', b"\xa2", 1)
    (run / "metrics.jsonl").write_bytes(b"".join([lines[0], spoilt, *lines[2:]]))

    with RunFolder.resume(run, 4) as folder:
        folder.append(5, {"again": 1})

        assert (
            folder.metrics.read_bytes() == b"".join([lines[0], lines[2], lines[3]]) + b'{"iteration": 5, "again": 1}\n'
        )
        assert (run / "metrics.damaged").read_bytes() == spoilt
        assert (
            "metrics.jsonl: line 2 is damaged: set aside in metrics.damaged; the 3 sound lines are kept" in caplog.text
        )
        with pytest.raises(CheckpointError, match="is being written by another trainer"):
            RunFolder.resume(run, 4)
    assert not list(run.glob(".rl-cluster-*"))


def test_resume__without_room_to_set_damaged_lines_aside_loses_none(
    run: Path, full_disk: Callable[[int], AbstractContextManager[None]]
) -> None:
    with (run / "metrics.jsonl").open("ab") as file:
        file.write(b"\xff\n")
    before = (run / "metrics.jsonl").read_bytes()

    with full_disk(0), pytest.raises(CheckpointError, match="cannot be written: File too large"):
        RunFolder.resume(run, 9)

    assert (run / "metrics.jsonl").read_bytes() == before


@pytest.mark.parametrize("name", OWN_NAMES)
def test_resume__refuses_a_folder_whose_own_names_are_links(run: Path, name: str, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    if (run / name).exists():
        (run / name).rename(elsewhere)
    else:
        elsewhere.touch()
    (run / name).symlink_to(elsewhere)

    with pytest.raises(CheckpointError, match="is a link, where a run has a file of its own"):
        RunFolder.resume(run, 1)


def test_write__goes_through_no_link_that_somebody_has_laid(run: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("content")
    with RunFolder.resume(run, 5) as folder:
        for name in ("status.json", ".status.json.new", "metrics.damaged"):
            (run / name).symlink_to(victim)
        folder.write("status.json", {"iteration": 5})

        assert json.loads((run / "status.json").read_text()) == {"iteration": 5}
        assert not (run / "status.json").is_symlink()
        with (run / "metrics.jsonl").open("ab") as file:
            file.write(b"\xff\n")
        with pytest.raises(CheckpointError, match="cannot be written: Too many levels of symbolic links"):
            folder.rewind(5)
    assert victim.read_text() == "content"


def test_resume__deletes_what_a_killed_trainer_left_half_written(run: Path) -> None:
    left = [run / ".rl-cluster-scratch-0123456789abcdef", run / "checkpoints" / ".checkpoint-000003.tmp-1-ab"]
    left[0].touch()
    left[1].mkdir()

    RunFolder.resume(run, 5).close()

    assert not [path for path in left if path.exists()]


def test_append__says_at_once_that_the_folder_has_been_deleted(run: Path) -> None:
    with RunFolder.resume(run, 5) as folder:
        shutil.rmtree(run)
        with pytest.raises(CheckpointError, match="has been deleted while the run was training; begin anew"):
            folder.append(6, {})
        folder.write("status.json", {})
    assert not run.exists()


def test_append__says_at_once_where_the_folder_has_been_moved_to(run: Path, tmp_path: Path) -> None:
    with RunFolder.resume(run, 5) as folder:
        run.rename(tmp_path / "new place")
        with pytest.raises(CheckpointError, match=f"has been moved to '{tmp_path}/new place' .*--resume '{tmp_path}"):
            folder.append(6, {})
    RunFolder.resume(tmp_path / "new place", 5).close()
