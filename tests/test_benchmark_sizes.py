"""A quick run measures what the full one does, less often: ratios of other sizes are ratios of something else."""

from benchmarks import attention, end_to_end, environment, sampling


def test_quick_run__has_the_sizes_of_the_full_one() -> None:
    assert set(environment.QUICK.cells) <= set(environment.FULL.cells)
    assert attention.QUICK_SIZE in attention.BATCHES
    assert end_to_end.QUICK.num_worlds["mlp"] == end_to_end.FULL.num_worlds["mlp"]
    # with the TransformerGNN its own passes are nearly all of the cost, whatever the number of worlds
    assert 2 * end_to_end.QUICK.num_worlds["gnn"] >= end_to_end.FULL.num_worlds["gnn"]
    for full, quick in ((environment.FULL.rounds, environment.QUICK.rounds), (sampling.FULL[0], sampling.QUICK[0])):
        assert quick < full
