"""A run on disk as Python reads it."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from rl_cluster.api.run import Run
from rl_cluster.api.training import train
from rl_cluster.config.schema import Config
from rl_cluster.errors import CheckpointError
from tests.source_tree import ROOT


@pytest.fixture(scope="module")
def run(tiny: Config, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(tiny, tmp_path_factory.mktemp("runs") / "run")


def test_open__gives_the_run_that_was_trained(run: Run, tiny: Config) -> None:
    opened = Run.open(str(run.path))

    assert opened.config == tiny
    names = [path.name for path in opened.checkpoints]
    assert names == sorted(names)
    assert names[-1] == "checkpoint-000002"
    assert repr(opened) == f"Run({str(run.path)!r})"
    assert opened.events == []


def test_metrics__are_the_lines_of_the_file_as_columns(run: Run) -> None:
    lines = [json.loads(line) for line in (run.path / "metrics.jsonl").read_text().splitlines()]

    metrics = run.metrics

    assert metrics["iteration"].tolist() == [1.0, 2.0]
    assert {name for line in lines for name in line} == set(metrics)
    for name, column in metrics.items():
        assert column.dtype == np.float64
        read = [line.get(name, math.nan) for line in lines]
        assert np.array_equal(column, read, equal_nan=True)


def test_policy__of_a_checkpoint_is_that_of_its_iteration(run: Run) -> None:
    first, last = run.policy(run.checkpoints[0]), run.policy()

    ours = [parameter.detach() for parameter in last.model.parameters()]
    assert any(not one.equal(other) for one, other in zip(ours, first.model.parameters(), strict=True))


@pytest.mark.parametrize("stored", ["format_1/first", "format_2/run", "format_3/run"])
def test_open__reads_runs_of_older_formats(stored: str) -> None:
    run = Run.open(ROOT / "tests" / "stored" / stored)

    assert len(run.metrics["iteration"]) >= 1
    assert run.checkpoints


def test_open__refuses_another_folder(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"is no run folder: .* name the folder that a run was trained in"):
        Run.open(tmp_path)
