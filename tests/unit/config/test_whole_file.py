"""A file is there whole, or as it was before."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from rl_cluster.config.whole_file import whole_file, write_whole


@pytest.mark.parametrize("former", [None, b"", b"old content"])
def test_write__makes_or_replaces(tmp_path: Path, former: bytes | None) -> None:
    file = tmp_path / "file"
    if former is not None:
        file.write_bytes(former)

    write_whole(file, b"new")

    assert file.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [file]


def test_write__that_fails_leaves_what_was_there(
    tmp_path: Path, full_disk: Callable[[int], AbstractContextManager[None]]
) -> None:
    file = tmp_path / "file"
    write_whole(file, b"old")

    with full_disk(100), pytest.raises(OSError, match="File too large"):
        write_whole(file, b"x" * 1000)

    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_block__that_an_error_leaves_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "file"
    write_whole(file, b"old")

    def spoil() -> None:
        with whole_file(file) as beside:
            beside.write_bytes(b"half")
            assert file.read_bytes() == b"old"
            raise KeyError

    with pytest.raises(KeyError):
        spoil()

    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_folder__that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "none" / "file", b"new")
