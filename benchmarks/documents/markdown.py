"""The parts of every table: results, read from `docs/results`, and Markdown."""

import json
from pathlib import Path
from typing import Any

__all__ = ["RESULTS", "ROOT", "load", "number", "policy_label", "table"]

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "docs" / "results"
LABELS = {
    "policy argmax": "policy",
    "pretrained argmax": "pretrained",
    "hungarian": "Hungarian",
    "cbba": "CBBA",
    "orca": "ORCA",
}


def load(*parts: str) -> Any:
    """A stored result."""
    return json.loads(RESULTS.joinpath(*parts).read_text(encoding="utf-8"))


def table(head: list[str], body: list[list[str]]) -> str:
    """A table whose first column is text and whose others are numbers."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *body]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def policy_label(policy: str) -> str:
    """A policy's name in the documents."""
    return LABELS.get(policy, policy)


def number(value: float | None) -> str:
    """Three significant digits, or whole thousands; nothing for None."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
