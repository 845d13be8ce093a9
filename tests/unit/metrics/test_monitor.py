"""What an iteration's reports come to, by hand."""

import pytest

from rl_cluster.metrics.communication import Traffic
from rl_cluster.metrics.monitor import LearnerReport, Monitor, RunnerReport, WeightSync, joined_reports
from rl_cluster.metrics.names import EXCHANGE_S
from rl_cluster.metrics.phases import IterationTimes
from rl_cluster.metrics.torch_memory import MemoryReading

TIMES = IterationTimes(wall_s=20.0, sync_s=1.0, sampling_s=10.0, learning_s=8.0)
RUNNERS = [
    RunnerReport("a", "east", {"env": 4.0, "inference": 2.0}),
    RunnerReport("b", "east", {"env": 6.0, "inference": 2.0, "sync": 0.5}),
    RunnerReport("c", "west", {"env": 3.0, "inference": 1.0}),
]


def test_joined_reports__add_up_what_a_runner_did_several_times() -> None:
    reports = [
        RunnerReport("1", "a", {"env": 1.0, "sync": 0.5}),
        RunnerReport("0", "b", {"env": 2.0}),
        RunnerReport("1", "a", {"env": 3.0, "inference": 1.0}),
    ]

    assert joined_reports(reports) == [
        RunnerReport("1", "a", {"env": 4.0, "sync": 0.5, "inference": 1.0}, 2),
        RunnerReport("0", "b", {"env": 2.0}, 1),
    ]


def learner(name: str, update_s: float, exchange_s: float, used_bytes: float) -> LearnerReport:
    traffic = Traffic(1e6, 2, exchange_s, update_s + exchange_s, 5e5, exchange_s / 2, 1e7)
    return LearnerReport(name, "east", {"update": update_s, "exchange": exchange_s}, traffic, MemoryReading(used_bytes))


LEARNERS = [learner("x", 6.0, 1.0, 100.0), learner("y", 3.5, 3.0, 300.0)]


def test_note__by_hand() -> None:
    noted = Monitor().note(TIMES, RUNNERS, LEARNERS, WeightSync(4096.0, 0.25))

    expected = {
        "share/env": 6.0 / 20,  # of b, whom the others wait for
        "share/inference": 2.0 / 20,
        "share/sync": (1.0 + 0.5) / 20,
        "share/idle": (20.0 - 1.0 - 10.0 - 8.0) / 20,
        EXCHANGE_S: 3.0,
        "memory/used_bytes": 300.0,  # of the Learner that uses most
        "communication/weights_bytes": 4096.0,
        "communication/weights_s": 0.25 + 0.5,
    }
    assert {key: noted[key] for key in expected} == pytest.approx(expected)


def test_shares__add_up_to_all_of_the_time() -> None:
    noted = Monitor().note(TIMES, RUNNERS, LEARNERS)

    assert sum(value for key, value in noted.items() if key.startswith("share/")) == pytest.approx(1.0)


def test_weights__that_are_shared_are_not_sent() -> None:
    noted = Monitor().note(TIMES, RUNNERS, LEARNERS)

    assert not [key for key in noted if key.startswith("communication/weights")]


def test_order_of_reports__does_not_matter() -> None:
    assert Monitor().note(TIMES, RUNNERS, LEARNERS) == Monitor().note(TIMES, RUNNERS[::-1], LEARNERS[::-1])


def test_balance__of_nodes_is_that_of_their_slowest_runners() -> None:
    """East has 8.5 s, however many runners it has beside b; west 4 s."""
    alone, crowded = (Monitor().note(TIMES, runners, LEARNERS) for runners in (RUNNERS[1:], RUNNERS))

    assert alone["balance/node_imbalance"] == crowded["balance/node_imbalance"]
