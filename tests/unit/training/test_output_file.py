"""Files for the user are whole or not there at all."""

from pathlib import Path

import pytest

from rl_cluster.errors import ConfigError
from rl_cluster.training.output_file import check_output, output_file


def test_output_file__takes_its_name_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "scores.json"

    with output_file(path) as file:
        file.write("whole")
        assert not path.exists()

    assert path.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]


def test_output_file__keeps_the_old_file_if_the_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "scores.json"
    path.write_text("old")

    with pytest.raises(TypeError), output_file(path) as file:
        file.write(b"not text")  # type: ignore[arg-type]

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("name", "remedy"), [("", "name a file"), ("missing/file", "make the folder first")])
def test_check_output__says_what_to_do(tmp_path: Path, name: str, remedy: str) -> None:
    with pytest.raises(ConfigError, match=remedy):
        check_output(tmp_path / name)
