"""Whole targets first, the cheapest team before, by hand."""

from tests.unit.environment.allocate.heuristics.cases import HOVERS, given, plan


def test_complete_first__leaves_out_what_cannot_be_covered() -> None:
    uavs = [(500.0, 500.0, [50.0]), (600.0, 500.0, [50.0])]
    targets = [(700.0, 500.0, [150.0]), (2000.0, 500.0, [100.0])]

    # Both together carry 100: enough for t1, not for the nearer t0.
    assert plan("complete-first", given(uavs, targets)) == [1, 1]
    assert plan("commitment-aware", given(uavs, targets)) == [0, 0]


def test_complete_first__takes_the_cheapest_team_first() -> None:
    uavs = [(500.0, 500.0, [50.0]), (1000.0, 500.0, [50.0])]
    targets = [(750.0, 500.0, [100.0]), (1400.0, 500.0, [50.0])]

    # t0 needs both, 250 + 250 m; t1 needs only u1, 400 m. Then t0 cannot be covered, and u0 helps it as a leftover.
    assert plan("complete-first", given(uavs, targets)) == [0, 1]


def test_complete_first__passes_over_who_does_not_help() -> None:
    uavs = [(1100.0, 500.0, [60.0, 0.0]), (1000.0, 500.0, [60.0, 0.0]), (500.0, 500.0, [0.0, 60.0])]

    assert plan("complete-first", given(uavs, [(1200.0, 500.0, [60.0, 60.0])])) == [0, HOVERS, 0]
