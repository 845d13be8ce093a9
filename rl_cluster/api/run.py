"""A run on disk, as Python reads it: settings, metrics as arrays, events, checkpoints."""

from collections import defaultdict
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from rl_cluster.api.policy import LoadedPolicy, load_policy
from rl_cluster.config.load import validated
from rl_cluster.config.migrations import UNNUMBERED
from rl_cluster.config.schema import Config
from rl_cluster.config.yaml_file import read_yaml
from rl_cluster.errors import CheckpointError
from rl_cluster.training.checkpoints.store import list_checkpoints
from rl_cluster.training.events import Event
from rl_cluster.training.files.metrics_lines import EVENTS, read_metrics
from rl_cluster.training.files.run_names import CHECKPOINTS, CONFIG, METRICS, is_run_folder

__all__ = ["Run"]

ITERATION = "iteration"


class Run:
    """A run folder, open for reading. `Run.open` makes one; a run that still trains can be read, too."""

    def __init__(self, path: Path, config: Config) -> None:
        self.path, self.config = path, config

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """A run. Raises CheckpointError if it is no run folder, ConfigError if its settings are unusable."""
        folder = Path(path)
        if not is_run_folder(folder):
            what = f"is no run folder: it has no {CONFIG} or no {METRICS}"
            raise CheckpointError(str(folder), what, "name the folder that a run was trained in")
        data = read_yaml(folder / CONFIG)
        if not isinstance(data, dict):
            raise CheckpointError(str(folder / CONFIG), "is not a mapping", "put the run's own file there")
        return cls(folder, validated(data, str(folder / CONFIG), UNNUMBERED))

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    @property
    def metrics(self) -> dict[str, NDArray[np.float64]]:
        """Metric name -> (I,) float64, one value for each of the I iterations so far; nan where it was not measured.

        `iteration` has their numbers. docs/monitoring.md lists the names.
        """
        lines = list(read_metrics(self.path / METRICS))
        columns: dict[str, NDArray[np.float64]] = defaultdict(lambda: np.full(len(lines), np.nan))
        columns[ITERATION] = np.array([line[ITERATION] for line in lines], dtype=np.float64)
        for row, line in enumerate(lines):
            for name in line.keys() - {ITERATION, EVENTS}:
                columns[name][row] = line[name]
        return dict(columns)

    @property
    def events(self) -> list[tuple[int, Event]]:
        """Iteration and event, of all decisions of the controllers and all alerts."""
        return [
            (line[ITERATION], event) for line in read_metrics(self.path / METRICS) for event in line.get(EVENTS, ())
        ]

    @property
    def checkpoints(self) -> list[Path]:
        """The checkpoint folders, oldest first."""
        return list_checkpoints(self.path / CHECKPOINTS)[::-1]

    def policy(self, checkpoint: Path | None = None) -> LoadedPolicy:
        """The policy of the newest sound checkpoint, or of the one that is named. Raises CheckpointError."""
        return load_policy(checkpoint or self.path)
