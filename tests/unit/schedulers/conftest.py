"""The rules of a curriculum of four stages."""

import pytest

from rl_cluster.config.curriculum import AllocateCurriculum
from rl_cluster.config.load import load_config


@pytest.fixture(scope="session")
def rules() -> AllocateCurriculum:
    """pass_score .75, .70, .65, .60; three passes, grace 2, patience 5, fallback below .6, three failures, twice."""
    curriculum: AllocateCurriculum = load_config("curriculum_demo").curriculum
    return curriculum
