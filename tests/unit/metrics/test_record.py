"""An iteration's record: counts add up over fragments, and nothing is ever NaN."""

import math

import numpy as np
import pytest

from rl_cluster.config.schema import Config
from rl_cluster.metrics.names import (
    AGENT_STEPS,
    AGENT_STEPS_PER_S,
    EPISODES,
    evaluation_key,
)
from rl_cluster.metrics.record import experience_of, iteration_metrics, joined_experience, outcome_means
from rl_cluster.sampling.network import make_model
from rl_cluster.sampling.rollout import make_rollout
from rl_cluster.types import Fragment


@pytest.fixture(scope="module")
def fragments(tiny: Config) -> list[Fragment]:
    model = make_model(tiny)
    return [make_rollout(tiny, runner, model).sample(30) for runner in (0, 1)]


def test_iteration_metrics__add_up_over_fragments(fragments: list[Fragment]) -> None:
    experience = joined_experience([experience_of(fragment) for fragment in fragments])

    record = iteration_metrics(experience, {"lr": 0.5}, sampling_s=1.0, learning_s=3.0, num_epochs=2)

    assert record[AGENT_STEPS] == sum(fragment.num_agent_steps for fragment in fragments)
    assert record[AGENT_STEPS_PER_S] == record[AGENT_STEPS] / 4.0
    ended = [fragment.outcomes["satisfied_rate"] for fragment in fragments]
    assert record[EPISODES] == sum(map(len, ended)) > 0
    assert record["episode/satisfied_rate"] == pytest.approx(sum(map(sum, ended)) / sum(map(len, ended)))
    assert record["learning/lr"] == 0.5


def test_outcome_means__are_of_the_episodes_in_which_a_metric_is_defined() -> None:
    outcomes = {"defined": np.array([1.0, 2.0]), "partly": np.array([np.nan, 4.0]), "never": np.full(2, np.nan)}

    assert outcome_means(outcomes, evaluation_key) == {"evaluation/defined": 1.5, "evaluation/partly": 4.0}


def test_iteration_metrics__leave_out_what_has_no_value(tiny: Config) -> None:
    fragment = make_rollout(tiny, 0, make_model(tiny)).sample(1)
    assert not fragment.ended.any()

    record = iteration_metrics(
        experience_of(fragment), {"policy_loss": math.nan}, sampling_s=0.1, learning_s=0.1, num_epochs=2
    )

    assert not any(name.startswith("episode/") for name in record)
    assert "learning/policy_loss" not in record
    assert all(map(math.isfinite, record.values()))
