"""A quick run measures what the full one does, less often: ratios of other sizes are ratios of something else."""

import json
from importlib import import_module
from pathlib import Path

import pytest

from benchmarks.documents.markdown import RESULTS, ROOT
from benchmarks.measure import curriculum, end_to_end, environment, monitoring, sampling
from benchmarks.peers.rllib_peers import PEERS
from benchmarks.report import Row, finish
from benchmarks.swarm_algorithm import allocate_run, navigate_run
from benchmarks.warm_up import warm_up
from rl_cluster.config.load import load_config

SCRIPTS = sorted(path.stem for path in (ROOT / "benchmarks" / "measure").glob("*.py") if path.stem != "__init__")
STORED = [name for name in SCRIPTS if (RESULTS / f"{name}.json").exists()]


def names_of(result: Path) -> list[str]:
    return [row["name"] for row in json.loads(result.read_text(encoding="utf-8"))["rows"]]


@pytest.mark.parametrize("script", SCRIPTS)
def test_script__lists_its_rows_whatever_the_run(script: str) -> None:
    rows = import_module(f"benchmarks.measure.{script}").ROWS

    assert rows
    assert len(set(rows)) == len(rows)


@pytest.mark.parametrize("script", STORED)
def test_rows__are_those_of_the_full_run_that_the_documents_show(script: str) -> None:
    assert names_of(RESULTS / f"{script}.json") == list(import_module(f"benchmarks.measure.{script}").ROWS)


def test_run__may_not_give_other_rows_than_its_script_lists(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="rows that its script lists"):
        finish("title", [Row("S=128", 1.0)], ["S=128", "S=256"], tmp_path / "rows.json")


def test_quick_run__differs_in_how_often_it_measures() -> None:
    assert end_to_end.QUICK.num_worlds["mlp"] == end_to_end.FULL.num_worlds["mlp"]
    # with the TransformerGNN its own passes are nearly all of the cost, whatever the number of worlds
    assert 2 * end_to_end.QUICK.num_worlds["gnn"] >= end_to_end.FULL.num_worlds["gnn"]
    for full, quick in ((environment.FULL.rounds, environment.QUICK.rounds), (sampling.FULL[0], sampling.QUICK[0])):
        assert quick < full


def test_rows__of_rllib_are_those_of_the_peers_that_can_play() -> None:
    assert end_to_end.peers_of("mlp") == list(PEERS)
    assert set(PEERS) - set(end_to_end.peers_of("gnn")) == {"multi_agent"}


def test_warm_up__goes_through_the_reset_of_a_world() -> None:
    warm_up(load_config("quick_demo"), load_config("navigate_demo"))


@pytest.mark.parametrize("shape", [(0, 0), (1, 0), *end_to_end.SHAPES])
def test_swarm__has_the_worlds_and_actors_that_are_asked_for(shape: tuple[int, int]) -> None:
    """Settings that would do nothing are refused, so that each shape has its own."""
    for run in (navigate_run(8, *shape), allocate_run(8, *shape)):
        assert (run.sampling.num_env_runners, run.learners.num_learners) == shape
        assert run.sampling.worlds_per_runner * max(1, shape[0]) == 8


def test_settings__of_runs_that_are_measured_are_valid() -> None:
    with_curriculum, without = (curriculum.settings(1, 2, has_curriculum=has) for has in (True, False))
    watched, spread = (load_config("debug", [*monitoring.SETTINGS, *more]) for more in ([], monitoring.TWO_LEARNERS))

    assert with_curriculum.curriculum
    assert not without.curriculum
    assert (watched.learners.num_learners, spread.learners.num_learners) == (0, 2)
