"""Records in Weights & Biases, online or into files that `wandb sync` sends later. Needs the extra `tracking`."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import wandb

__all__ = ["WandbTracker"]

PROJECT = "rl_cluster"
INIT_TIMEOUT_S = 20.0
"""The outbox retries by itself."""


class WandbTracker:
    """Writes to a W&B run; after a resume, to the same one.

    Args:
        mode: offline writes files below the folder.
        folder: The folder of our run, which identifies the W&B run.
        name: What W&B calls the run.
        settings: Dotted key -> value of the run's settings: its configuration. A resumed run may change some.
    """

    def __init__(
        self, mode: Literal["offline", "online"], folder: Path, name: str, settings: Mapping[str, Any]
    ) -> None:
        identity = hashlib.sha256(str(folder.absolute()).encode()).hexdigest()[:16]
        self._run = wandb.init(
            project=PROJECT, name=name, id=identity, resume="allow", mode=mode, dir=str(folder),
            config=dict(settings), allow_val_change=True,
            settings=wandb.Settings(silent=True, console="off", init_timeout=INIT_TIMEOUT_S),
        )  # fmt: skip

    def log(self, iteration: int, metrics: Mapping[str, float]) -> None:
        """Logs the metrics as one step."""
        self._run.log(dict(metrics), step=iteration)

    def close(self) -> None:
        """Writes the remaining records."""
        self._run.finish()
