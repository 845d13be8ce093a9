"""Whole targets first, the cheapest team before, by hand."""

import pytest

from tests.unit.environment.allocate.heuristics.cases import CAPABILITY, HOVERS, SYNC, given, plan

# The near UAV cannot serve the target alone; the far one can, and makes the near one needless.
NEEDLESS = [(900.0, 500.0, [20.0]), (500.0, 500.0, [100.0])], [(1000.0, 500.0, [90.0])]


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


@pytest.mark.parametrize("overrides", [(SYNC,), (CAPABILITY,), (SYNC, CAPABILITY)], ids=" ".join)
def test_complete_first__leaves_out_needless_members_where_they_would_only_wait(overrides: tuple[str, ...]) -> None:
    assert plan("complete-first", given(*NEEDLESS, overrides)) == [HOVERS, 0]
    assert plan("complete-first", given(*NEEDLESS)) == [0, 0]


def test_complete_only__leaves_out_needless_members() -> None:
    assert plan("complete-only", given(*NEEDLESS)) == [HOVERS, 0]


def test_complete_only__keeps_resources_for_whole_targets() -> None:
    uavs = [(500.0, 500.0, [50.0]), (1000.0, 500.0, [50.0])]
    targets = [(750.0, 500.0, [120.0]), (1400.0, 500.0, [50.0])]

    # t1 needs only u1; u0 cannot cover t0.
    assert plan("complete-only", given(uavs, targets)) == [HOVERS, 1]
    assert plan("complete-first", given(uavs, targets)) == [0, 1]


@pytest.mark.parametrize("name", ["complete-first", "complete-only", "commitment-aware", "cbba"])
def test_planners__fly_further_for_value(name: str) -> None:
    uavs, targets = [(1000.0, 500.0, [50.0])], [(1500.0, 500.0, [50.0]), (300.0, 500.0, [50.0])]

    assert plan(name, given(uavs, targets)) == [0]
    assert plan(name, given(uavs, targets, values=(1.0, 5.0))) == [1]


def test_hungarian__assigns_by_value() -> None:
    """Two UAVs could serve either target. The one that is nearer to both goes to the target that is worth more."""
    uavs, targets = (
        [(1000.0, 500.0, [50.0]), (700.0, 500.0, [50.0])],
        [(1500.0, 500.0, [50.0]), (1200.0, 900.0, [50.0])],
    )

    assert plan("hungarian", given(uavs, targets, values=(9.0, 1.0))) != plan(
        "hungarian", given(uavs, targets, values=(1.0, 9.0))
    )
