"""Prometheus' own tools take what is written for it, and its rules raise the alarms that they should."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from rl_cluster.metrics.alerts import RULES
from rl_cluster.metrics.dashboard import expressions, grafana_dashboard
from rl_cluster.metrics.names import ETA_S, LEARNING_S, SAMPLING_S, describe
from rl_cluster.metrics.prometheus import DISCOVERY, alert_rules, run_label, series_name

INTERVAL_S = 5


def _promtool(tools: Path, *arguments: str) -> str:
    answer = subprocess.run([tools / "promtool", *arguments], capture_output=True, text=True, check=False, timeout=60)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


@pytest.fixture
def folder(tmp_path: Path, exit_code: Callable[..., object], capsys: pytest.CaptureFixture[str]) -> Path:
    """What the command writes."""
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray" / DISCOVERY).write_text("[]")
    assert exit_code("dashboards", str(tmp_path / "new" / "monitoring"), "--ray-folder", str(tmp_path / "ray")) == 0
    assert capsys.readouterr().out.count("written: ") == 3
    return tmp_path / "new" / "monitoring"


def test_settings__are_valid_for_prometheus(folder: Path, prometheus: Path) -> None:
    told = _promtool(prometheus, "check", "config", str(folder / "prometheus.yml"))

    assert f"{len(RULES) + 2} rules found" in told
    assert "WARNING" not in told


def _case(key: str, values: str, at: str, *, is_raised: bool) -> dict[str, Any]:
    """Whether an alert of this run stands, after its series has had these values for a while."""
    (rule,) = [rule for rule in alert_rules()["groups"][0]["rules"] if f"({series_name(key)})" in rule["expr"]]
    labels = {"severity": "warning", "run": "first"}
    text = {name: words.replace("{{ $labels.run }}", "first") for name, words in rule["annotations"].items()}
    raised = [{"exp_labels": labels, "exp_annotations": text}]
    return {
        "interval": f"{INTERVAL_S}s",
        "input_series": [
            {"series": f'{series_name(key)}{{run="first", WorkerId="{worker}"}}', "values": values} for worker in "ab"
        ],
        "alert_rule_test": [{"eval_time": at, "alertname": rule["alert"], "exp_alerts": raised if is_raised else []}],
    }


def _silence(left: str, *, is_raised: bool) -> dict[str, Any]:
    """Whether a run with iterations of 15 s counts as silent three minutes after it may have ended."""
    case = _case(ETA_S, left, "8m", is_raised=is_raised)
    case["input_series"] += [
        {"series": f'{series_name(SAMPLING_S)}{{run="first"}}', "values": "5x60 _x200"},
        {"series": f'{series_name(LEARNING_S)}{{run="first"}}', "values": "10x60 _x200"},
    ]
    return case


@pytest.mark.slow
def test_rules__are_raised_beyond_their_limit_and_only_there(folder: Path, prometheus: Path) -> None:
    cases = []
    for rule in RULES:
        beyond, within = (rule.limit * 0.5, rule.limit * 2) if rule.is_floor else (rule.limit * 2 + 1, rule.limit)
        later = {"1m": "2m", "30m": "31m"}[rule.stands_for]
        cases += [
            _case(rule.key, f"{beyond}x400", later, is_raised=True),
            _case(rule.key, f"{beyond}x400", "30s", is_raised=False),
            _case(rule.key, f"{within}x400", later, is_raised=False),
        ]
    cases.append(_case("time/checkpoint_age_s", "0+100x60", "5m", is_raised=True))
    # seconds left: far from the end, then nothing; at the end, then nothing; far from it, and still telling
    cases.append(_silence("1000x60 stale", is_raised=True))
    cases.append(_silence("80x60 stale", is_raised=False))
    cases.append(_silence("1000x260", is_raised=False))
    tests = folder / "tests.yml"
    tests.write_text(yaml.safe_dump({"rule_files": ["alerts.yml"], "evaluation_interval": "5s", "tests": cases}))

    assert "SUCCESS" in _promtool(prometheus, "test", "rules", str(tests))


def test_dashboard__is_json_whose_panels_show_keys_of_the_catalogue(folder: Path) -> None:
    dashboard = json.loads((folder / "grafana.json").read_text())

    assert dashboard == grafana_dashboard()
    panels = dashboard["panels"]
    assert [panel["id"] for panel in panels] == list(range(1, len(panels) + 1))
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}
    assert len(places) == len(panels)
    shown = {target["expr"] for panel in panels for target in panel["targets"]}
    assert shown == set(expressions())
    for panel in panels:
        units = {describe(expressions()[target["expr"]]).unit for target in panel["targets"]}
        assert units <= {"1", "nat"} or len(units) == 1, panel["title"]


def test_run_label__tells_runs_apart_and_stays_when_one_is_resumed(tmp_path: Path) -> None:
    runs = [
        tmp_path / place for place in ("a/first", "b/first", "b/second", "b/first run", 'b/"x"\n{y}', "b/\udcff", "/")
    ]
    labels = [run_label(run) for run in runs]

    assert len(set(labels)) == len(runs)
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]{0,64}-[0-9a-f]{6}", label, re.ASCII) for label in labels)
    assert labels[0].startswith("first-")
    assert len(run_label(tmp_path / ("x" * 250))) == 71
    (tmp_path / "a").mkdir()
    (tmp_path / "link").symlink_to("a")
    assert run_label(tmp_path / "link" / "first") == labels[0] == run_label(tmp_path / "b" / ".." / "a" / "first")


def test_alerts_and_panels__tell_runs_apart_by_their_label() -> None:
    of_runs = [rule["expr"] for rule in alert_rules()["groups"][0]["rules"]]
    of_panels = [expression for expression, key in expressions().items() if not key.startswith(("host/", "device/"))]

    assert of_runs
    assert of_panels
    for expression in (*of_runs, *of_panels):
        assert "by (run)" in expression


def test_dashboards__are_refused_where_they_cannot_be_written(tmp_path: Path, error_line: Callable[..., str]) -> None:
    (tmp_path / "file").write_text("")

    assert "cannot be made: Not a directory; choose another folder" in error_line(
        "dashboards", str(tmp_path / "file" / "a")
    )
    assert "exists already; choose another" in error_line("dashboards", str(tmp_path / "file"))
    assert error_line("dashboards", "/proc/monitoring").startswith("error: /proc/monitoring: cannot be made")
