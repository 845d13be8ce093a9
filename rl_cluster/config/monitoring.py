"""Where a run's metrics are shown, beside the lines of its metrics.jsonl."""

from typing import Annotated, Literal

from pydantic import Field

from rl_cluster.config.section import Section

__all__ = ["MonitoringConfig"]


class MonitoringConfig(Section):
    """None of these services can hold up or end a run: what one of them does not take waits, and is tried again."""

    tensorboard: bool
    """Write TensorBoard curves to the run folder's `tensorboard`."""
    mlflow_uri: Annotated[str, Field(pattern=r"^(|https?://.+|sqlite:///.+|file://.+)$", max_length=500)]
    """MLflow's store: http://HOST:PORT or sqlite:///FILE; empty: none. Needs `pip install rl-cluster[tracking]`."""
    wandb_mode: Literal["disabled", "offline", "online"]
    """Weights & Biases: offline writes to the run folder, for `wandb sync`. Needs the same."""
    node_interval_s: Annotated[float, Field(ge=5.0, le=3600.0)]
    """Seconds between readings of every node's CPU, memory, GPUs, network and object store; each reads every 5 s."""
