"""The documents' figures are those of docs/results, and their commands exist."""

import re
from pathlib import Path

import pytest

from benchmarks.tables import DOCUMENTS, with_tables
from rl_cluster.config.load import PRESETS

EXAMPLES = re.findall(r"```python\n(.*?)```", DOCUMENTS[1].read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_document__shows_the_figures_of_the_results(document: Path) -> None:
    text = document.read_text(encoding="utf-8")

    assert "<!-- table " in text
    assert with_tables(text) == text


@pytest.mark.parametrize("document", DOCUMENTS[:2], ids=lambda path: path.name)
def test_document__names_only_presets_that_ship(document: Path) -> None:
    named = re.findall(r"rl_?-?cluster train ([a-z_]+)", document.read_text(encoding="utf-8"))

    assert named
    assert set(named) <= PRESETS.keys()


@pytest.mark.parametrize("example", EXAMPLES, ids=["Gymnasium", "VectorEnv", "PettingZoo", "statistics"])
def test_example__of_ten_lines_plays_to_an_end(example: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(example, {})

    assert re.search(r"\d\.", capsys.readouterr().out)
    assert len(example.strip().splitlines()) <= 10
