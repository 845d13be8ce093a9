"""What nobody has foreseen ends with one line, exit code 1, and a traceback that only the user can read."""

import re
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rl_cluster.cli.exits import report_fault
from rl_cluster.config import load


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that fails in a way that nothing expects."""
    monkeypatch.setenv("RAY_AUTH_TOKEN", "sesame-open")

    def fail(*_: object) -> None:
        raise ZeroDivisionError("by sesame-open\n\x1b[2J")

    monkeypatch.setattr(load, "load_config", fail)


def test_unforeseen_error__is_one_line_and_a_private_file(
    broken: None,
    exit_code: Callable[..., object],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    assert exit_code("config", "show", "debug") == 1

    printed = capsys.readouterr()
    (line,) = printed.err.splitlines()
    found = re.fullmatch(
        r"error: rl-cluster: ZeroDivisionError: by \*\*\*; this is a fault of rl-cluster, please report it with (.*)",
        line,
    )
    assert found
    assert printed.out == ""
    path = Path(found[1])
    assert path.parent == tmp_path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text().startswith("Traceback (most recent call last):")
    assert "sesame" not in path.read_text()


def test_unforeseen_error__is_told_where_no_file_can_be_made(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))

    assert report_fault(ZeroDivisionError("here")) == 1

    printed = capsys.readouterr().err
    assert "ZeroDivisionError: here\n" in printed
    assert printed.endswith("please report it with the lines above\n")


HELD = """
import atexit, threading, time
from rl_cluster.cli import exits
exits.END_PATIENCE_S = 0.2
{holder}
exits.limit_the_end(7)
raise SystemExit(7)
"""


@pytest.mark.parametrize(
    "holder", ["threading.Thread(target=time.sleep, args=(60,)).start()", "atexit.register(time.sleep, 60)"]
)
def test_end__is_not_held_up_by_a_librarys_thread_or_hook(holder: str) -> None:
    begin_s = time.monotonic()
    ended = subprocess.run([sys.executable, "-c", HELD.format(holder=holder)], check=False, timeout=30)

    assert ended.returncode == 7
    assert time.monotonic() - begin_s < 20.0


REFUSED = """
import sys
from rl_cluster.cli import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    print(end.code, *({"torch", "ray"} & sys.modules.keys()))
"""


@pytest.mark.parametrize(
    "command",
    [
        "train nosuchpreset --out new",
        "train quick_demo ppo.nosuch=1",
        "train nosuch.yaml --seeds 0,1",
        "train --resume nosuch",
        "evaluate nosuch --json scores.json",
        "evaluate --preset nosuch",
        "evaluate --scenario nosuch.yaml",
        "tune nosuch",
        "scenario export nosuch.yaml --out map.geojson",
    ],
)
def test_mistyped_word__is_told_before_what_takes_seconds_is_imported(command: str, tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", REFUSED, *command.split()], check=True, capture_output=True, text=True, cwd=tmp_path
    )

    assert ended.stdout == "2\n"
    assert "nosuch" in ended.stderr
