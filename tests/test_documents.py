"""The README's figures are those of docs/results/, and its commands exist."""

import re

from benchmarks.readme import README, RESULTS, readme_with_table
from rl_cluster.config.load import PRESETS


def test_readme__shows_the_figures_of_the_results() -> None:
    readme = README.read_text(encoding="utf-8")

    assert readme_with_table(readme, RESULTS) == readme


def test_readme__names_only_presets_that_ship() -> None:
    named = re.findall(r"rl_?-?cluster train ([a-z_]+)", README.read_text(encoding="utf-8"))

    assert named
    assert set(named) <= PRESETS.keys()
