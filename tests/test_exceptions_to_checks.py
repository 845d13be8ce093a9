"""Whatever is exempt from a check says why, in the same line."""

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.source_tree import ROOT, offenders

FOLDERS = ("rl_cluster", "tests", "benchmarks", "examples", "docker", "scripts")
EXEMPTION = re.compile(r"# (?:type: ignore\[[\w, -]+\]|noqa: [A-Z]+\d+(?:, [A-Z]+\d+)*)(?P<reason>.*)")
ANY_EXEMPTION = re.compile(r"#\s*(?:type:\s*ignore|noqa)\b", re.IGNORECASE)


def _comments(text: str) -> Iterator[str]:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return (token.string for token in tokens if token.type == tokenize.COMMENT)


def _unexplained(text: str) -> list[str]:
    """Exemptions from checks that do not name the check and a reason of two words or more."""
    found = []
    for comment in _comments(text):
        match = EXEMPTION.fullmatch(comment)
        is_explained = match and len(match["reason"].strip(" -#").split()) > 1
        if ANY_EXEMPTION.search(comment) and not is_explained:
            found.append(comment)
    return found


@pytest.mark.parametrize(
    ("line", "is_explained"),
    [
        ("x = 1  # noqa: N806", False),
        ("x = 1  # noqa", False),
        ("x = 1  # NOQA: N806 - a shape suffix", False),
        ("x = 1  # noqa: N806 - shape", False),
        ("x = 1  # noqa: N806 - a shape suffix", True),
        ("x = 1  # noqa: N806, E501 - a shape suffix", True),
        ("x = 1  # type: ignore[misc]", False),
        ("x = 1  # type: ignore  # it has no types", False),
        ("x = 1  # type: ignore[misc]  # it has no types", True),
        ("x = '# noqa'", True),
    ],
)
def test_unexplained__is_told_from_explained(line: str, is_explained: bool) -> None:
    assert (_unexplained(line) == []) == is_explained


def test_exemptions__say_why() -> None:
    files = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]

    def find(path: Path) -> list[str]:
        return _unexplained(path.read_text(encoding="utf-8"))

    assert offenders(find, files) == {}
