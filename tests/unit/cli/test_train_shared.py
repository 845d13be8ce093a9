"""The command line with a run in an object store: train, stop, go on, evaluate, begin with its weights."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import rl_cluster
from rl_cluster.config.schema import Config
from rl_cluster.errors import CheckpointError
from tests.conftest import TINY
from tests.object_store import ObjectStore

pytestmark = pytest.mark.slow


def test_commands__take_the_address_of_a_run_wherever_they_take_its_folder(
    store: ObjectStore, tmp_path: Path, exit_code: Callable[..., object], capsys: pytest.CaptureFixture[str]
) -> None:
    address = f"s3://{store.bucket}/runs/first"
    runs = tmp_path / "home" / "rl_cluster_runs"
    assert exit_code("train", "debug", *TINY, "--out", address) == 0
    printed = capsys.readouterr().out
    assert f"each checkpoint is copied to {address}\n" in printed
    assert f"score it: rl-cluster evaluate {address}\n" in printed
    shutil.rmtree(runs)

    assert exit_code("train", "--resume", address, "training.iterations=3") == 0
    assert f"score it: rl-cluster evaluate {address}\n" in capsys.readouterr().out
    assert any(key.startswith("checkpoints/checkpoint-000003/") for key in store.objects("runs/first"))
    shutil.rmtree(runs)

    scores = tmp_path / "scores.json"
    assert exit_code("evaluate", address, "--episodes", "1", "--policy", "greedy", "--json", str(scores)) == 0
    assert f"policy of {address}: run debug," in capsys.readouterr().out
    assert address in json.dumps(json.loads(scores.read_text()))
    second = str(tmp_path / "second")
    assert exit_code("train", "debug", *TINY, "--weights", address, "--out", second) == 0
    assert not runs.exists()


def test_train__refused_by_its_place_says_so_in_one_line(
    store: ObjectStore, error_line: Callable[..., str], tmp_path: Path
) -> None:
    store.put("runs/first/notes.txt", b"mine")
    address = f"s3://{store.bucket}/runs/first"

    line = error_line("train", "debug", *TINY, "--out", address)
    assert line == f"error: {address}: exists already; choose another --out"
    line = error_line("train", "--resume", address)
    assert line.startswith(f"error: {address}: is no run: it has no config.yaml or no metrics.jsonl; name the address")
    with store.guarded():
        line = error_line("train", "debug", *TINY, "--out", address)
    assert line.startswith(f"error: {address}: the store refuses access; export AWS_ACCESS_KEY_ID")
    assert not (tmp_path / "home" / "rl_cluster_runs").exists()


def test_python__takes_the_address_as_the_command_line_does(store: ObjectStore, tiny: Config, tmp_path: Path) -> None:
    address = f"s3://{store.bucket}/runs/first"
    runs = tmp_path / "home" / "rl_cluster_runs"

    run = rl_cluster.train(tiny, address)
    assert run.path.parent == runs
    with pytest.raises(CheckpointError, match=f"^{address}: has ended"):
        rl_cluster.resume(address)
    assert rl_cluster.load_policy(address).name == "first"
    rl_cluster.evaluate(address, episodes=1)
