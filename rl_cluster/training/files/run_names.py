"""What a run writes in its folder, by name. It imports nothing that takes time: commands look at paths first."""

from pathlib import Path

__all__ = ["CHANGES", "CHECKPOINTS", "CONFIG", "METRICS", "OWN_NAMES", "is_run_folder"]

CONFIG, METRICS, CHECKPOINTS, CHANGES = "config.yaml", "metrics.jsonl", "checkpoints", "changes.jsonl"
OWN_NAMES = (CONFIG, METRICS, CHECKPOINTS, CHANGES, "status.json", "tensorboard", "timeline.png")
"""The files that a run writes in its folder."""


def is_run_folder(path: Path) -> bool:
    """True = the folder holds a run's settings and metrics."""
    return (path / CONFIG).is_file() and (path / METRICS).is_file()
