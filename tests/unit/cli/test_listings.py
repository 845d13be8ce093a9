"""What help lists is what there is, on lines that fit a terminal of 80 columns."""

from collections.abc import Callable
from pathlib import Path

import pytest

from rl_cluster.cli.listings import POLICIES, PRESET_LINES, policy_listing, preset_listing
from rl_cluster.config.shipped_presets import PRESETS
from rl_cluster.environment.allocate import heuristics as of_allocate
from rl_cluster.environment.navigate import heuristics as of_navigate


def test_policies__are_the_heuristics_of_the_tasks_in_their_order() -> None:
    assert list(POLICIES["allocate"]) == [*of_allocate.HEURISTICS, *of_allocate.EXTRAS]
    assert list(POLICIES["navigate"]) == list(of_navigate.HEURISTICS)


def test_presets__have_a_short_line_each() -> None:
    assert PRESET_LINES.keys() <= PRESETS.keys()


@pytest.mark.parametrize("listing", [preset_listing(), policy_listing()])
def test_listing__has_whole_lines(listing: str) -> None:
    assert max(map(len, listing.splitlines())) <= 78
    assert " .." not in listing


@pytest.mark.parametrize(("command", "names"), [("train", list(PRESETS)), ("evaluate", list(POLICIES["allocate"]))])
def test_help__lists_them(
    command: str, names: list[str], capsys: pytest.CaptureFixture[str], exit_code: Callable[..., object]
) -> None:
    assert exit_code(command, "--help") == 0

    first_words = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert set(names) <= set(first_words)


def test_help_of_train__lists_what_is_installed_without_importing_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    exit_code: Callable[..., object],
) -> None:
    assert exit_code("train", "--help") == 0
    assert "installed packages" not in capsys.readouterr().out

    folder = tmp_path / "harbours-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: harbours\nVersion: 1.0\n", encoding="utf-8")
    points = "[rl_cluster.tasks]\nharbour = harbours.task:HARBOUR\n"  # there is no such module
    (folder / "entry_points.txt").write_text(points, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))

    assert exit_code("train", "--help") == 0
    assert "harbour  comes with the package harbours" in capsys.readouterr().out
