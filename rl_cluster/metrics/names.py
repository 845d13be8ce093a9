"""Every key that a run's metrics may carry, `group/name_unit`, and how an iteration's record is put together.

Groups: `episode` (means over the training episodes that ended), `sampling`, `learning`, `time`, `evaluation` (means
over episodes that are never trained on, with argmax play; of the current stage, if the run has a curriculum),
`curriculum`. A key that has no value in an iteration is left out, never NaN.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_cluster.types import Fragment

__all__ = [
    "AGENT_STEPS",
    "AGENT_STEPS_PER_S",
    "AGENT_STEPS_TOTAL",
    "BROKEN_EPISODES",
    "ELAPSED_S",
    "EPISODES",
    "EXCHANGE_S",
    "HEADLINES",
    "LEARNING_S",
    "POLICY_LAG",
    "SAMPLING_S",
    "STAGE",
    "STAGE_SCORE",
    "Experience",
    "curriculum_metrics",
    "episode_key",
    "evaluation_key",
    "experience_of",
    "iteration_metrics",
    "learning_key",
    "outcome_means",
    "stage_score_key",
]

HEADLINES = {
    "allocate": ("normalized_completion_score", "NCS"),
    "navigate": ("success_rate", "success"),
}
"""Task -> the metric of an episode that says most about a policy, and its short name."""
EPISODES = "sampling/episodes"
BROKEN_EPISODES = "sampling/broken_episodes"
"""Given up because their numbers were no longer finite."""
AGENT_STEPS = "sampling/agent_steps"
AGENT_STEPS_TOTAL = "sampling/agent_steps_total"
AGENT_STEPS_PER_S = "sampling/agent_steps_per_s"
POLICY_LAG = "sampling/policy_lag"
"""Updates that the weights had seen since those by which the oldest rows were sampled."""
SAMPLING_S = "time/sampling_s"
LEARNING_S = "time/learning_s"
EXCHANGE_S = "time/exchange_s"
"""Of the time of learning, what Learners spent in exchanges with each other."""
ELAPSED_S = "time/elapsed_s"
STAGE = "curriculum/stage"
"""In which the iteration was trained, from 1."""
STAGE_SCORE = "curriculum/score"
"""Of that stage, where it was evaluated; `curriculum/score_stage_1` and so on are of each stage so far."""
MODE = "curriculum/mode"
"""After the iteration: 0 in training, 1 held, 2 done."""
MODES = ("train", "held", "done")
KEPT_SHARE = "curriculum/kept_share"
"""Least share, over earlier stages, that the score now has of the score by which the stage was passed."""


def episode_key(metric: str) -> str:
    """Key of a training episode metric (`outcome.py` of each task names them)."""
    return f"episode/{metric}"


def evaluation_key(metric: str) -> str:
    """Key of an evaluation metric."""
    return f"evaluation/{metric}"


def learning_key(statistic: str) -> str:
    """Key of a statistic of the update (`learning/update.py` names them)."""
    return f"learning/{statistic}"


def stage_score_key(stage: int) -> str:
    """Key of the score of a stage, from 1."""
    return f"{STAGE_SCORE}_stage_{stage}"


class Experience(NamedTuple):
    """What an iteration's samples amount to."""

    agent_steps: int
    """UAVs that existed, summed over decision steps"""
    episodes: int
    """that came to their end"""
    outcomes: Mapping[str, NDArray[np.float64]]
    """episode metric -> (E,) values of those episodes"""
    broken_episodes: int = 0
    """that were given up"""


def experience_of(fragments: Sequence[Fragment]) -> Experience:
    """The experience in one fragment of every env runner."""
    return Experience(
        agent_steps=sum(fragment.num_agent_steps for fragment in fragments),
        episodes=sum(fragment.num_episodes for fragment in fragments),
        outcomes={
            name: np.concatenate([fragment.outcomes[name] for fragment in fragments]) for name in fragments[0].outcomes
        },
        broken_episodes=sum(fragment.num_broken for fragment in fragments),
    )


def iteration_metrics(
    experience: Experience, learner: Mapping[str, float], sampling_s: float, learning_s: float, policy_lag: int = 0
) -> dict[str, float]:
    """The record of an iteration: what was sampled, how episodes went, what the update did, and how long it took."""
    statistics = {name: value for name, value in learner.items() if math.isfinite(value)}
    exchange_s = statistics.pop("exchange_s", 0.0)
    return {
        AGENT_STEPS: float(experience.agent_steps),
        EPISODES: float(experience.episodes),
        BROKEN_EPISODES: float(experience.broken_episodes),
        POLICY_LAG: float(policy_lag),
        **outcome_means(experience.outcomes, episode_key),
        **{learning_key(name): value for name, value in statistics.items()},
        SAMPLING_S: sampling_s,
        LEARNING_S: learning_s,
        EXCHANGE_S: exchange_s,
        AGENT_STEPS_PER_S: experience.agent_steps / max(sampling_s + learning_s, 1e-9),
    }


def outcome_means(outcomes: Mapping[str, NDArray[np.float64]], key: Callable[[str], str]) -> dict[str, float]:
    """Key of a metric -> mean over the episodes in which it is defined (not NaN); without any it is left out."""
    defined = {name: values[~np.isnan(values)] for name, values in outcomes.items()}
    return {key(name): float(values.mean()) for name, values in defined.items() if values.size}


def curriculum_metrics(
    stage: int, mode: str, scores: Mapping[int, float], references: Sequence[float]
) -> dict[str, float]:
    """Where a run stands in its curriculum.

    Args:
        stage: In which the iteration was trained.
        mode: One of `MODES`.
        scores: Stage -> score, of the current and earlier ones; empty without an evaluation.
        references: Of stage 1, 2, ..: the scores by which they were passed.
    """
    metrics = {STAGE: float(stage), MODE: float(MODES.index(mode))}
    if scores:
        metrics |= {stage_score_key(number): score for number, score in scores.items()}
        metrics[STAGE_SCORE] = scores[stage]
    kept = [scores[number] / references[number - 1] for number in scores if number < stage]
    return metrics | ({KEPT_SHARE: min(kept)} if kept else {})
