"""Files that somebody else may have made are read in one way, which never waits, never follows, never overflows."""

import ast
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import rl_cluster
from rl_cluster.config.bounded_file import FileFault, read_bounded, read_first_line

ROOT = Path(rl_cluster.__file__).parent
READERS = {"read_text", "read_bytes", "open", "fromfile", "loadtxt", "genfromtxt", "memmap"}
"""Methods that read or open a file; `read_text` of `yaml_file.py`, which is no method, is bounded."""
ALLOWED = {
    "cli/exits.py: open": "writes a report",
    "cli/scenario.py: read_bytes": "scenarios of this package",
    "cli/signals.py: read_text": "files of /proc, which the kernel writes",
    "cli/streams.py: open": "a descriptor of this process",
    "api/training.py: open": "opens a run folder, by its own readers",
    "cli/streams.py: os.open": "/dev/null, for descriptors that are closed",
    "config/bounded_file.py: os.open": "this is the reader",
    "config/whole_file.py: open": "writes",
    "config/shipped_presets.py: read_text": "presets of this package",
    "config/stale_kernels.py: read_text": "modules of this package",
    "config/scratch.py: os.open": "makes files of a name of its own, and looks at who holds them",
    "learning/memory.py: read_text": "files of /proc and /sys, which the kernel writes",
    "metrics/tensorboard.py: os.open": "writes",
    "operations/token_checks.py: open": "Ray's token file, looked at before it is opened, and read up to a bound",
    "rllib/cluster.py: open": "Ray's own note of its head, a regular file, of which a line is read",
    "rllib/own_ray_folder.py: os.open": "notes of its own in a folder of its own",
    "rllib/token_file.py: open": "Ray's token file, looked at before it is opened, and read up to a bound",
    "training/checkpoints/files.py: open": "a member of an archive in memory",
    "training/files/metrics_file.py: os.open": "the metrics of the run, which are appended to under a lock",
    "training/files/metrics_lines.py: open": "the metrics of the run, line by line, each up to a bound",
    "training/files/output_file.py: open": "writes",
    "training/files/run_mirror.py: read_bytes": "files that this process has written into its run folder",
    "training/files/shared_storage.py: open": "writes",
    "training/requeue.py: open": "the lock of a run folder",
    "training/files/run_folder.py: open": "the metrics of the run, by `metrics_file.py`",
    "training/checkpoints/sealed_folder.py: open": "writes a file of a folder that it has made itself",
    "training/checkpoints/sealed_folder.py: os.open": "a folder, to be flushed",
    "tune/journal.py: open": "a descriptor that has been looked at",
    "tune/journal.py: os.open": "the journal, without links, pipes and devices, line by line",
    "tune/trial.py: read_text": "a note that this process has written",
}
"""File: call -> why it needs no bound."""


def _calls(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "open":
            yield node.func.id
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in READERS:
            is_os = isinstance(node.func.value, ast.Name) and node.func.value.id == "os"
            yield f"os.{node.func.attr}" if is_os else node.func.attr


def test_reads__of_the_package_are_bounded_or_have_a_reason() -> None:
    found = {
        f"{path.relative_to(ROOT)}: {call}"
        for path in sorted(ROOT.rglob("*.py"))
        for call in _calls(ast.parse(path.read_text(encoding="utf-8")))
    }

    assert found - ALLOWED.keys() == set(), "read it by `read_bounded`, or say here why it needs no bound"


@pytest.fixture
def others(tmp_path: Path) -> list[Path]:
    """What is no small regular file."""
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/zero")
    return [tmp_path / "folder", tmp_path / "pipe", tmp_path / "link", Path("/dev/zero"), Path("nul\0byte")]


def test_read_bounded__refuses_what_is_no_small_regular_file(tmp_path: Path, others: list[Path]) -> None:
    large = tmp_path / "large"
    large.touch()
    os.truncate(large, 40 << 30)

    for path in others:
        for read in (read_bounded, read_first_line):
            with pytest.raises(FileFault):
                read(path, 1000)
    with pytest.raises(FileFault, match="has 42949672960 bytes, more than 1000 bytes"):
        read_bounded(large, 1000)


def test_read_bounded__gives_the_content_up_to_its_bound(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12\n45")
    (tmp_path / "link").symlink_to(path)

    assert read_bounded(path, 5) == read_bounded(tmp_path / "link", 5) == b"12\n45"
    assert read_first_line(path, 3) == b"12\n"
    with pytest.raises(FileFault, match="has 5 bytes, more than 4 bytes"):
        read_bounded(path, 4)
    with pytest.raises(FileFault, match="first line of more than"):
        read_first_line(path, 2)
    with pytest.raises(FileFault):
        read_bounded(tmp_path / "link", 5, follow_links=False)
    with pytest.raises(FileNotFoundError):
        read_bounded(tmp_path / "none", 5)
