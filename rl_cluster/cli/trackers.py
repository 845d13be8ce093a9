"""Which services a run's settings name, and how they are opened: with packages that not everybody has."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from rl_cluster.errors import ConfigError

if TYPE_CHECKING:
    from rl_cluster.config.monitoring import MonitoringConfig
    from rl_cluster.config.schema import Config
    from rl_cluster.metrics.tracking import Tracker

__all__ = ["check_trackers", "tracker_openers"]


def check_trackers(monitoring: "MonitoringConfig") -> None:
    """Raises ConfigError if a service is named whose package is missing: a run should not find out on its way."""
    asked = {"mlflow": bool(monitoring.mlflow_uri), "wandb": monitoring.wandb_mode != "disabled"}
    for package, is_asked in asked.items():
        if is_asked and not find_spec(package):
            remedy = "pip install '.[tracking]' in the repository's folder, or omit the setting"
            raise ConfigError("monitoring", f"{package} is not installed", remedy)


def tracker_openers(config: "Config", folder: Path, first_iteration: int) -> "dict[str, Callable[[], Tracker]]":
    """Name of a service -> what opens it.

    Args:
        config: Of the run.
        folder: Of the run.
        first_iteration: With which it goes on.
    """
    monitoring = config.monitoring

    def tensorboard() -> "Tracker":
        from rl_cluster.metrics.tensorboard import TensorBoardTracker

        return TensorBoardTracker(folder / "tensorboard", first_iteration)

    def mlflow() -> "Tracker":
        from rl_cluster.metrics.mlflow import MlflowTracker

        return MlflowTracker(monitoring.mlflow_uri, folder)

    def wandb() -> "Tracker":
        from rl_cluster.metrics.wandb import WandbTracker

        return WandbTracker("online" if monitoring.wandb_mode == "online" else "offline", folder)

    def ray() -> "Tracker":
        from rl_cluster.metrics.prometheus import run_label
        from rl_cluster.rllib.gauges import GaugeTracker

        return GaugeTracker(run_label(folder))

    services: list[tuple[str, bool, Callable[[], Tracker]]] = [
        ("TensorBoard", monitoring.tensorboard, tensorboard),
        (f"MLflow at {monitoring.mlflow_uri}", bool(monitoring.mlflow_uri), mlflow),
        ("Weights & Biases", monitoring.wandb_mode != "disabled", wandb),
        ("Ray's exporter", config.engine == "ray", ray),
    ]
    return {name: opener for name, is_asked, opener in services if is_asked}
