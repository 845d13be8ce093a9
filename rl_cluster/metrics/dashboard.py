"""A Grafana dashboard of runs and of the nodes that they run on, as Grafana's JSON (schema version 39).

Panels name keys; expressions and units follow from the catalogue. Every process that shows a gauge gets its own series
from Ray, so every expression takes the maximum over them.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from rl_cluster.environment.tasks import TASKS
from rl_cluster.metrics import names
from rl_cluster.metrics.names import (
    AGENT_STEPS_PER_S,
    CHECKPOINT_AGE_S,
    ENV_STEPS_PER_S,
    ETA_S,
    EXPOSED_SHARE,
    LEARNER_SAMPLES_PER_S,
    POLICY_LAG,
    describe,
    episode_key,
    evaluation_key,
    learning_key,
    phase_key,
)
from rl_cluster.metrics.phases import PHASES
from rl_cluster.metrics.prometheus import series_name

__all__ = ["UID", "Panel", "expressions", "grafana_dashboard"]

UID = "rl-cluster"
COLUMNS, HEIGHT = 3, 8
GRAFANA_UNITS = {
    "1": "short", "s": "s", "1/s": "ops", "byte": "bytes", "byte/s": "Bps", "W": "watt", "degC": "celsius",
    "MHz": "megahertz", "nat": "short", "reward": "short", "1/km": "short", "km": "lengthkm", "m": "lengthm",
}  # fmt: skip
"""Unit of the catalogue -> Grafana's name."""
RUN, NODE, GPU = ("run",), ("node",), ("node", "gpu")


class Panel(NamedTuple):
    """One panel of the dashboard."""

    title: str
    keys: Sequence[str]
    by: Sequence[str] = RUN
    """labels that distinguish series"""
    is_stacked: bool = False


def _panels() -> list[Panel]:
    headlines = [task.headline.name for task in TASKS.values()]
    return [
        Panel("Episodes in training", [episode_key(name) for name in headlines]),
        Panel("Evaluations", [evaluation_key(name) for name in headlines]),
        Panel("Reward of a UAV", [episode_key("per_agent_reward")]),
        Panel("Where the time goes", [phase_key(phase) for phase in PHASES], is_stacked=True),
        Panel("Speed", [AGENT_STEPS_PER_S, ENV_STEPS_PER_S, LEARNER_SAMPLES_PER_S]),
        Panel("Policy", [learning_key(name) for name in ("entropy", "approx_kl", "explained_variance")]),
        Panel("Gradient", [learning_key("grad_norm")]),
        Panel("Weights lag behind", [POLICY_LAG]),
        Panel("Imbalance", [names.balance_key(who, "imbalance") for who in ("runner", "learner", "node")]),
        Panel("Waiting for the slowest", [names.balance_key(who, "wait_s") for who in ("runner", "learner")]),
        Panel("All-reduce", [EXPOSED_SHARE, names.COMMUNICATION_BUS_RATIO]),
        Panel(
            "Bandwidth of all-reduce", [names.COMMUNICATION_BUS_BYTES_PER_S, names.COMMUNICATION_PROBE_BUS_BYTES_PER_S]
        ),
        Panel("Weights to env runners", [names.COMMUNICATION_WEIGHTS_S]),
        Panel("Memory of the Learners", [names.MEMORY_USED_BYTES]),
        Panel("Time left, age of the checkpoint", [ETA_S, CHECKPOINT_AGE_S]),
        Panel("CPU", [names.HOST_CPU_SHARE], NODE),
        Panel("Memory", [names.HOST_MEMORY_SHARE], NODE),
        Panel("Object store", [names.HOST_OBJECT_STORE_SHARE], NODE),
        Panel("Spilled", [names.HOST_SPILLED_BYTES], NODE),
        Panel("Network", [names.HOST_SENT_BYTES_PER_S, names.HOST_RECEIVED_BYTES_PER_S], NODE),
        Panel("Disk", [names.HOST_DISK_SHARE], NODE),
        Panel("GPU busy", [names.DEVICE_BUSY_SHARE], GPU),
        Panel("GPU memory", [names.DEVICE_MEMORY_SHARE], GPU),
        Panel("GPU power", [names.DEVICE_POWER_W], GPU),
        Panel("GPU clock", [names.DEVICE_SM_CLOCK_MHZ], GPU),
        Panel("GPU heat", [names.DEVICE_TEMPERATURE_C], GPU),
        Panel("GPU held down", [names.DEVICE_THROTTLED], GPU),
    ]


def expressions() -> dict[str, str]:
    """PromQL expression -> the key that it shows, for all panels."""
    return {_expression(key, panel.by): key for panel in _panels() for key in panel.keys}


def grafana_dashboard() -> dict[str, Any]:
    """The dashboard, as plain data."""
    return {
        "uid": UID,
        "title": "rl_cluster",
        "tags": ["ray", "rl_cluster"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "refresh": "10s",
        "time": {"from": "now-30m", "to": "now"},
        "templating": {
            "list": [{"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Source"}]
        },
        "panels": [_panel(index, panel) for index, panel in enumerate(_panels())],
    }


def _expression(key: str, by: Sequence[str]) -> str:
    return f"max by ({', '.join(by)}) ({series_name(key)})"


def _panel(index: int, panel: Panel) -> dict[str, Any]:
    width = 24 // COLUMNS
    labels = " ".join(f"{{{{{label}}}}}" for label in panel.by)
    custom = {"stacking": {"mode": "normal"}, "fillOpacity": 60} if panel.is_stacked else {}
    return {
        "id": index + 1,
        "type": "timeseries",
        "title": panel.title,
        "description": "\n".join(f"{key}: {describe(key).text}" for key in panel.keys),
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "gridPos": {"x": index % COLUMNS * width, "y": index // COLUMNS * HEIGHT, "w": width, "h": HEIGHT},
        "fieldConfig": {
            "defaults": {"unit": GRAFANA_UNITS[describe(panel.keys[0]).unit], "custom": custom},
            "overrides": [],
        },
        "targets": [
            {
                "refId": chr(ord("A") + number),
                "expr": _expression(key, panel.by),
                "legendFormat": f"{labels} {key.partition('/')[2]}",
            }
            for number, key in enumerate(panel.keys)
        ],
    }
