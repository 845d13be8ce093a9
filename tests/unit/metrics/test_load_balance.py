"""Balance by hand, and what must hold for any loads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rl_cluster.metrics.load_balance import WINDOW, BalanceWindow, balance_of

loads = st.lists(st.floats(0.01, 100.0), min_size=2, max_size=20)


def test_balance__of_one_that_takes_twice_as_long_by_hand() -> None:
    balance = balance_of([1.0, 1.0, 1.0, 2.0])

    assert balance.imbalance == pytest.approx(2.0 / 1.25 - 1.0)
    assert balance.jain == pytest.approx(25.0 / (4 * 7.0))
    assert balance.straggler_share == 0.25
    assert balance.wait_s == pytest.approx(0.75)


@given(loads, st.floats(0.1, 10.0))
def test_balance__does_not_depend_on_order_or_unit(seconds: list[float], unit: float) -> None:
    expected, other = balance_of(seconds), balance_of([unit * value for value in reversed(seconds)])

    assert other[:3] == pytest.approx(expected[:3])
    assert other.wait_s == pytest.approx(unit * expected.wait_s)
    assert 0.0 <= expected.imbalance <= len(seconds) - 1 + 1e-9
    assert 1 / len(seconds) - 1e-9 <= expected.jain <= 1.0 + 1e-9


@given(st.floats(0.01, 100.0), st.integers(2, 20))
def test_balance__of_equal_loads_is_perfect(seconds: float, num_ranks: int) -> None:
    assert balance_of([seconds] * num_ranks) == pytest.approx((0.0, 1.0, 0.0, 0.0))


def test_window__sees_a_slow_rank_within_its_length_and_no_single_pause() -> None:
    window = BalanceWindow("runner")
    for _ in range(WINDOW):
        assert window.note({"a": 1.0, "b": 1.0})["balance/runner_imbalance"] == 0.0
    assert window.note({"a": 1.0, "b": 30.0})["balance/runner_imbalance"] == 0.0
    for _ in range(WINDOW):
        last = window.note({"a": 1.0, "b": 2.0})

    assert last["balance/runner_imbalance"] == pytest.approx(1.0 / 3.0)


def test_window__says_nothing_of_a_single_rank_and_forgets_who_is_gone() -> None:
    window = BalanceWindow("node")
    assert window.note({"a": 1.0}) == {}
    assert window.note({"a": 1.0, "b": 9.0})["balance/node_imbalance"] == pytest.approx(0.8)
    assert window.note({"b": 9.0, "c": 9.0})["balance/node_imbalance"] == 0.0
