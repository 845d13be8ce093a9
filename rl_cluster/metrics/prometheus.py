"""What Prometheus needs to watch runs: where Ray's exporters are, and when to raise an alarm.

Ray writes the addresses of its exporters, one per node, to `prom_metrics_service_discovery.json` in its temporary
folder. Alarms are those of `alerts.py`, and two that a run cannot raise itself: it reports nothing, or its checkpoint
grows old.
"""

import hashlib
import os
import re
from pathlib import Path
from typing import Any

from rl_cluster.metrics.alerts import RULES, Rule
from rl_cluster.metrics.names import CATALOGUE, CHECKPOINT_AGE_S, ETA_S, LEARNING_S, SAMPLING_S

__all__ = ["DISCOVERY", "alert_rules", "gauge_name", "run_label", "scrape_config", "series_name"]

DISCOVERY = "prom_metrics_service_discovery.json"
"""The name of the file in Ray's temporary folder."""
SCRAPE_S = 5
"""Seconds between scrapes; gauges are set every 5 s, too."""
OLD_CHECKPOINT_S = 3600
NEARLY_DONE_S = 60
_LONGEST_NAME = 64
"""The longest label, because Prometheus keeps every label in memory."""


def gauge_name(key: str) -> str:
    """Name of a key's gauge, to which Ray's exporters add `ray_`."""
    return f"rl_cluster_{key.replace('/', '_')}"


def series_name(key: str) -> str:
    """Name of a key's series in Prometheus."""
    return f"ray_{gauge_name(key)}"


def run_label(folder: Path) -> str:
    """The label that separates a run's series from those of all other runs, even with equal settings or folder name.

    It is the name of the run folder and six hex digits of its location, so it is the same after a resume.
    """
    place = os.path.realpath(folder)
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", Path(place).name)[:_LONGEST_NAME]
    return f"{name}-{hashlib.sha256(os.fsencode(place)).hexdigest()[:6]}"


def scrape_config(ray_folder: Path, rules: str) -> dict[str, Any]:
    """Settings of Prometheus, as plain data.

    Args:
        ray_folder: Ray's temporary folder on the machine of the head.
        rules: The file of the alert rules, beside these settings.
    """
    targets = [str(ray_folder / DISCOVERY)]
    return {
        "global": {"scrape_interval": f"{SCRAPE_S}s", "evaluation_interval": f"{SCRAPE_S}s"},
        "rule_files": [rules],
        "scrape_configs": [{"job_name": "ray", "file_sd_configs": [{"files": targets, "refresh_interval": "10s"}]}],
    }


def alert_rules() -> dict[str, Any]:
    """Alert rules, as plain data."""
    left, one = _last(ETA_S), f"{_last(SAMPLING_S)} + {_last(LEARNING_S)}"
    # A run that has ended also falls silent: its last report may be an iteration or two old.
    silent = f"({left} > {NEARLY_DONE_S} + 2 * ({one})) unless max by (run) ({series_name(ETA_S)})"
    old = f"max by (run) ({series_name(CHECKPOINT_AGE_S)}) > {OLD_CHECKPOINT_S}"
    rules = [
        _rule(_alert_name(rule.key), _expression(rule), CATALOGUE[rule.key].text, rule.remedy, rule.stands_for)
        for rule in RULES
    ]
    rules += [
        _rule(
            "RunSilent", silent, "a run fell silent before its end", "see whether its trainer is alive, or was stopped"
        ),
        _rule("CheckpointOld", old, CATALOGUE[CHECKPOINT_AGE_S].text, "lower training.checkpoint_every"),
    ]
    return {"groups": [{"name": "rl_cluster", "rules": rules}]}


def _expression(rule: Rule) -> str:
    return f"max by (run) ({series_name(rule.key)}) {'<' if rule.is_floor else '>'} {rule.limit:g}"


def _last(key: str) -> str:
    """The last value of the last minutes, even of a run that has fallen silent."""
    return f"max by (run) (last_over_time({series_name(key)}[10m]))"


def _alert_name(key: str) -> str:
    return "".join(word.capitalize() for word in key.replace("/", "_").split("_"))


def _rule(name: str, expression: str, summary: str, remedy: str, stands_for: str = "1m") -> dict[str, Any]:
    return {
        "alert": name,
        "expr": expression,
        "for": stands_for,
        "labels": {"severity": "warning"},
        "annotations": {"summary": f"{{{{ $labels.run }}}}: {summary}", "description": remedy},
    }
