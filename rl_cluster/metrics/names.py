"""Every key that a run's metrics may carry, `group/name_unit`, and how an iteration's record is put together.

Groups: `episode` (means over the training episodes that ended), `sampling`, `learning`, `time`, `evaluation` (means
over episodes that are never trained on, with argmax play). A key that has no value in an iteration is left out, never
NaN.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from rl_cluster.types import Fragment

__all__ = [
    "AGENT_STEPS",
    "AGENT_STEPS_PER_S",
    "AGENT_STEPS_TOTAL",
    "ELAPSED_S",
    "EPISODES",
    "HEADLINES",
    "LEARNING_S",
    "SAMPLING_S",
    "episode_key",
    "evaluation_key",
    "iteration_metrics",
    "learning_key",
    "outcome_means",
]

HEADLINES = {
    "allocate": ("normalized_completion_score", "NCS"),
    "navigate": ("success_rate", "success"),
}
"""Task -> the metric of an episode that says most about a policy, and its short name."""
EPISODES = "sampling/episodes"
AGENT_STEPS = "sampling/agent_steps"
AGENT_STEPS_TOTAL = "sampling/agent_steps_total"
AGENT_STEPS_PER_S = "sampling/agent_steps_per_s"
SAMPLING_S = "time/sampling_s"
LEARNING_S = "time/learning_s"
ELAPSED_S = "time/elapsed_s"


def episode_key(metric: str) -> str:
    """Key of a training episode metric (`outcome.py` of each task names them)."""
    return f"episode/{metric}"


def evaluation_key(metric: str) -> str:
    """Key of an evaluation metric."""
    return f"evaluation/{metric}"


def learning_key(statistic: str) -> str:
    """Key of a statistic of the update (`learning/update.py` names them)."""
    return f"learning/{statistic}"


def iteration_metrics(
    fragments: Sequence[Fragment], learner: Mapping[str, float], sampling_s: float, learning_s: float
) -> dict[str, float]:
    """The record of an iteration: what was sampled, how episodes went, what the update did, and how long it took."""
    agent_steps = sum(fragment.num_agent_steps for fragment in fragments)
    outcomes = {
        name: np.concatenate([fragment.outcomes[name] for fragment in fragments]) for name in fragments[0].outcomes
    }
    return {
        AGENT_STEPS: float(agent_steps),
        EPISODES: float(sum(fragment.ended.sum() for fragment in fragments)),
        **outcome_means(outcomes, episode_key),
        **{learning_key(name): value for name, value in learner.items() if math.isfinite(value)},
        SAMPLING_S: sampling_s,
        LEARNING_S: learning_s,
        AGENT_STEPS_PER_S: agent_steps / max(sampling_s + learning_s, 1e-9),
    }


def outcome_means(outcomes: Mapping[str, NDArray[np.float64]], key: Callable[[str], str]) -> dict[str, float]:
    """Key of a metric -> mean over the episodes in which it is defined (not NaN); without any it is left out."""
    defined = {name: values[~np.isnan(values)] for name, values in outcomes.items()}
    return {key(name): float(values.mean()) for name, values in defined.items() if values.size}
