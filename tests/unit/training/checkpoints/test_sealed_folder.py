import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rl_cluster.training.checkpoints.sealed_folder import (
    MANIFEST,
    Damage,
    Newer,
    read_sealed,
    remove_leftovers,
    write_sealed,
)

FILES = {"a.bin": bytes(range(40)), "b.txt": b"hello", "empty": b""}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_sealed(tmp_path / "sealed", FILES)
    return tmp_path / "sealed"


def test_sealed_folder__reads_back_what_was_written(folder: Path) -> None:
    assert read_sealed(folder) == FILES
    assert [path.name for path in folder.parent.iterdir()] == ["sealed"]


def test_write_sealed__replaces_a_folder_of_the_same_name(folder: Path) -> None:
    write_sealed(folder, {"other": b"new"})

    assert read_sealed(folder) == {"other": b"new"}
    assert [path.name for path in folder.parent.iterdir()] == ["sealed"]


@pytest.mark.parametrize("name", ["a.bin", "b.txt", MANIFEST])
def test_read_sealed__names_the_file_with_a_bit_flipped_anywhere(folder: Path, name: str) -> None:
    content = (folder / name).read_bytes()
    for position in range(len(content)):
        flipped = bytearray(content)
        flipped[position] ^= 1 << position % 8  # the low bits turn letters and digits into others that still parse
        (folder / name).write_bytes(flipped)

        with pytest.raises(Damage, match="changed") as caught:
            read_sealed(folder)
        assert caught.value.where == folder / name


@pytest.mark.parametrize("name", ["a.bin", "b.txt", MANIFEST])
def test_read_sealed__names_the_file_truncated_anywhere(folder: Path, name: str) -> None:
    content = (folder / name).read_bytes()
    for length in range(len(content)):
        (folder / name).write_bytes(content[:length])

        with pytest.raises(Damage, match="truncated") as caught:
            read_sealed(folder)
        assert caught.value.where == folder / name


@pytest.mark.parametrize("name", [*FILES, MANIFEST])
def test_read_sealed__names_a_missing_file(folder: Path, name: str) -> None:
    (folder / name).unlink()

    with pytest.raises(Damage, match="missing") as caught:
        read_sealed(folder)
    assert caught.value.where == folder / name


def test_read_sealed__refuses_files_that_were_not_written(folder: Path) -> None:
    (folder / "extra.pkl").write_bytes(b"")

    with pytest.raises(Damage, match=r"extra\.pkl: is not listed"):
        read_sealed(folder)


def test_read_sealed__refuses_a_grown_file(folder: Path) -> None:
    (folder / "b.txt").write_bytes(b"hello, world")

    with pytest.raises(Damage, match="is changed: it has 12 bytes, more than 5 bytes"):
        read_sealed(folder)


def test_read_sealed__follows_no_link(folder: Path, tmp_path: Path) -> None:
    (folder / "b.txt").rename(tmp_path / "elsewhere")
    (folder / "b.txt").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(Damage, match="not a plain file"):
        read_sealed(folder)


def test_read_sealed__does_not_wait_for_a_pipe(folder: Path) -> None:
    (folder / "b.txt").unlink()
    os.mkfifo(folder / "b.txt")

    with pytest.raises(Damage, match="not a plain file"):
        read_sealed(folder)


def test_read_sealed__reads_nothing_outside_the_folder(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    write_sealed(scratch / "sealed", {"secret": b"secret"})
    manifest = (scratch / "sealed" / MANIFEST).read_text().replace('"secret"', '"../../secret"')
    body = {key: value for key, value in json.loads(manifest).items() if key != "sha256"}
    _write_manifest(scratch / "sealed", body)

    with pytest.raises(Damage, match="is missing"):
        read_sealed(scratch / "sealed")


def test_read_sealed__refuses_a_newer_version(folder: Path) -> None:
    body = {key: value for key, value in json.loads((folder / MANIFEST).read_bytes()).items() if key != "sha256"}
    _write_manifest(folder, {**body, "format_version": 99})

    newer = "was written by a newer version of rl_cluster .format 99; this one reads up to 3."
    with pytest.raises(Newer, match=newer) as caught:
        read_sealed(folder)
    assert caught.value.remedy == "install that version or newer"


@pytest.mark.parametrize("number", [0, -1])
def test_read_sealed__refuses_what_is_no_number_of_a_format(folder: Path, number: int) -> None:
    body = {key: value for key, value in json.loads((folder / MANIFEST).read_bytes()).items() if key != "sha256"}
    _write_manifest(folder, {**body, "format_version": number})

    with pytest.raises(Damage, match=f"has format '{number}', which is no format's number"):
        read_sealed(folder)


@pytest.mark.parametrize("text", ["[]", "{}", "null", "[" * 100_000, '{"format_version": 1, "files": []}', "\x00"])
def test_read_sealed__refuses_a_manifest_of_another_kind(folder: Path, text: str) -> None:
    (folder / MANIFEST).write_text(text)

    with pytest.raises(Damage, match="truncated or changed"):
        read_sealed(folder)


def _write_manifest(folder: Path, body: dict[str, object]) -> None:
    """A manifest with the hash of its body in place, as somebody who knows the format would forge it."""

    def canonical(value: dict[str, object]) -> bytes:
        return json.dumps(value, indent=1, sort_keys=True).encode() + b"\n"

    (folder / MANIFEST).write_bytes(canonical({**body, "sha256": hashlib.sha256(canonical(body)).hexdigest()}))


KILLED_WRITERS = """
import os, resource, signal, sys
from pathlib import Path
from rl_cluster.training.checkpoints.sealed_folder import read_sealed, write_sealed

parent = Path(sys.argv[1])
old, new = {"a": b"o" * 3000, "b": b"old"}, {"a": b"n" * 3000, "b": b"new"}
write_sealed(parent / "old", old)
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

def fork_writer(prepare):
    pid = os.fork()
    if pid == 0:
        prepare()
        write_sealed(parent / "new", new)
        os._exit(0)
    died = os.waitpid(pid, 0)[1] != 0
    assert read_sealed(parent / "old") == old
    is_there = (parent / "new").exists()
    if is_there:
        assert read_sealed(parent / "new") == new
        os.system(f"rm -r '{parent}/new'")
    assert died or is_there
    return died, is_there

def kill_at_event(number):
    seen = [0]
    def hook(event, arguments):
        seen[0] += event.startswith(("open", "os.", "shutil."))
        if seen[0] == number:
            os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(hook)

def kill_at_byte(number):
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (number, number))

number = 1
while fork_writer(lambda: kill_at_event(number))[0]:
    number += 1
deaths = [fork_writer(lambda: kill_at_byte(number)) for number in range(0, 3000, 97)]
assert deaths == [(True, False)] * len(deaths), deaths
print(number)
"""


def test_write_sealed__killed_at_any_stage_or_byte_leaves_no_part_of_a_folder(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED_WRITERS, str(tmp_path)], check=True, capture_output=True, text=True, timeout=60
    )

    assert int(done.stdout) > 8  # stages: make the folder, open each file, rename, sync
    assert list(tmp_path.glob(".new.tmp-*"))
    remove_leftovers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["old"]


def test_write_sealed__that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_sealed(tmp_path / "sealed", {"no/such/folder": b""})

    assert not list(tmp_path.iterdir())
