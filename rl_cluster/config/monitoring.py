"""Where a run's metrics are shown, beside the lines of its metrics.jsonl."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from rl_cluster.config.address_secrets import holds_secret
from rl_cluster.config.section import Section

__all__ = ["MonitoringConfig"]


def _check_no_secret(uri: object) -> object:
    """Settings are printed, saved in run folders and in checkpoints: no place for a password. It is not repeated."""
    if holds_secret(uri):
        what = "the address holds a user name, a password or a token, which would be saved with every checkpoint"
        raise ValueError(f"{what}; export MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD instead")
    return uri


class MonitoringConfig(Section):
    """None of these services can hold up or end a run: what one of them does not take waits, and is tried again."""

    tensorboard: bool
    """Write TensorBoard curves to the run folder's `tensorboard`."""
    mlflow_uri: Annotated[
        str,
        Field(pattern=r"^(|https?://.+|sqlite:///.+|file://.+)$", max_length=500),
        BeforeValidator(_check_no_secret),
    ]
    """MLflow's store: http://HOST:PORT or sqlite:///FILE; empty: none. Needs `pip install '.[tracking]'`.
    Who may write to it stands in the environment: MLFLOW_TRACKING_USERNAME, MLFLOW_TRACKING_PASSWORD."""
    wandb_mode: Literal["disabled", "offline", "online"]
    """Weights & Biases: offline writes to the run folder, for `wandb sync`. Needs the same."""
    node_interval_s: Annotated[float, Field(ge=5.0, le=3600.0)]
    """Seconds between readings of every node's CPU, memory, GPUs, network and object store; each reads every 5 s."""
