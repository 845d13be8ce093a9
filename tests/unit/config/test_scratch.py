"""Scratch names: of their writer alone, and gone after it however it ends."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from rl_cluster.config.scratch import make_scratch_file, scratch_file, scratch_folder, sweep

HOLD = """
import sys
from pathlib import Path
from rl_cluster.config.scratch import scratch_file, scratch_folder
with scratch_file(Path(sys.argv[1])), scratch_folder(Path(sys.argv[1])) as folder:
    (folder / "half").touch()
    print("holds", flush=True)
    sys.stdin.read()
"""


def test_scratch__is_gone_at_the_end_unless_it_was_renamed(tmp_path: Path) -> None:
    with scratch_file(tmp_path) as file, scratch_folder(tmp_path) as folder:
        assert file.is_file()
        assert folder.is_dir()
        assert len(list(tmp_path.iterdir())) == 2
    assert list(tmp_path.iterdir()) == []

    with scratch_file(tmp_path) as file, scratch_folder(tmp_path) as folder:
        file.rename(tmp_path / "file")
        folder.rename(tmp_path / "folder")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_scratch__has_the_permissions_that_the_umask_gives(tmp_path: Path) -> None:
    former = os.umask(0o027)
    try:
        with scratch_file(tmp_path) as file, scratch_folder(tmp_path) as folder:
            assert file.stat().st_mode & 0o777 == 0o640
            assert folder.stat().st_mode & 0o777 == 0o750
    finally:
        os.umask(former)


def test_scratch__never_opens_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    victim = tmp_path / "victim"
    victim.write_text("content")
    (tmp_path / ".rl-cluster-scratch-0000000000000000").symlink_to(victim)
    monkeypatch.setattr("secrets.token_hex", lambda _: "0" * 16)

    with pytest.raises(FileExistsError):
        make_scratch_file(tmp_path)
    with pytest.raises(FileExistsError), scratch_folder(tmp_path):
        pass

    assert victim.read_text() == "content"


def test_sweep__deletes_what_a_killed_writer_left_and_nothing_of_a_living_one(tmp_path: Path) -> None:
    for name in (".rl-cluster-scratch-1", "notes", ".rl-cluster-scratch-0123456789abcdeX"):
        (tmp_path / name).touch()
    (tmp_path / ".rl-cluster-scratch-0123456789abcdef").symlink_to("notes")
    others = set(tmp_path.iterdir())
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "holds\n"
        held = set(tmp_path.iterdir()) - others
        sweep(tmp_path)
        assert set(tmp_path.iterdir()) - others == held
        assert len(held) == 2
        writer.kill()

    assert set(tmp_path.iterdir()) - others == held
    sweep(tmp_path)
    assert set(tmp_path.iterdir()) == others


def test_scratch_folder__is_made_while_others_sweep(tmp_path: Path) -> None:
    is_over = threading.Event()

    def keep_sweeping() -> None:
        while not is_over.is_set():
            sweep(tmp_path)

    threads = [threading.Thread(target=keep_sweeping) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(40):
            with scratch_folder(tmp_path) as folder:
                (folder / "part").touch()
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
