"""The benchmarks that need Ray: every subject really samples, or trains, what it is said to."""

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from benchmarks.measure import end_to_end, sampling
from benchmarks.peers.rllib_peers import PEERS
from rl_cluster.rllib.cluster import Cluster
from rl_cluster.rllib.messages import without_known_messages

ROOT = Path(__file__).parents[2]
NEEDS_MORE = {
    **dict.fromkeys(("intent_rounds", "planning", "tradeoff"), "a run"),
    "mappo": "BenchMARL",
    "model_gpu": "a GPU",
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
