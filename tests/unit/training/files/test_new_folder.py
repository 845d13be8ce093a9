"""Folders of runs and studies: whole or not there, and one for each process however many begin at once."""

import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from rl_cluster.config.load import load_config
from rl_cluster.errors import CheckpointError, ConfigError
from rl_cluster.training.files.new_folder import default_folder, make_folder
from rl_cluster.training.files.run_folder import RunFolder

BEGIN = """
import sys
from pathlib import Path
from rl_cluster.training.files.new_folder import make_folder
print("ready", flush=True)
sys.stdin.readline()
print(make_folder(Path(sys.argv[1]), lambda folder: (folder / "whose").write_text(sys.argv[2]), is_numbered=True)[0])
"""


def _fill(folder: Path) -> str:
    (folder / "file").touch()
    return "filled"


def test_make_folder__gives_each_of_many_that_begin_at_once_a_folder_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "run"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", BEGIN, str(path), str(number)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for number in range(3)
    ]  # fmt: skip
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"

    places = [process.communicate("go\n")[0].strip() for process in processes]

    assert sorted(places) == [str(path), f"{path}-2", f"{path}-3"]
    assert [Path(place, "whose").read_text() for place in places] == ["0", "1", "2"]
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["run", "run-2", "run-3"]


def test_make_folder__leaves_nothing_if_it_cannot_be_filled(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        _fill(folder)
        raise OSError(28, "No space left on device")

    with pytest.raises(CheckpointError, match="cannot be made: No space left on device; choose another --out"):
        make_folder(tmp_path / "new" / "deep" / "run", fail)

    assert list(tmp_path.iterdir()) == []


def test_make_folder__takes_no_name_that_another_takes_in_the_meantime(tmp_path: Path) -> None:
    path = tmp_path / "run"

    def fill_slowly(folder: Path) -> str:
        path.mkdir()
        (path / "another's").touch()
        return _fill(folder)

    with pytest.raises(CheckpointError, match="exists already"):
        make_folder(path, fill_slowly)

    assert [entry.name for entry in tmp_path.rglob("*")] == ["run", "another's"]


def test_create__on_a_full_disk_leaves_no_folder_that_blocks_the_name(
    tmp_path: Path, full_disk: Callable[[int], AbstractContextManager[None]]
) -> None:
    with full_disk(10), pytest.raises(CheckpointError, match="cannot be made: File too large"):
        RunFolder.create(tmp_path / "run", load_config("debug"))

    assert list(tmp_path.iterdir()) == []
    RunFolder.create(tmp_path / "run", load_config("debug")).close()


def test_default_folder__says_what_to_do_without_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/somewhere")
    assert default_folder("rl_cluster_runs", "name").parent == Path("/somewhere/rl_cluster_runs")

    monkeypatch.setenv("HOME", "no/place")
    with pytest.raises(ConfigError, match="name a folder with --out"):
        default_folder("rl_cluster_runs", "name")
