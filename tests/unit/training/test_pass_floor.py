"""The floor of every curriculum that ships: no stage passes at what random play scores."""

import pytest

from rl_cluster.config.load import PRESETS, load_config
from rl_cluster.schedulers.pass_score import score_to_pass
from rl_cluster.training.pass_floor import measure_pass_floor

CURRICULA = [name for name in PRESETS if load_config(name).curriculum]


@pytest.mark.parametrize("preset", CURRICULA)
def test_curriculum_that_ships__passes_no_stage_on_random_play(preset: str) -> None:
    config = load_config(preset)

    for stage in range(1, len(config.curriculum.stages) + 1):
        measured = measure_pass_floor(config, stage)
        bound = score_to_pass(config.curriculum, stage, [measured.floor] * stage)
        # three quarters of the way from random play to a heuristic that plans, or more
        assert bound >= measured.random + 0.75 * (measured.heuristic - measured.random)
        assert measured.heuristic > measured.random + 0.1
        words = measured.told(stage, bound).words
        assert words.startswith(f"stage {stage}: passes at {bound:.2f}; random play scores {measured.random:.2f}, ")


def test_floor__is_the_same_however_often_it_is_measured() -> None:
    config = load_config("curriculum_demo", ["training.evaluation_episodes=8"])

    assert measure_pass_floor(config, 2) == measure_pass_floor(config, 2)
