"""`rl-cluster top RUN`: shown once where there is no terminal; what is no run is one line."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from rl_cluster.cli.top import _watched
from rl_cluster.config.schema import Config
from rl_cluster.training.files.status import STATUS
from rl_cluster.training.local_engine import LocalEngine
from rl_cluster.training.loop import train
from rl_cluster.training.start import new_start


def test_top__shows_a_run_once_in_a_log(
    tiny: Config, tmp_path: Path, exit_code: Callable[..., object], capsys: pytest.CaptureFixture[str]
) -> None:
    train(LocalEngine(tiny), new_start(tiny, tmp_path / "run"), lambda record: None)

    assert exit_code("top", str(tmp_path / "run")) == 0

    assert f"{tiny.name} (engine local)  iteration 2/2" in capsys.readouterr().out


def test_top__shows_the_key_that_leaves_it_above_what_a_short_screen_cuts_off() -> None:
    text = io.StringIO()

    Console(file=text, width=80).print(_watched([]))

    assert text.getvalue().startswith("Ctrl-C leaves this view")


def test_top__refuses_what_is_no_run(tmp_path: Path, error_line: Callable[..., str]) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / STATUS).write_text('{"metrics": {}}')

    assert "no iteration has been done in it; name a run folder" in error_line("top", str(tmp_path / "empty"))
    assert "is no folder; name the folder that was given to --out" in error_line("top", str(tmp_path / "nowhere"))
    assert "is no status of this version" in error_line("top", str(tmp_path))
    assert "a run folder or --address is needed" in error_line("top")
    assert "a run folder or --address is needed" in error_line("top", str(tmp_path), "--address", "auto")
    assert "nothing answers there" in error_line("top", "--address", "127.0.0.1:9")
