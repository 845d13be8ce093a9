"""Rungs by hand."""

from rl_cluster.schedulers.successive_halving import Rungs, is_rung


def test_rungs__are_powers_of_the_reduction() -> None:
    assert [rounds for rounds in range(1, 40) if is_rung(rounds, 3, 2.0)] == [3, 6, 12, 24]
    assert [rounds for rounds in range(1, 40) if is_rung(rounds, 2, 1.5)] == [2, 3, 4, 7, 10, 15, 23, 34]


def test_trial__goes_on_if_it_is_among_the_best_at_its_rung() -> None:
    rungs = Rungs(reduction=2.0)

    # each is held against the median of those before it; the first one goes on
    behind = [rungs.is_behind("a", str(number), score) for number, score in enumerate((0.5, 0.4, 0.46, 0.45))]

    assert behind == [False, True, False, True]
    assert not rungs.is_behind("a", "1", 0.0)  # it has been there
    # another rung knows nothing of them
    assert not rungs.is_behind(("b", 3), "0", 0.1)
