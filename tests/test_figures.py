"""Measured figures stand in generated tables alone: a figure that is typed is one that nobody measures again.

A number with a unit of time, memory or share, a ratio in words, and a decimal of a score count as measured, unless
`DEFINED` says what defines them: a setting, a limit or a test's own goal.
"""

import re
from pathlib import Path

import pytest

from benchmarks.documents.markdown import RESULTS
from benchmarks.documents.tables import TABLES

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
WORDS = "two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|thirty|forty|fifty|hundred"
UNITS = r"ns|us|µs|ms|s|seconds?|minutes?|hours?|[KMGT]i?B|fold|x|times"
FIGURE = re.compile(
    rf"(?<![\w.,-])\d[\d.,]*[- ]?(?:%|(?:{UNITS})\b)|(?<![\w.,])[-+]?0?\.\d{{2,}}\b"
    rf"|\b(?:{WORDS})[- ](?:(?:CPU )?(?:seconds|minutes|hours)|times (?:as|over|slower|faster)|percent)\b",
    re.IGNORECASE,
)
NO_PROSE = re.compile(
    r"<!-- table (\w+): begin -->.*?<!-- table \1: end -->|```.*?```|^ {4}[^\n]*$|`[^`\n]*`", re.DOTALL | re.MULTILINE
)
DEFINED = {
    "README.md": {
        "95 %": "the level of every interval",
    },
    "clusters.md": {
        "3 s": "how long Ray's own job stop waits",
        "5 s": "limit of a wait",
        "10 s": "limit of a wait",
        "60 s": "limit of a wait",
        "300 s": "limit of a wait",
        "120 s": "how long ours waits",
        "8 GiB": "for which machines a preset is",
        "16 GiB": "for which machines a preset is",
    },
    "curriculum.md": {
        "0.01": "MIN_GAIN of the rules",
        ".75": "pass_score of the preset",
        ".70": "pass_score of the preset",
        ".65": "pass_score of the preset",
        ".60": "pass_score of the preset",
        ".35": "gain of the rule for KL",
        "10 x": "limit of a rule",
        "3 times": "limit of a rule",
    },
    "model.md": {
        "20 s": "world.decision_interval_s of the demo",
        "95 %": "the level of every interval",
        ".97": "a goal",
        ".95": "a goal",
        ".85": "a goal",
    },
    "monitoring.md": {
        "95 %": "the level of every interval",
        "1 MiB": "limit of an alarm",
        "0.35": "limit of an alarm",
        "0.95": "limit of an alarm",
        "0.97": "limit of an alarm",
    },
    "reliability.md": {
        "15 s": "what the test asks for",
        "10 s": "what the test asks for",
        "60 s": "what the test asks for",
        "1 %": "what the test asks for",
        "five minutes": "how long the engine waits for room",
    },
    "scenarios.md": {"1 MiB": "the largest map that is read"},
    "suites.md": {"95 %": "the level of every interval"},
}
"""Page -> figure -> what defines it."""


def _figures(text: str) -> list[str]:
    return [found.group().strip() for found in FIGURE.finditer(NO_PROSE.sub(" ", text))]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_page__types_no_measured_figure(page: Path) -> None:
    figures, defined = _figures(page.read_text(encoding="utf-8")), DEFINED.get(page.name, {})

    typed = [figure for figure in figures if figure not in defined]
    assert not typed, f"{page.name} types {typed}: show them in a table of benchmarks/documents, or take them out"
    assert defined.keys() <= set(figures), "what no page shows any more needs no definition"


@pytest.mark.parametrize(
    "measured",
    [
        "80 ms instead of 2", "15 ns a level", "within 257 seconds", "after four minutes", "grew by 0.7 %", "16-fold",
        "1.53 times as fast", "scored .647 on teams", "an NCS of 0.582", "+0.001", "a ratio of .73", "2.5x", "3.2 GiB",
        "six times as fast", "in ten minutes", "4.4 CPU s, or 4.76 s",
    ],
)  # fmt: skip
def test_figure__that_is_typed_would_be_found(measured: str) -> None:
    assert _figures(f"The update took it: {measured}, on one core.")
    assert not _figures(f"<!-- table demo: begin -->\n{measured}\n<!-- table demo: end -->")


def test_every_table__is_shown_and_every_result_is_in_a_table() -> None:
    shown = {name for page in PAGES for name in re.findall(r"<!-- table (\w+): begin -->", page.read_text("utf-8"))}

    assert shown == TABLES.keys()
    results = {path.stem for path in RESULTS.iterdir() if path.suffix == ".json" or path.is_dir()}
    assert results <= shown
