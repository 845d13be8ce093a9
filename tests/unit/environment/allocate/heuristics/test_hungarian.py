"""The least total distance, round by round, by hand."""

from tests.unit.environment.allocate.heuristics.cases import HOVERS, LINE_TARGETS, LINE_UAVS, given, plan


def test_hungarian__takes_the_least_total_distance() -> None:
    assert plan("hungarian", given(LINE_UAVS, LINE_TARGETS)) == [0, 1]


def test_hungarian__adds_uavs_round_by_round_until_covered() -> None:
    uavs = [(500.0 + 300.0 * i, 500.0, [50.0]) for i in range(3)]

    # 100 = 50 + 50: the two nearer ones, u2 (100 m away) and u1 (400 m); u0 is left over.
    assert plan("hungarian", given(uavs, [(1200.0, 500.0, [100.0])])) == [HOVERS, 0, 0]


def test_hungarian__sends_nobody_who_lacks_the_kind() -> None:
    worlds = given([(900.0, 500.0, [50.0, 0.0]), (500.0, 500.0, [0.0, 50.0])], [(1200.0, 500.0, [0.0, 40.0])])

    assert plan("hungarian", worlds) == [HOVERS, 0]
