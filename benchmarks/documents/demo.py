"""Tables of `make demo`: what `evaluate` prints at its end, and the scores in the shipped scenarios."""

from pathlib import Path
from typing import Any

from benchmarks.documents.markdown import load, policy_label, table
from benchmarks.documents.scores import DEMO_METRICS, lead, signed

__all__ = ["demo", "demo_scenarios"]

HEADLINE = "normalized_completion_score"
SCREEN = ("satisfied_rate", "last_service_s", "path_km_per_uav", "timeout_rate", HEADLINE)
"""What the screen of `evaluate` shows of `allocate`."""


def _best_first(group: dict[str, Any]) -> list[str]:
    """The policies in the order of the screen of `evaluate`."""
    return sorted(group["means"], key=lambda name: -group["means"][name][HEADLINE]["mean"])


def demo() -> str:
    """What `make demo` scored on generated episodes: the verdict of `evaluate`, and a row for each policy."""
    scores = load("demo", "generated.json")
    (group,) = scores["groups"]
    ranked, differences = _best_first(group), group["differences"]
    rival = next(name for name in ranked if name not in differences)
    body = [
        [
            policy_label(name),
            *(f"{group['means'][name][metric]['mean']:.{DEMO_METRICS[metric][1]}f}" for metric in SCREEN),
            signed(differences[name][rival][HEADLINE]) if name in differences else "",
        ]
        for name in ranked
    ]
    labels = [DEMO_METRICS[metric][0] for metric in SCREEN]
    parts = [
        lead(scores, load("demo", "machine.json")),
        _verdict(group, ranked[0], rival),
        table(["best first", *labels, f"NCS minus {policy_label(rival)}'s"], body),
    ]
    return "\n\n".join(parts)


def _verdict(group: dict[str, Any], best: str, rival: str) -> str:
    """The best policy, and how far it is above the best heuristic, or level with it."""
    score, told = group["means"][best][HEADLINE]["mean"], policy_label(best)
    if best == rival:
        return f"{told}, a heuristic, is best: NCS {score:.3f}."
    ahead = group["differences"][best][rival][HEADLINE]
    excludes = "excludes" if ahead["low"] > 0.0 else "includes"
    return (
        f"{told} is best: NCS {score:.3f}, {ahead['mean']:.3f} above {policy_label(rival)}, the best heuristic. "
        f"The 95 % interval of the lead [{ahead['low']:+.3f}, {ahead['high']:+.3f}] {excludes} 0."
    )


def demo_scenarios() -> str:
    """What `make demo` scored in the shipped scenarios: NCS."""
    groups = load("demo", "scenarios.json")["groups"]
    titles = [Path(scenario["title"].split()[-1]).stem for scenario in groups]
    (generated,) = load("demo", "generated.json")["groups"]
    body = [
        [policy_label(name), *(f"{scenario['means'][name][HEADLINE]['mean']:.3f}" for scenario in groups)]
        for name in _best_first(generated)
    ]
    return table(["NCS", *titles], body)
