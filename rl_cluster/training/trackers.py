"""The services that a run's settings name, each with its outbox."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

from rl_cluster.config.schema import Config
from rl_cluster.errors import ConfigError
from rl_cluster.metrics.mlflow import MlflowTracker
from rl_cluster.metrics.tensorboard import TensorBoardTracker
from rl_cluster.metrics.tracking import Outbox, Tracker
from rl_cluster.metrics.wandb import WandbTracker
from rl_cluster.training.run import Record

__all__ = ["Trackers", "check_trackers"]

TENSORBOARD = "tensorboard"


class Trackers:
    """Hands iterations to all of them; use it in a `with`.

    Args:
        config: Of the run.
        folder: Of the run; it is written to once the first iteration is done.
        first_iteration: After which the run goes on.
        further: Name -> what opens it, of services that only an engine knows.
    """

    def __init__(
        self, config: Config, folder: Path, first_iteration: int, further: dict[str, Callable[[], Tracker]]
    ) -> None:
        monitoring = config.monitoring
        openers = dict(further)
        if monitoring.tensorboard:
            openers["TensorBoard"] = lambda: TensorBoardTracker(folder / TENSORBOARD, first_iteration + 1)
        if monitoring.mlflow_uri:
            openers[f"MLflow at {monitoring.mlflow_uri}"] = lambda: MlflowTracker(monitoring.mlflow_uri, folder)
        if monitoring.wandb_mode != "disabled":
            mode = monitoring.wandb_mode
            openers["Weights & Biases"] = lambda: WandbTracker(mode, folder)
        self._outboxes = [Outbox(name, opener) for name, opener in openers.items()]

    def note(self, record: Record) -> None:
        """Takes an iteration; returns at once."""
        for outbox in self._outboxes:
            outbox.log(record.done, record.metrics)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for outbox in self._outboxes:
            outbox.close()


def check_trackers(config: Config) -> None:
    """Raises ConfigError if a service is named whose package is missing: a run should not find out on its way."""
    asked = {"mlflow": bool(config.monitoring.mlflow_uri), "wandb": config.monitoring.wandb_mode != "disabled"}
    for package, is_asked in asked.items():
        if is_asked and not find_spec(package):
            what = f"{package} is not installed"
            raise ConfigError("monitoring", what, "pip install 'rl-cluster[tracking]', or leave the setting away")
