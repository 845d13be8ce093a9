"""The benchmarks that need Ray: every subject really samples, or trains, what it is said to."""

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import ray.cluster_utils

from benchmarks.measure import end_to_end, sampling
from benchmarks.peers.rllib_peers import PEERS
from benchmarks.scaling.control_plane import STEPS, ControlPlane
from benchmarks.scaling.fake_nodes import PLACE
from benchmarks.scaling.traffic import counted
from rl_cluster.rllib.cluster import Cluster
from rl_cluster.rllib.messages import without_known_messages

ROOT = Path(__file__).parents[2]
NEEDS_MORE = {
    **dict.fromkeys(("intent_rounds", "planning", "tradeoff"), "a run"),
    "mappo": "BenchMARL",
    **dict.fromkeys(("model_gpu", "rollout_gpu"), "a GPU"),
}
SCRIPTS = sorted({path.stem for path in (ROOT / "benchmarks" / "measure").glob("*.py")} - {"__init__", *NEEDS_MORE})
PLAN = end_to_end.Plan(rounds=1, least_seconds=0.05, num_worlds={"mlp": 8, "gnn": 8})
pytestmark = pytest.mark.filterwarnings("ignore")  # RLlib's own environments and modules warn of themselves


def test_sampling__measures_ours_and_all_peers(cluster: Cluster) -> None:
    with without_known_messages():
        subjects = sampling.make_subjects(num_worlds=8)
        rates, daemon_share = sampling.race(subjects, rounds=1, least_seconds=0.05)

    assert rates.keys() == {"bare", "local", "remote", *PEERS}
    assert min(map(min, rates.values())) > 0.0 <= daemon_share
    assert [row.name for row in sampling.make_rows(rates)] == [
        "bare loop local",
        "bare loop remote",
        *(f"rllib.{kind}" for kind in PEERS),
    ]


def test_end_to_end__trains_ours_and_all_peers(cluster: Cluster, tmp_path: Path) -> None:
    with without_known_messages():
        rates = end_to_end.race("mlp", PLAN)

    assert rates.keys() == {"bare", "local", "remote", *PEERS}
    assert min(map(min, rates.values())) > 0.0


def test_scaling__runs_a_trainer_whose_env_runners_are_idle(nodes: ray.cluster_utils.Cluster, cluster: Cluster) -> None:
    node = nodes.add_node(num_cpus=0, resources={PLACE: 2})
    with without_known_messages():
        plane = ControlPlane()
        costs = [plane.cost(2, steps, 1) for steps in (STEPS["0.1 MB"], STEPS["1 MB"])]
        plane.close()
    nodes.remove_node(node)

    assert [cost.num_runners for cost in costs] == [2, 2]
    assert [round(cost.fragment_bytes, -5) for cost in costs] == [100_000, 1_000_000]
    assert min(cost.cpu_s for cost in costs) > 0.0
    assert all(2 * 500 < cost.num_bytes < 2 * 16 * 1024 and cost.bulk_bytes == 0 for cost in costs)


def test_traffic__tells_what_may_hold_columns_from_what_may_not(cluster: Cluster) -> None:
    with counted(8000) as traffic:
        ray.get(ray.put(np.zeros(10)))
        small = traffic.num_bytes, traffic.bulk_bytes
        ray.get(ray.put(np.zeros(1000)))

    assert 2 * 80 < small[0] < 8000
    assert small[1] == 0
    assert 2 * 8000 <= traffic.bulk_bytes == traffic.num_bytes - small[0]


@pytest.mark.long
@pytest.mark.parametrize("script", SCRIPTS)
def test_quick_run__gives_the_rows_of_the_full_one(script: str, tmp_path: Path) -> None:
    if script == "environment":
        pytest.importorskip("vmas", reason="the extra benchmarks is not installed")
    more = ["--history", str(tmp_path / "history.jsonl")] if script == "regression" else []
    command = [sys.executable, "-m", f"benchmarks.measure.{script}", "--quick", "--json", str(tmp_path / "rows.json")]

    subprocess.run([*command, *more], cwd=ROOT, check=True)

    names = [row["name"] for row in json.loads((tmp_path / "rows.json").read_text(encoding="utf-8"))["rows"]]
    assert names == list(import_module(f"benchmarks.measure.{script}").ROWS)
