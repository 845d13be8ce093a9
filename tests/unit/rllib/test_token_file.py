"""A token file that is of no use is told in one line, by what is wrong with it."""

import os
from pathlib import Path

import pytest

from rl_cluster.errors import ClusterError
from rl_cluster.rllib.authentication import read_auth_mode
from rl_cluster.rllib.token_file import MAX_TOKEN_BYTES, check_token_file


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Says nothing about tokens."""
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("content", [b"0" * 64, b" token\n", b"0" * MAX_TOKEN_BYTES])
def test_token__that_can_be_read_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(file))

    check_token_file()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "there is no such file"),
        (b"", "the file is empty"),
        (b" \n", "the file is empty"),
        (b"0" * (MAX_TOKEN_BYTES + 1), f"more than {MAX_TOKEN_BYTES} bytes"),
    ],
)
def test_token__that_is_none_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, words: str
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(file))

    with pytest.raises(ClusterError) as caught:
        check_token_file()

    assert words in str(caught.value)
    assert str(file) in str(caught.value)


def test_pipe__is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "token"))

    with pytest.raises(ClusterError, match="it is no file"):
        check_token_file()


def test_path__that_is_empty_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", "")

    with pytest.raises(ClusterError, match="it is empty"):
        check_token_file()


@pytest.mark.parametrize(("name", "value"), [("RAY_AUTH_MODE", "disabled"), ("RAY_AUTH_TOKEN", "token")])
def test_file__that_nobody_reads_may_be_missing(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", "/nonexistent/token")
    monkeypatch.setenv(name, value)

    check_token_file()


@pytest.mark.parametrize(
    ("said", "mode"), [(None, None), ("", None), ("token", "token"), ("TOKEN", "token"), ("Disabled", "disabled")]
)
def test_mode__is_one_that_ray_knows(monkeypatch: pytest.MonkeyPatch, said: str | None, mode: str | None) -> None:
    if said is not None:
        monkeypatch.setenv("RAY_AUTH_MODE", said)

    assert read_auth_mode() == mode


@pytest.mark.parametrize("said", ["tokens", "off", "none", " token"])
def test_mode__that_ray_would_take_for_disabled_is_refused(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", said)

    with pytest.raises(ClusterError, match="takes anything else for `disabled`"):
        check_token_file()
