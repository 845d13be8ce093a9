"""Standard streams that are closed, full, gone or narrow end no command with a traceback."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

COMMAND = f"{sys.executable} -m rl_cluster"


def _shell(line: str, variables: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[bytes]":
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), **(variables or {})}
    return subprocess.run(["bash", "-c", f"set -o pipefail; {line}"], env=environment, capture_output=True, check=False)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("{} config schema | head -1 >/dev/null", 0),
        ("{} --help | true", 0),
        ("{} config show debug >&-", 0),
        ("{} config show debug <&-", 0),
        ("{} config show debug >&- 2>&- <&-", 0),
        ("{} config show nothing 2>&-", 2),
        ("{} config show nothing 2>/dev/full", 2),
        ("{} config show nothing >/dev/full 2>&1", 2),
    ],
)
def test_stream__that_is_closed_or_gone_or_full_ends_nothing(line: str, code: int) -> None:
    ended = _shell(line.format(COMMAND))

    assert (ended.returncode, ended.stderr) == (code, b"")


def test_stdout__that_is_full_is_told_of_once() -> None:
    ended = _shell(f"{COMMAND} config schema >/dev/full")

    assert ended.returncode == 2
    assert ended.stderr == (b"error: standard output: cannot be used (No space left on device); choose another place\n")


@pytest.mark.parametrize("variables", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C"}, {"PYTHONIOENCODING": "latin-1"}])
def test_stream__that_cannot_encode_a_character_replaces_it(variables: dict[str, str], tmp_path: Path) -> None:
    preset = tmp_path / "größter Lauf…"
    preset.write_text("base: debug\nname: debug\n", encoding="utf-8")

    shown = _shell(f"{COMMAND} config validate '{preset}'", variables)
    refused = _shell(f"{COMMAND} evaluate '{preset}…'", variables)

    assert (shown.returncode, shown.stderr) == (0, b"")
    assert b"ter Lauf" in shown.stdout
    assert (refused.returncode, refused.stdout) == (2, b"")
    assert refused.stderr.startswith(b"error: ")
    assert refused.stderr.count(b"\n") == 1


FIRST_FILE = """
from rl_cluster.cli.streams import prepare_streams
prepare_streams()
import os
print(os.open({path!r}, os.O_WRONLY | os.O_CREAT) > 2)
"""


def test_closed_stream__is_no_file_that_is_opened_later(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(FIRST_FILE.format(path=str(tmp_path / "metrics.jsonl")))

    ended = _shell(f"{sys.executable} {tmp_path}/script.py >&- <&-")

    assert ended.returncode == 0
    assert (tmp_path / "metrics.jsonl").read_bytes() == b""
