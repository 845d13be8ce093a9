"""Table of the demo's recipe with several training seeds, with and without a search.

    python -m benchmarks.documents.demo_seeds FILE..    # what `evaluate RUN --search plans=64 --json` wrote, by seed
    python -m benchmarks.documents.tables

The first command keeps the scores in docs/results, the second one shows them.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.documents.markdown import RESULTS, load, policy_label, table
from benchmarks.documents.scores import signed

__all__ = ["demo_seeds"]

FILE = "seeds.json"
METRICS = {
    "satisfied_rate": ("satisfied rate", 3),
    "normalized_completion_score": ("NCS", 3),
    "makespan_s": ("makespan (s)", 0),
}
POLICIES = ("policy argmax", "policy search")
RIVALS = {"complete-first": "satisfied_rate", "complete-only": "normalized_completion_score"}
"""Heuristic -> the metric in which it is compared."""


def demo_seeds() -> str:
    """Means of each policy and seed, and its leads over the two strongest heuristics."""
    seeds = load("demo", FILE)
    body = [
        [
            str(seed),
            policy_label(name),
            *(f"{group['means'][name][metric]:.{digits}f}" for metric, (_, digits) in METRICS.items()),
            *(signed(group["leads"][name][rival]) for rival in RIVALS),
        ]
        for seed, group in enumerate(seeds)
        for name in POLICIES
    ]
    leads = [f"{METRICS[metric][0]} minus {policy_label(rival)}'s" for rival, metric in RIVALS.items()]
    return table(["seed", "policy", *(label for label, _ in METRICS.values()), *leads], body)


def _kept(group: dict[str, Any]) -> dict[str, Any]:
    differences = group["differences"]
    return {
        "means": {name: {metric: group["means"][name][metric]["mean"] for metric in METRICS} for name in POLICIES},
        "leads": {
            name: {rival: differences[name][rival][metric] for rival, metric in RIVALS.items()} for name in POLICIES
        },
    }


def main(files: Sequence[str]) -> None:
    """Keeps what the table shows."""
    groups = [json.loads(Path(file).read_text(encoding="utf-8"))["groups"][0] for file in files]
    text = json.dumps([_kept(group) for group in groups], indent=1)
    (RESULTS / "demo" / FILE).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
