"""The score that passes a stage: what the settings say, but never less than play without skill scores.

A score says little by itself: if there are few targets, random play serves most of them. So random play and a heuristic
play the same episodes once, when a stage is entered, and the floor lies between the two, as scores are normalised in
Mnih et al. 2015 (Nature 518, p. 529). Nothing is divided by their difference: where the heuristic is no better than
random play, random play's score is the floor.
"""

from collections.abc import Sequence

from rl_cluster.config.curriculum import CurriculumConfig

__all__ = ["floor_between", "score_to_pass"]


def floor_between(share: float, random: float, heuristic: float) -> float:
    """random + share * (heuristic - random), and never below random play's score; all in [0, 1]."""
    return random + share * max(0.0, heuristic - random)


def score_to_pass(rules: CurriculumConfig, stage: int, floors: Sequence[float]) -> float:
    """The score that passes a stage, from 1.

    Args:
        rules: The curriculum's rules.
        stage: From 1.
        floors: The floors of stage 1, 2, .., as far as they have been measured.
    """
    asked: float = rules.stages[stage - 1].pass_score
    return max(asked, floors[stage - 1]) if stage <= len(floors) else asked
