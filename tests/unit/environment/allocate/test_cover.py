"""The fewest UAVs that cover a demand: exact for small fleets, and the same in any order, whatever the fleet."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from rl_cluster.environment.allocate.cover import MAX_NODES, fewest_uavs, make_fleet
from tests.reference.fewest import fewest_that_cover

AMOUNTS = st.sampled_from([0.0, 0.0, 10.0, 30.0, 45.5, 60.0, 100.0])


def fewest(carried: NDArray[np.float64], demand: NDArray[np.float32]) -> int:
    return fewest_uavs(make_fleet(carried), demand)


@pytest.mark.parametrize(
    ("carried", "demand", "expected"),
    [
        ([[50.0]] * 3, [50.0], 1),
        ([[50.0]] * 3, [50.1], 2),
        ([[50.0]] * 3, [150.0], 3),
        # all together are too few
        ([[50.0]] * 3, [151.0], 3),
        ([[50.0, 0.0]] * 3, [10.0, 1.0], 3),
        # the large one goes first
        ([[20.0], [100.0], [20.0]], [110.0], 2),
        # one of each skill, although of each kind a single UAV has enough
        ([[100.0, 0.0], [0.0, 100.0]], [50.0, 50.0], 2),
        ([[100.0, 0.0], [0.0, 100.0], [50.0, 50.0]], [50.0, 50.0], 1),
        # the first that a greedy cover takes is in none of the smallest
        ([[6.0, 6.0], [9.0, 1.0], [1.0, 9.0], [3.0, 3.0]], [10.0, 10.0], 2),
        # nothing to cover
        ([[0.0, 0.0], [5.0, 0.0]], [0.0, 0.0], 1),
    ],
)
def test_fewest__by_hand(carried: list[list[float]], demand: list[float], expected: int) -> None:
    assert fewest(np.array(carried), np.array(demand, dtype=np.float32)) == expected


def test_fewest__does_not_round_up_what_float32_rounds() -> None:
    carried = np.full((7, 1), np.float32(33.3)).astype(np.float64)

    for count in range(1, 8):
        assert fewest(carried, np.array([count * 33.3], dtype=np.float32)) == count


@given(st.data())
def test_fewest__is_that_of_all_teams_tried(data: st.DataObject) -> None:
    num_uavs, num_kinds = data.draw(st.integers(1, 7)), data.draw(st.integers(1, 3))
    row = st.lists(AMOUNTS | st.floats(0.0, 100.0, width=32), min_size=num_kinds, max_size=num_kinds)
    carried = np.array(data.draw(st.lists(row, min_size=num_uavs, max_size=num_uavs)))
    shares = data.draw(
        st.lists(st.sampled_from([0.0, 0.2, 0.5, 0.8, 1.0, 1.1]), min_size=num_kinds, max_size=num_kinds)
    )
    demand = (carried.sum(axis=0) * shares).astype(np.float32)

    assert fewest(carried, demand) == fewest_that_cover(carried.tolist(), demand.tolist())


def _large(seed: int, num_uavs: int, num_kinds: int) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """A fleet of which a part lacks a kind, and a demand of a tenth of all that it carries."""
    random = np.random.default_rng(seed)
    carried = random.uniform(20.0, 100.0, (num_uavs, num_kinds)) * (random.random((num_uavs, num_kinds)) > 0.3)
    carried[::3] = carried[0]
    return carried, (0.1 * carried.sum(axis=0) * random.uniform(0.5, 1.5, num_kinds)).astype(np.float32)


@pytest.mark.parametrize("seed", range(10))
def test_fewest__is_the_same_in_any_order_even_where_the_search_gives_up(seed: int) -> None:
    carried, demand = _large(seed, num_uavs=120, num_kinds=5)
    order = np.random.default_rng(seed).permutation(len(carried))

    assert fewest(carried, demand) == fewest(carried[order], demand)


@pytest.mark.parametrize("seed", range(10))
def test_fewest__is_between_what_each_kind_and_what_all_kinds_apart_take(seed: int) -> None:
    """It takes the UAVs that one kind needs, and not more than a team for each kind."""
    carried, demand = _large(seed, num_uavs=120, num_kinds=4)
    apart = [fewest(carried[:, [r]], demand[[r]]) for r in range(4)]

    assert max(apart) <= fewest(carried, demand) <= sum(apart)


@pytest.mark.parametrize("seed", range(4))
def test_fewest__falls_with_every_uav_more(seed: int) -> None:
    carried, demand = _large(seed, num_uavs=16, num_kinds=2)
    counts = [fewest(carried[:size], demand) for size in range(8, 17)]

    assert counts == sorted(counts, reverse=True)


def test_search__has_an_end() -> None:
    """2 ** 10 teams of ten UAVs are looked at wholly."""
    assert 2**10 < MAX_NODES < 10_000
