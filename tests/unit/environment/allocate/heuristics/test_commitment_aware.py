"""The shortest useful pair first, by hand."""

from tests.unit.environment.allocate.heuristics.cases import LINE_TARGETS, LINE_UAVS, given, plan


def test_commitment_aware__takes_the_shortest_pair_first() -> None:
    assert plan("commitment-aware", given(LINE_UAVS, LINE_TARGETS)) == [1, 0]


def test_commitment_aware__counts_what_is_promised_by_kind() -> None:
    uavs = [(1100.0, 500.0, [60.0, 0.0]), (1000.0, 500.0, [60.0, 0.0]), (500.0, 500.0, [0.0, 60.0])]
    worlds = given(uavs, [(1200.0, 500.0, [60.0, 60.0]), (3000.0, 500.0, [10.0, 0.0])])

    # u0 covers t0's first kind, so u1 helps only at t1; t0's second kind is u2's.
    assert plan("commitment-aware", worlds) == [0, 1, 0]
