"""A quick run measures what the full one does, less often: ratios of other sizes are ratios of something else."""

import pytest

from benchmarks.measure import attention, curriculum, end_to_end, environment, monitoring, sampling
from benchmarks.swarm_algorithm import allocate_run, navigate_run
from rl_cluster.config.load import load_config


def test_quick_run__has_the_sizes_of_the_full_one() -> None:
    assert set(environment.QUICK.cells) <= set(environment.FULL.cells)
    assert attention.QUICK_SIZE in attention.BATCHES
    assert end_to_end.QUICK.num_worlds["mlp"] == end_to_end.FULL.num_worlds["mlp"]
    # with the TransformerGNN its own passes are nearly all of the cost, whatever the number of worlds
    assert 2 * end_to_end.QUICK.num_worlds["gnn"] >= end_to_end.FULL.num_worlds["gnn"]
    for full, quick in ((environment.FULL.rounds, environment.QUICK.rounds), (sampling.FULL[0], sampling.QUICK[0])):
        assert quick < full


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
