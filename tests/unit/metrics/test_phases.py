"""Phases fill the iteration, whatever was measured; and by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rl_cluster.metrics.names import phase_key
from rl_cluster.metrics.phases import PHASES, IterationTimes, phase_shares

seconds = st.floats(0.0, 10.0)
runner_phases = st.fixed_dictionaries({"env": seconds, "inference": seconds, "connector": seconds, "sync": seconds})
learner_phases = st.fixed_dictionaries({"connector": seconds, "update": seconds, "exchange": seconds})


@given(
    st.tuples(seconds, seconds, seconds, st.floats(0.001, 10.0)),
    st.lists(runner_phases, max_size=4),
    st.lists(learner_phases, max_size=4),
)
def test_shares__add_up_to_one(
    times: tuple[float, float, float, float], runners: list[dict[str, float]], learners: list[dict[str, float]]
) -> None:
    sync_s, sampling_s, learning_s, rest_s = times
    wall_s = sync_s + sampling_s + learning_s + rest_s

    shares = phase_shares(IterationTimes(wall_s, sync_s, sampling_s, learning_s), runners, learners)

    assert shares.keys() == {phase_key(phase) for phase in PHASES}
    assert sum(shares.values()) == pytest.approx(1.0)
    assert min(shares.values()) >= 0.0


def test_shares__by_hand() -> None:
    times = IterationTimes(wall_s=10.0, sync_s=1.0, sampling_s=4.0, learning_s=4.0)
    runners = [{"env": 2.0, "inference": 1.0}, {"env": 0.1, "inference": 0.1}]

    shares = phase_shares(times, runners, [{"connector": 0.5, "update": 3.0, "exchange": 0.25}])

    expected = {"env": 2.0, "inference": 1.0, "connector": 0.5, "transfer": 1.25, "update": 3.0, "exchange": 0.25}
    assert shares == pytest.approx(
        {phase_key(phase): value / 10.0 for phase, value in {**expected, "sync": 1.0, "idle": 1.0}.items()}
    )


def test_shares__of_runners_that_sampled_ahead_count_what_was_waited_for() -> None:
    """They were busy for 8 s, of which the trainer waited for 2."""
    times = IterationTimes(wall_s=4.0, sync_s=0.0, sampling_s=2.0, learning_s=2.0)

    shares = phase_shares(times, [{"env": 6.0, "inference": 2.0}], [{"update": 2.0}])

    assert shares[phase_key("env")] == pytest.approx(1.5 / 4.0)
    assert shares[phase_key("inference")] == pytest.approx(0.5 / 4.0)
    assert shares[phase_key("transfer")] == 0.0
