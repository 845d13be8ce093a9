"""What `doctor` says of the token is what Ray does, and its remedies work where nothing has been made yet."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rl_cluster.errors import ClusterError
from rl_cluster.operations.finding import Finding
from rl_cluster.operations.token_checks import check_token
from rl_cluster.rllib.authentication import read_auth_mode

VARIABLES = ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")
MODES = ["token", "TOKEN", "disabled", "", "tokn", " token", "true", "1", "k8s", "enabled"]
RAYS_OWN = """
from ray._raylet import AuthenticationMode, Config, get_authentication_mode
import os, sys
for mode in sys.argv[1:]:
    os.environ["RAY_AUTH_MODE"] = mode
    Config.initialize("")
    print(get_authentication_mode() == AuthenticationMode.TOKEN)
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of a fresh account: empty."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    home = tmp_path / "a home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    return home


def _check(monkeypatch: pytest.MonkeyPatch, mode: str | None) -> Finding:
    if mode is not None:
        monkeypatch.setenv("RAY_AUTH_MODE", mode)
    return check_token()


def _write_token(home: Path, mode: int = 0o600) -> Path:
    path = home / ".ray" / "auth_token"
    path.parent.mkdir()
    path.write_text("secret")
    path.chmod(mode)
    return path


@pytest.mark.slow
def test_token__is_well_only_where_ray_itself_asks_for_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write_token(home)
    answer = subprocess.run([sys.executable, "-c", RAYS_OWN, *MODES], capture_output=True, text=True, check=True)
    asks = dict(zip(MODES, answer.stdout.split(), strict=True))

    assert {mode: str(_check(monkeypatch, mode).verdict == "ok") for mode in MODES} == asks


def test_token__mode_that_is_not_set_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write_token(home)

    finding = _check(monkeypatch, None)

    assert finding.verdict == "warning"
    assert "RAY_AUTH_MODE is not set" in finding.what
    assert finding.remedy.startswith("export RAY_AUTH_MODE=token")


@pytest.mark.parametrize("mode", ["tokn", " token", "1"])
def test_token__misspelt_mode_is_refused_everywhere(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _check(monkeypatch, mode).verdict == "failed"
    with pytest.raises(ClusterError, match=rf"RAY_AUTH_MODE={mode}: Ray knows `token` and .*; export RAY_AUTH_MODE="):
        read_auth_mode()


@pytest.mark.parametrize(
    "mend",
    [
        lambda home: None,
        lambda home: _write_token(home, mode=0o644),
        lambda home: _write_token(home).write_text(" \n"),
    ],
    ids=["none is there", "others can read it", "it is empty"],
)
@pytest.mark.usefixtures("home")
def test_token__remedy_works_on_a_fresh_account(
    home: Path, monkeypatch: pytest.MonkeyPatch, mend: Callable[[Path], object]
) -> None:
    mend(home)
    finding = _check(monkeypatch, "token")
    assert finding.verdict == "failed"

    subprocess.run(["sh", "-ec", finding.remedy], env=dict(os.environ), check=True)

    assert check_token().verdict == "ok"
    assert len((home / ".ray" / "auth_token").read_text()) > 5


@pytest.mark.usefixtures("home")
def test_token__that_nobody_has_is_only_told_where_none_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    finding = _check(monkeypatch, None)

    assert finding.verdict == "warning"
    assert "asks for no token" in finding.what


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_token__that_is_no_file_is_not_read(
    home: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], object]
) -> None:
    make(home / "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(home / "token"))

    finding = _check(monkeypatch, "token")

    assert finding.verdict == "failed"
    assert "is no file" in finding.what
