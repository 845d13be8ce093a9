"""What is printed is text: no name moves a cursor, no secret is shown."""

import io
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.color import ColorSystem
from rich.table import Table

from rl_cluster.cli.console import make_console, say
from rl_cluster.cli.legible import legible, masked

HOSTILE = "a\x1b[2J\x1b]0;title\x9c\x9b31m\u202e\u2066\ud800\x7f[red]d[/red]"  # rich itself drops a few others
SPELLED = r"a\x1b[2J\x1b]0;title\x9c\x9b31m\u202e\u2066\ud800\x7f[red]d[/red]"


@given(st.text())
def test_legible__has_no_character_that_is_not_printable(text: str) -> None:
    shown = legible(text)

    assert all(letter.isprintable() or letter == "\n" for letter in shown)
    assert not {unicodedata.category(letter) for letter in shown if letter != "\n"} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert legible(shown) == shown
    assert legible(text) == text or not text.isprintable()


@pytest.mark.parametrize("is_terminal", [False, True])
def test_console__spells_control_characters_out_wherever_they_stand(is_terminal: bool) -> None:
    console = make_console(400)
    console.file, console._force_terminal = io.StringIO(), is_terminal
    console._color_system = ColorSystem.STANDARD if is_terminal else None
    table = Table(title=HOSTILE)
    table.add_column(HOSTILE)
    table.add_row(HOSTILE)
    console.print(HOSTILE, style="bold")
    console.print(table)
    with console.status(HOSTILE):
        pass

    printed = console.file.getvalue()
    own = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", printed.replace("\r", "")) if is_terminal else printed
    assert all(letter.isprintable() or letter == "\n" for letter in own)
    assert own.count(SPELLED) == 4
    assert ("\x1b[1m" in printed) == is_terminal
    assert "\x1b[2J" not in printed


def test_say__spells_control_characters_out(capsys: pytest.CaptureFixture[str]) -> None:
    say(f"{HOSTILE}\x07\r\b\nsecond")

    assert capsys.readouterr().out == rf"{SPELLED}\x07\r\x08" + "\nsecond\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://user:sesame@host/path", "http://***@host/path"),
        ("at http://user:s@same@host:1, and ftp://u@h", "at http://***@host:1, and ftp://***@h"),
        ("http:/user:sesame@host", "http:/***@host"),
        ("http://h/?a=1&api_key=sesame&b=2", "http://h/?a=1&api_key=***&b=2"),
        ("http://h/?X-Token=sesame'", "http://h/?X-Token=***'"),
        ("http://host/a@b and me@home", "http://host/a@b and me@home"),
        ("key=value, lr=1e-3", "key=value, lr=1e-3"),
    ],
)
def test_masked__shows_no_password_of_an_address(text: str, shown: str) -> None:
    assert masked(text) == shown


@pytest.mark.parametrize("name", ["RAY_AUTH_TOKEN", "WANDB_API_KEY", "MLFLOW_TRACKING_PASSWORD"])
def test_masked__shows_no_secret_of_the_environment(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "sesame-open")

    assert masked("refused: sesame-open.") == "refused: ***."
