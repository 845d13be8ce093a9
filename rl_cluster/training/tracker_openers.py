"""The tracking services that a run's settings name, and how to open them; their packages are optional."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rl_cluster.config.load import dotted_settings
from rl_cluster.config.schema import Config

if TYPE_CHECKING:
    from rl_cluster.metrics.tracking import Tracker

__all__ = ["service_openers"]


def service_openers(
    config: Config, folder: Path, first_iteration: int, name: str | None = None
) -> "dict[str, Callable[[], Tracker]]":
    """Name of a service -> the function that opens it.

    Args:
        config: The run's settings.
        folder: The run's folder, by which MLflow and W&B recognise the run when it resumes.
        first_iteration: The iteration with which the run begins or resumes.
        name: What MLflow and W&B call the run; None = as its folder.
    """
    monitoring, shown = config.monitoring, name or folder.name

    def tensorboard() -> "Tracker":
        from rl_cluster.metrics.tensorboard import TensorBoardTracker

        return TensorBoardTracker(folder / "tensorboard", first_iteration)

    def mlflow() -> "Tracker":
        from rl_cluster.metrics.mlflow import MlflowTracker

        return MlflowTracker(monitoring.mlflow_uri, folder, shown, dotted_settings(config))

    def wandb() -> "Tracker":
        from rl_cluster.metrics.wandb import WandbTracker

        mode: Literal["online", "offline"] = "online" if monitoring.wandb_mode == "online" else "offline"
        return WandbTracker(mode, folder, shown, dotted_settings(config))

    services: list[tuple[str, bool, Callable[[], Tracker]]] = [
        ("TensorBoard", monitoring.tensorboard, tensorboard),
        (f"MLflow at {monitoring.mlflow_uri}", bool(monitoring.mlflow_uri), mlflow),
        ("Weights & Biases", monitoring.wandb_mode != "disabled", wandb),
    ]
    return {service: opener for service, is_asked, opener in services if is_asked}
