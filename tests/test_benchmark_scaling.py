"""The benchmark of scaling, without Ray: its model, its rows, and how an idle env runner answers."""

import pickle
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.measure.scaling import ASSUMED, MODELLED, ROWS, Measured, make_rows
from benchmarks.scaling.control_plane import Cost
from benchmarks.scaling.idle_runner import IdleRunner, _Answer, _Sender
from benchmarks.scaling.iteration_model import Assumptions, IterationModel, Steering, fit
from benchmarks.scaling.plot import save_plot
from rl_cluster.metrics.monitor import RunnerReport
from rl_cluster.metrics.record import Experience
from rl_cluster.rllib.runner_group import Sampled
from rl_cluster.rllib.ticket import Ticket

SECONDS = st.floats(0.0, 10.0)
NUMBERS = st.integers(1, 2048)
ROUND = Assumptions(
    sampling_s=3.0,
    update_s=0.5,
    fragment_bytes=4e6,
    weights_bytes=8e6,
    num_exchanges=10,
    runners_per_node=4,
    link_bytes_per_s=1e6,
    latency_s=0.25,
    broadcast_bytes_per_s=2e6,
)


@given(fixed_s=SECONDS, message_s=SECONDS, numbers=st.lists(NUMBERS, min_size=2, max_size=6, unique=True))
def test_fit__recovers_the_line_that_the_measurements_lie_on(
    fixed_s: float, message_s: float, numbers: list[int]
) -> None:
    line = Steering(fixed_s, message_s)

    fitted = fit(numbers, [line.seconds(number) for number in numbers])

    assert [fitted.seconds(number) for number in numbers] == pytest.approx(
        [line.seconds(number) for number in numbers], rel=1e-6, abs=1e-6
    )
    assert fitted.message_s == pytest.approx(message_s, rel=1e-5, abs=1e-6)


def test_fit__leaves_the_least_squares() -> None:
    """y = 1, 2, 2 at x = 1, 2, 3: the slope is cov / var = 1/2, and the line goes through the means (2, 5/3)."""
    fitted = fit([1, 2, 3], [1.0, 2.0, 2.0])

    assert (fitted.fixed_s, fitted.message_s) == pytest.approx((2.0 / 3.0, 0.5))


@given(fewer=NUMBERS, more=st.integers(0, 2048), num_learners=st.integers(1, 64))
def test_model__gets_no_faster_with_more_env_runners(fewer: int, more: int, num_learners: int) -> None:
    model = IterationModel(Steering(0.01, 0.001), ASSUMED)
    some, all_of_them = model.parts(fewer, num_learners), model.parts(fewer + more, num_learners)

    assert all(after >= before for before, after in zip(some, all_of_them, strict=True))


@given(num_runners=NUMBERS, num_learners=st.integers(1, 63))
def test_model__has_learners_that_share_all_but_their_exchanges(num_runners: int, num_learners: int) -> None:
    model = IterationModel(Steering(0.01, 0.001), ASSUMED)
    few, more = model.parts(num_runners, num_learners), model.parts(num_runners, num_learners + 1)

    assert more.update * (num_learners + 1) == pytest.approx(few.update * num_learners)
    assert more.fetch < few.fetch
    assert more.all_reduce > few.all_reduce
    assert more.trainer - few.trainer == pytest.approx(2 * 0.001)
    assert (more.broadcast, more.sampling) == (few.broadcast, few.sampling)


def test_model__by_hand() -> None:
    """10 env runners on 3 nodes, and 4 Learners: 16 messages of the trainer, and 6 in a ring, each of 2 MB."""
    parts = IterationModel(Steering(0.5, 0.125), ROUND).parts(10, 4)

    assert parts == pytest.approx((3.0, 0.5 + 16 * 0.125, 3 * 4.0, 10.0, 1.25, 10 * 6 * (0.25 + 2.0)))
    assert parts.seconds == pytest.approx(sum(parts))


def test_model__has_no_exchange_with_one_learner() -> None:
    assert IterationModel(Steering(0.5, 0.125), ROUND).parts(10, 1).all_reduce == 0.0


def test_modelled__are_the_numbers_that_are_asked_for() -> None:
    assert {64, 256, 1024} == {num_runners for num_runners, _ in MODELLED}
    assert {2, 8, 64} == {num_learners for _, num_learners in MODELLED}


def test_rows__tell_the_worst_of_all_measurements() -> None:
    by_runners = [Cost(8, 100, 0.016, 8 * 2048, 0), Cost(16, 100, 0.024, 16 * 1024, 0)]
    measured = Measured(by_runners, [Cost(8, 10_000, 0.020, 8 * 4096, 5)], background=0.001)

    rows = list(make_rows(measured, Steering(0.008, 0.00125)))

    assert [row.name for row in rows] == list(ROWS)
    assert [row.ours for row in rows] == pytest.approx([5.0, 4.0, 2.5, (0.024 + 0.01) / 10.0, 0.028 / 0.024 - 1.0])
    assert [row.met for row in rows] == [False, True, True, True, False]


def test_answer__is_the_recorded_one_with_the_actors_number_and_columns() -> None:
    ticket = Ticket(0, 4, 0, Experience(36, 90, 1, {}), None)
    recorded = Sampled([ticket], {"steps": 36}, RunnerReport("0", "node", {"sync": 0.1}))

    read = pickle.loads(pickle.dumps(_Answer(pickle.dumps(recorded), 7, 3, "columns")))

    expected = replace(ticket, runner=7, weights_version=3, columns="columns")
    (answered,) = read.tickets
    assert all(getattr(answered, name) == getattr(expected, name) for name in Ticket.__slots__)
    assert (read.metrics, read.report) == (recorded.metrics, recorded.report._replace(runner="7"))


def test_idle_runner__answers_whatever_function_the_trainer_sends() -> None:
    sender = _Sender("rl_cluster.rllib.runner_group")

    assert sender._sample is IdleRunner.answer
    assert not hasattr(sender, "__path__")


def test_plot__is_drawn(tmp_path: Path) -> None:
    costs = [Cost(number, 100, 0.008 + 0.001 * number, 1, 0) for number in (8, 16, 32, 64)]

    save_plot(costs, fit([8, 16, 32], [cost.cpu_s for cost in costs[:-1]]), tmp_path / "scaling.png")

    assert 1_000 < (tmp_path / "scaling.png").stat().st_size < 200_000
