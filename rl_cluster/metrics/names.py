"""Every key that a run's metrics may carry, `group/name_unit`, and how an iteration's record is put together.

Groups: `episode` (means over the training episodes that ended), `sampling`, `learning`, `time`, `evaluation` (means
over episodes that are never trained on, with argmax play). A key that has no value in an
iteration is left out, never NaN.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from rl_cluster.types import Fragment

__all__ = [
    "AGENT_STEPS",
    "AGENT_STEPS_PER_S",
    "AGENT_STEPS_TOTAL",
    "ELAPSED_S",
    "EPISODES",
    "LEARNING_S",
    "NCS",
    "SAMPLING_S",
    "episode_key",
    "episode_means",
    "evaluation_key",
    "iteration_metrics",
    "learning_key",
]

NCS = "normalized_completion_score"
EPISODES = "sampling/episodes"
AGENT_STEPS = "sampling/agent_steps"
AGENT_STEPS_TOTAL = "sampling/agent_steps_total"
AGENT_STEPS_PER_S = "sampling/agent_steps_per_s"
SAMPLING_S = "time/sampling_s"
LEARNING_S = "time/learning_s"
ELAPSED_S = "time/elapsed_s"


def episode_key(metric: str) -> str:
    """Key of a training episode metric (`environment/outcome.py` names them)."""
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
        **episode_means(outcomes),
        **{learning_key(name): value for name, value in learner.items() if math.isfinite(value)},
        SAMPLING_S: sampling_s,
        LEARNING_S: learning_s,
        AGENT_STEPS_PER_S: agent_steps / max(sampling_s + learning_s, 1e-9),
    }


def episode_means(outcomes: Mapping[str, NDArray[np.float64]]) -> dict[str, float]:
    """Means over the episodes that ended; empty if none did."""
    return {episode_key(name): float(values.mean()) for name, values in outcomes.items() if values.size}
