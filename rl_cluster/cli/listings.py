"""What help lists beside options: presets and policies, each with a line. It imports nothing that takes time."""

import textwrap
from collections.abc import Mapping

from rl_cluster.config.shipped_presets import purposes
from rl_cluster.extension.entry_points import TASKS, installed

__all__ = ["POLICIES", "own_preset_listing", "policy_listing", "preset_listing"]

COLUMNS = 78
"""Width of a listing: a terminal of 80 columns, without the border that help draws."""
POLICIES = {
    "allocate": {
        "random": "chooses at random, and keeps its choice",
        "greedy": "takes the nearest target that it can help",
        "hungarian": "assigns UAVs to targets at the least distance, in rounds",
        "commitment-aware": "shortest pair first; subtracts what is under way",
        "cbba": "bids for targets in bundles, by consensus",
        "complete-first": "covers whole targets, the cheapest team first",
        "complete-only": "the same with the fewest UAVs; no partial service",
        "optimum": "solver for small worlds; only if named; needs ortools",
    },
    "navigate": {
        "random": "steers at random",
        "straight": "flies straight to the goal, and turns away from what is near",
        "orca": "optimal reciprocal collision avoidance",
    },
}
"""Task -> heuristic -> what it does, in the order of the task's tables."""

PRESET_LINES = {
    "curriculum_demo": "four stages from two UAVs to twenty; 13 minutes",
    "debug": "a minute, with Ray: whether everything works",
    "default": "a workstation of 8 cores, no GPU; some hours",
    "dev": "seconds on one core, without Ray: while changing code",
    "high_performance": "one machine with one large GPU and 16 cores",
    "low_memory": "less than 8 GiB, with or without a small GPU",
    "mixed": "every rule and every start, each in some episodes",
    "multi_node": "two nodes or more, eight GPUs and 64 cores",
    "navigate_curriculum": "navigate: from two UAVs to twelve; 13 minutes",
    "navigate_demo": "navigate: four UAVs between no-fly zones; minutes",
    "pretrained": "what the network of the package was trained with",
    "prod": "default for weeks: more checkpoints and restarts",
    "quick_demo": "teams of 2 to 8 UAVs on a two-core laptop; minutes",
    "single_node": "one node with four GPUs and 32 cores",
    "tune_demo": "for `tune`: eight settings of a small run; minutes",
}
"""What a preset is for, shorter than the comment at its beginning."""


def preset_listing() -> str:
    """A paragraph of help with a line for each preset."""
    lines = {name: PRESET_LINES.get(name, purpose) for name, purpose in purposes().items()}
    # help is dedented by its last lines: one without an indent keeps that of the others
    return f"{_listing('Presets:', lines)}\n`rl-cluster config show NAME` prints one."


def own_preset_listing() -> str:
    """A paragraph with a line for each preset that an installed package adds with its task; empty if there is none.

    It asks what is installed, and imports none of it. Raises ConfigError as `installed`.
    """
    lines = {name: f"comes with the package {path.partition('.')[0]}" for name, path in installed(TASKS, ()).items()}
    return _listing("Presets of installed packages:", lines) if lines else ""


def policy_listing() -> str:
    """Paragraphs of help with a line for each policy that --policy names."""
    tasks = [_listing(f"Policies of task {task}:", policies) for task, policies in POLICIES.items()]
    return "\n\n".join([*tasks, _listing("Of every task:", {"pretrained": "the network that comes with the package"})])


def _listing(title: str, lines: Mapping[str, str]) -> str:
    width = max(map(len, lines)) + 2
    shown = [
        f"  {name:<{width}}{textwrap.shorten(text, COLUMNS - width - 2, placeholder=' ..')}"
        for name, text in lines.items()
    ]
    return "\n".join([title, *shown])
