"""Two nodes, a real Prometheus: it finds every key of the run and of both nodes, and every panel has data."""

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import ray
import ray.cluster_utils

from rl_cluster.cli import main
from rl_cluster.config.load import load_config
from rl_cluster.metrics.dashboard import expressions
from rl_cluster.metrics.gpu import GpuReading
from rl_cluster.metrics.names import DEVICE_CATALOGUE, HOST_CATALOGUE, evaluation_key
from rl_cluster.metrics.node import device_values
from rl_cluster.metrics.prometheus import series_name
from rl_cluster.rllib.cluster import Cluster
from rl_cluster.rllib.engine import RayEngine
from rl_cluster.rllib.gauges import Gauges, GaugeTracker
from rl_cluster.training.run import Run

SETTINGS = (
    "name=scraped",
    "model.width=8",
    "model.num_heads=2",
    "sampling.worlds_per_runner=4",
    "sampling.num_env_runners=3",
    "sampling.cpus_per_runner=0.9",  # two on the head, one on the other node
    "learners.num_learners=2",
    "learners.cpus_per_learner=0.1",
    "ppo.minibatch_rows=32",
    "training.iterations=1000",
    "training.evaluate_every=3",
    "training.evaluation_episodes=4",
    "monitoring.node_interval_s=5.0",
)
PATIENCE_S = 90.0
NVML_ONLY = GpuReading(0, "played", 0.9, 3e9, 4e9, 300.0, 60.0, 1900.0, ())
OTHER_TASK = evaluation_key("success_rate")
"""Both tasks have it; the other headline belongs to `allocate` alone."""


class Prometheus(NamedTuple):
    """A server, and how to ask it."""

    url: str

    def ask(self, expression: str) -> list[dict[str, Any]]:
        """The series of an instant query."""
        query = urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(f"{self.url}/api/v1/query?{query}", timeout=10.0) as answer:
            result: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return result


def _work_until_none(missing: Callable[[], object], work: Callable[[], object]) -> None:
    """Works until nothing is missing; fails if something always is."""
    deadline_s = time.monotonic() + PATIENCE_S
    while still := missing():
        assert time.monotonic() < deadline_s, still
        work()


@pytest.fixture
def server(
    prometheus: Path,
    nodes: ray.cluster_utils.Cluster,
    cluster: Cluster,
    tmp_path: Path,
    free_ports: Callable[[int], list[str]],
) -> Iterator[Prometheus]:
    """Prometheus, by the settings that the command writes; the exporters are those of both nodes."""
    exporters = [f"127.0.0.1:{node['MetricsExportPort']}" for node in ray.nodes() if node["Alive"]]
    with pytest.raises(SystemExit):
        main(["dashboards", str(tmp_path), "--ray-folder", str(tmp_path)])
    (tmp_path / "prom_metrics_service_discovery.json").write_text(json.dumps([{"targets": exporters}]))
    (port,) = free_ports(1)
    command = [
        str(prometheus / "prometheus"),
        f"--config.file={tmp_path}/prometheus.yml",
        f"--storage.tsdb.path={tmp_path}/data",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield Prometheus(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(30.0)
        shutil.rmtree(tmp_path / "data", ignore_errors=True)


def _is_ready(server: Prometheus) -> bool:
    try:
        return len(server.ask("up == 1")) == 2
    except (urllib.error.URLError, KeyError):
        return False


def _labels(server: Prometheus, key: str, label: str) -> set[str]:
    return {series["metric"][label] for series in server.ask(series_name(key))}


def test_prometheus__finds_every_key_of_two_nodes_and_every_panel_has_data(
    server: Prometheus, cluster: Cluster
) -> None:
    engine = RayEngine(load_config("debug", list(SETTINGS)))
    tracker = GaugeTracker("scraped")
    run = Run(engine, engine.config, None)
    device = Gauges({"run": "scraped", "node": "played"})  # there is no GPU here: its reading is played
    known: dict[str, float] = {}

    def work() -> None:
        record = run.iterate()
        # what the loop, and the other task, would add
        others = {"time/checkpoint_age_s": 1.0, "episode/success_rate": 0.5, OTHER_TASK: 0.5}
        known.update(record.metrics | others)
        tracker.log(record.done, record.metrics | others)
        device.show(device_values(NVML_ONLY), {"gpu": "0"})

    def missing() -> list[str]:
        names = {node.node for node in engine.status().nodes}
        unheard = [key for key in HOST_CATALOGUE if _labels(server, key, "node") != names]
        return [expression for expression in expressions() if not server.ask(expression)] + unheard

    try:
        _work_until_none(lambda: not _is_ready(server), work)
        _work_until_none(lambda: len(engine.status().nodes) < 2, work)
        _work_until_none(missing, work)
        # a key that has just been measured is exported some seconds later
        _work_until_none(lambda: [key for key in known if _labels(server, key, "run") != {"scraped"}], work)
        for key in DEVICE_CATALOGUE:
            (series,) = server.ask(series_name(key))
            assert (series["metric"]["node"], series["metric"]["gpu"]) == ("played", "0")
        latest = run.iterate().metrics["node/count"]
        assert float(server.ask(series_name("node/count"))[0]["value"][1]) == latest == 2.0
    finally:
        tracker.close()
        engine.close()
