"""Recognises files that are given in place of another kind of file, and says which command takes them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from rl_cluster.errors import typed

__all__ = ["Kind", "Mistaken", "mistaken_data", "mistaken_path"]

Kind = Literal["settings", "scenario"]
"""What is wanted."""


class Mistaken(NamedTuple):
    """The kind of file that is given, and what to do with it; the parts of an error's message."""

    what: str
    remedy: str


KEYS: tuple[tuple[str, frozenset[str], str, str], ...] = (
    ("settings", frozenset({"task", "base", "engine", "generator", "ppo"}), "holds the settings of a run",
     "train with it: rl-cluster train FILE"),
    ("scenario", frozenset({"uavs", "targets", "area"}), "is a scenario, not settings",
     "train on it: rl-cluster train PRESET --scenario FILE; score policies in it: rl-cluster evaluate --scenario FILE"),
    ("map", frozenset({"type", "features"}), "is a map",
     "make a scenario of it: rl-cluster scenario import FILE --out scenario.yaml"),
    ("study", frozenset({"search", "space"}), "is the study section alone",
     "write it below study: in the settings of a run"),
    ("status", frozenset({"iteration", "iterations", "headline"}), "is the status of a run",
     "watch the run: rl-cluster top RUN"),
)  # fmt: skip
"""Kind, keys of which files of other kinds have at most one, and how messages put it."""


def mistaken_data(data: Any, wanted: Kind) -> Mistaken | None:
    """What plain data is that is not of the kind wanted; None = it is, or it cannot be told."""
    if not isinstance(data, Mapping):
        return None
    for kind, keys, what, remedy in KEYS:
        if len(keys & data.keys()) >= 2 or (kind == "settings" and "base" in data):
            return None if kind == wanted else Mistaken(what, remedy)
    return None


def mistaken_path(path: Path) -> Mistaken | None:
    """What a folder or a file of lines is that is given instead of a file of settings; None = it is neither."""
    if path.suffix.lower() == ".jsonl":
        remedy = "draw a trace on a map: rl-cluster scenario export SCENARIO --trace FILE --out map.geojson"
        return Mistaken("is a trace, or the metrics of a run", remedy)
    if (path / "checkpoints").is_dir():
        return Mistaken("is a run folder", f"go on with it: {typed('rl-cluster', 'train', '--resume', path)}")
    if (path / "manifest.json").is_file() or path.name == "checkpoints":
        remedy = typed("rl-cluster", "train", "PRESET", "--weights", path)
        return Mistaken("is a checkpoint", f"begin with its weights: {remedy}")
    return None
