"""Records in MLflow: each of our runs is one MLflow run, even after a resume. Needs the extra `tracking`."""

import hashlib
import json
import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

__all__ = ["MlflowTracker"]

EXPERIMENT = "rl_cluster"
FOLDER_TAG = "rl_cluster.folder"
CHANGED_TAG = "rl_cluster.changed"
MAX_BATCH, MAX_VALUE = 100, 5000
"""What MLflow takes of parameters in one request, and of characters in one (tags: 8000)."""
LIMITS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}
"""The outbox retries by itself; MLflow's own retries take many minutes."""


class MlflowTracker:
    """Writes to a tracking server, or to a store in files or SQLite.

    Args:
        uri: http://HOST:PORT, or sqlite:///FILE.
        folder: The folder of our run, which identifies the MLflow run.
        name: What MLflow calls the run.
        settings: Dotted key -> value of the run's settings: the parameters of the MLflow run. MLflow never changes a
            parameter, so what a resumed run has changed is a tag, `rl_cluster.changed.KEY`.
    """

    def __init__(self, uri: str, folder: Path, name: str, settings: Mapping[str, Any]) -> None:
        for variable, value in LIMITS.items():
            os.environ.setdefault(variable, value)
        logging.getLogger("mlflow").setLevel(logging.WARNING)
        self._client = MlflowClient(tracking_uri=uri)
        experiment = self._client.get_experiment_by_name(EXPERIMENT)
        identity = experiment.experiment_id if experiment else self._client.create_experiment(EXPERIMENT)
        place = hashlib.sha256(str(folder.absolute()).encode()).hexdigest()  # a path may hold quotes
        found = self._client.search_runs([identity], f"tags.`{FOLDER_TAG}` = '{place}'", max_results=1)
        run = found[0] if found else self._client.create_run(identity, tags={FOLDER_TAG: place}, run_name=name)
        self._run_id: str = run.info.run_id
        self._note(run.data.params, {key: json.dumps(value)[:MAX_VALUE] for key, value in settings.items()})

    def _note(self, known: Mapping[str, str], settings: Mapping[str, str]) -> None:
        """Logs the settings that MLflow does not have yet, and those that differ from what it has."""
        new = [Param(key, value) for key, value in settings.items() if key not in known]
        for first in range(0, len(new), MAX_BATCH):
            self._client.log_batch(self._run_id, params=new[first : first + MAX_BATCH])
        changed = [
            RunTag(f"{CHANGED_TAG}.{key}", value) for key, value in settings.items() if known.get(key, value) != value
        ]
        for first in range(0, len(changed), MAX_BATCH):
            self._client.log_batch(self._run_id, tags=changed[first : first + MAX_BATCH])

    def log(self, iteration: int, metrics: Mapping[str, float]) -> None:
        """Sends all values in one request."""
        now_ms = int(time.time() * 1000)
        self._client.log_batch(
            self._run_id, metrics=[Metric(key, value, now_ms, iteration) for key, value in metrics.items()]
        )

    def close(self) -> None:
        """Marks the run as done."""
        self._client.set_terminated(self._run_id)
