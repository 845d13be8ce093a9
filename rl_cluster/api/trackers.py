"""The tracking services that a run's settings name, and how to open them; their packages are optional."""

import os
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from netrc import NetrcParseError, netrc
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from rl_cluster.errors import ConfigError

if TYPE_CHECKING:
    from rl_cluster.config.monitoring import MonitoringConfig
    from rl_cluster.config.schema import Config
    from rl_cluster.metrics.tracking import Tracker

__all__ = ["check_trackers", "tracker_openers"]


def check_trackers(monitoring: "MonitoringConfig") -> None:
    """Raises ConfigError if the package of a named service is missing, before the run begins."""
    asked = {"mlflow": bool(monitoring.mlflow_uri), "wandb": monitoring.wandb_mode != "disabled"}
    for package, is_asked in asked.items():
        if is_asked and not find_spec(package):
            remedy = "pip install '.[tracking]' in the repository's folder, or omit the setting"
            raise ConfigError("monitoring", f"{package} is not installed", remedy)
    if monitoring.wandb_mode == "online":
        _check_wandb_key()


def _check_wandb_key() -> None:
    """Raises ConfigError without a key, for which W&B would ask on the terminal in the middle of the run."""
    host = urlsplit(os.environ.get("WANDB_BASE_URL") or "https://api.wandb.ai").netloc
    if os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_IDENTITY_TOKEN_FILE") or _is_in_netrc(host):
        return
    what = f"there is no key for {host}"
    remedy = "export WANDB_API_KEY, or run `wandb login` first, or set monitoring.wandb_mode=offline"
    raise ConfigError("monitoring.wandb_mode=online", what, remedy)


def _is_in_netrc(host: str) -> bool:
    """Whether the file that W&B reads has the host: $NETRC, else ~/.netrc or ~/_netrc."""
    names = [os.environ["NETRC"]] if os.environ.get("NETRC") else ["~/.netrc", "~/_netrc"]
    for name in names:
        with suppress(OSError, NetrcParseError):
            if netrc(os.path.expanduser(name)).authenticators(host):  # noqa: PTH111 - without a home it stays as it is
                return True
    return False


def tracker_openers(config: "Config", folder: Path, first_iteration: int) -> "dict[str, Callable[[], Tracker]]":
    """Name of a service -> the function that opens it: those of the settings, and on Ray the cluster's own exporter.

    Args:
        config: The run's settings.
        folder: The run's folder.
        first_iteration: The iteration with which the run begins or resumes.
    """
    from rl_cluster.training.tracker_openers import service_openers

    def ray() -> "Tracker":
        from rl_cluster.metrics.prometheus import run_label
        from rl_cluster.rllib.gauges import GaugeTracker

        return GaugeTracker(run_label(folder))

    exporter = {"Ray's exporter": ray} if config.engine == "ray" else {}
    return service_openers(config, folder, first_iteration) | exporter
