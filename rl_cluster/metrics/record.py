"""Puts an iteration's record together: what was sampled, how episodes went, what the update did."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_cluster.metrics.names import (
    AGENT_STEPS,
    AGENT_STEPS_PER_S,
    BROKEN_EPISODES,
    DROPPED_FRAGMENTS,
    ENV_STEPS_PER_S,
    EPISODES,
    KEPT_SHARE,
    LEARNER_SAMPLES_PER_S,
    LEARNING_S,
    MODE,
    POLICY_LAG,
    POLICY_LAG_MEAN,
    RUNNER_SHARE_MAX,
    RUNNER_SHARE_MIN,
    SAMPLING_S,
    STAGE,
    STAGE_BOUND,
    STAGE_SCORE,
    episode_key,
    learning_key,
    stage_score_key,
)
from rl_cluster.types import Fragment

__all__ = [
    "Experience",
    "OutcomeSum",
    "curriculum_metrics",
    "experience_of",
    "iteration_metrics",
    "joined_experience",
    "lag_metrics",
    "outcome_means",
    "sum_outcomes",
]

MODES = ("train", "held", "done")


class OutcomeSum(NamedTuple):
    """An episode metric, summed: of constant size, however many episodes ended."""

    total: float
    num_defined: int
    """episodes in which the metric is defined"""


class Experience(NamedTuple):
    """A summary of an iteration's samples."""

    env_steps: int
    """decision steps of worlds, one graph each"""
    agent_steps: int
    """UAVs that existed, summed over decision steps"""
    episodes: int
    """episodes that ended"""
    outcomes: Mapping[str, OutcomeSum]
    """episode metric -> its sum over those episodes"""
    broken_episodes: int = 0
    """episodes that were given up"""


def experience_of(fragment: Fragment) -> Experience:
    """The experience in a fragment of one env runner."""
    return Experience(
        env_steps=fragment.num_rows,
        agent_steps=fragment.num_agent_steps,
        episodes=fragment.num_episodes,
        outcomes=sum_outcomes(fragment.outcomes),
        broken_episodes=fragment.num_broken,
    )


def joined_experience(parts: Sequence[Experience]) -> Experience:
    """The experience of all env runners together."""
    return Experience(
        env_steps=sum(part.env_steps for part in parts),
        agent_steps=sum(part.agent_steps for part in parts),
        episodes=sum(part.episodes for part in parts),
        outcomes={name: _join([part.outcomes[name] for part in parts]) for name in parts[0].outcomes},
        broken_episodes=sum(part.broken_episodes for part in parts),
    )


def sum_outcomes(outcomes: Mapping[str, NDArray[np.float64]]) -> dict[str, OutcomeSum]:
    """Episode metric -> its sum over the episodes in which it is defined (not NaN)."""
    defined = {name: values[~np.isnan(values)] for name, values in outcomes.items()}
    return {name: OutcomeSum(float(values.sum()), values.size) for name, values in defined.items()}


def _join(parts: Sequence[OutcomeSum]) -> OutcomeSum:
    return OutcomeSum(math.fsum(part.total for part in parts), sum(part.num_defined for part in parts))


def iteration_metrics(
    experience: Experience,
    learner: Mapping[str, float],
    sampling_s: float,
    learning_s: float,
    num_epochs: int,
    policy_lag: int = 0,
) -> dict[str, float]:
    """Key -> value of an iteration; values that are not finite are omitted.

    Args:
        experience: What was sampled.
        learner: Statistics of the update.
        sampling_s: Seconds of waiting for env runners.
        learning_s: Seconds of waiting for Learners.
        num_epochs: How often each row was trained on.
        policy_lag: As in `POLICY_LAG`.
    """
    total_s = max(sampling_s + learning_s, 1e-9)
    return {
        AGENT_STEPS: float(experience.agent_steps),
        EPISODES: float(experience.episodes),
        BROKEN_EPISODES: float(experience.broken_episodes),
        POLICY_LAG: float(policy_lag),
        **{episode_key(name): total / count for name, (total, count) in experience.outcomes.items() if count},
        **{learning_key(name): value for name, value in learner.items() if math.isfinite(value)},
        SAMPLING_S: sampling_s,
        LEARNING_S: learning_s,
        AGENT_STEPS_PER_S: experience.agent_steps / total_s,
        ENV_STEPS_PER_S: experience.env_steps / total_s,
        LEARNER_SAMPLES_PER_S: experience.env_steps * num_epochs / max(learning_s, 1e-9),
    }


def lag_metrics(lags: Sequence[int], made: Sequence[int], num_dropped: int) -> dict[str, float]:
    """How far behind the fragments of a batch are, and whose they are.

    Args:
        lags: Updates since the weights of each fragment.
        made: How many of the fragments each env runner has made.
        num_dropped: Fragments that were too old.
    """
    return {
        POLICY_LAG_MEAN: sum(lags) / len(lags),
        RUNNER_SHARE_MIN: min(made) / len(lags),
        RUNNER_SHARE_MAX: max(made) / len(lags),
        DROPPED_FRAGMENTS: float(num_dropped),
    }


def outcome_means(outcomes: Mapping[str, NDArray[np.float64]], key: Callable[[str], str]) -> dict[str, float]:
    """Key of a metric -> mean over the episodes in which it is defined (not NaN); omitted if there are none."""
    return {key(name): total / count for name, (total, count) in sum_outcomes(outcomes).items() if count}


def curriculum_metrics(
    stage: int, mode: str, scores: Mapping[int, float], references: Sequence[float], pass_score: float
) -> dict[str, float]:
    """Where a run stands in its curriculum.

    Args:
        stage: The stage in which the iteration was trained.
        mode: One of `MODES`.
        scores: Stage -> score, for the current and earlier stages; empty without an evaluation.
        references: The scores with which stages 1, 2, .. were passed.
        pass_score: The score that passes the stage.
    """
    metrics = {STAGE: float(stage), MODE: float(MODES.index(mode))}
    if scores:
        metrics |= {stage_score_key(number): score for number, score in scores.items()}
        metrics |= {STAGE_SCORE: scores[stage], STAGE_BOUND: pass_score}
    kept = [scores[number] / references[number - 1] for number in scores if number < stage]
    return metrics | ({KEPT_SHARE: min(kept)} if kept else {})
