"""Files for the user are whole or not there at all."""

import re
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from rl_cluster.errors import ConfigError
from rl_cluster.training.files.output_file import check_output, output_file, write_own


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
        file.write(b"not text")  # type: ignore[arg-type]  # the wrong type, as a caller may

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_output_file__takes_the_longest_name_that_the_folder_takes(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 255)

    with output_file(path) as file:
        file.write("whole")

    assert path.read_text() == "whole"


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file may grow above 4 KiB, as on a disk that is nearly full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("small_files")
def test_output_file__says_so_when_there_is_no_room_for_it(tmp_path: Path) -> None:
    with (
        pytest.raises(ConfigError, match=r"cannot be written \(File too large\); choose another place"),
        output_file(tmp_path / "scores.json") as file,
    ):
        file.write("x" * 5000)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("", "is a folder; name a file"),
        ("missing/file", "make the folder first"),
        ("n" * 256, "cannot be written (File name too long); choose another place"),
        ("f" * 5000 + "/file", "cannot be written (File name too long); choose another place"),
    ],
)
def test_check_output__says_what_to_do(tmp_path: Path, name: str, remedy: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(remedy)) as caught:
        check_output(tmp_path / name)
    assert len(str(caught.value)) < 400


def test_check_output__keeps_what_the_command_reads_and_writes_besides(tmp_path: Path) -> None:
    (tmp_path / "read.yaml").touch()
    (tmp_path / "link.yaml").symlink_to("read.yaml")

    for other in ("read.yaml", "link.yaml"):
        with pytest.raises(ConfigError, match="name a file of its own, so that nothing is lost"):
            check_output(tmp_path / "read.yaml", [tmp_path / "another.yaml", tmp_path / other])
    with pytest.raises(ConfigError, match="is also read, or written by another option"):
        check_output(tmp_path / "new.json", [tmp_path / "new.json"])
    check_output(tmp_path / "new.json", [tmp_path / "read.yaml"])


@pytest.mark.parametrize(
    ("others", "name"),
    [
        (("config.yaml", "metrics.jsonl", "checkpoints/checkpoint-000001/manifest.json"), "timeline.png"),
        (("study.yaml", "trials.jsonl"), "trials.json"),
    ],
)
def test_write_own__replaces_what_a_run_or_a_study_has_written_and_nobody_else_may(
    tmp_path: Path, others: tuple[str, ...], name: str
) -> None:
    for other in others:
        (tmp_path / other).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / other).touch()

    for content in (b"first", b"second"):
        write_own(tmp_path / name, content)
        assert (tmp_path / name).read_bytes() == content
        with pytest.raises(ConfigError, match="belongs to a"):
            check_output(tmp_path / name)
