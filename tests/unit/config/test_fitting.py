"""Env runners more or fewer: the batch stays, and `submit` says what it chose."""

import pytest

from rl_cluster.cli.submit import _fitted
from rl_cluster.config.fitting import fit_runners
from rl_cluster.config.load import PRESETS, load_config
from rl_cluster.errors import ConfigError


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("num_env_runners", [0, 1, 2, 3, 7, 10, 24, 31, 64])
def test_fit__keeps_the_number_of_minibatches_and_nearly_the_batch(preset: str, num_env_runners: int) -> None:
    config = load_config(preset)
    num_minibatches = config.train_batch_rows // config.ppo.minibatch_rows

    worlds, minibatch_rows, rows = fit_runners(config, num_env_runners)

    step = max(1, num_env_runners) * config.sampling.fragment_steps
    assert rows == worlds * step == minibatch_rows * num_minibatches
    assert abs(rows - config.train_batch_rows) <= max(step * num_minibatches, 1) / 2 or worlds <= num_minibatches


@pytest.mark.parametrize("preset", PRESETS)
def test_fit__of_the_same_number_changes_nothing(preset: str) -> None:
    config = load_config(preset)

    fit = fit_runners(config, config.sampling.num_env_runners)

    assert fit == (config.sampling.worlds_per_runner, config.ppo.minibatch_rows, config.train_batch_rows)


@pytest.mark.parametrize("num_env_runners", [1, 3, 10, 47, 100])
@pytest.mark.parametrize("preset", ["multi_node", "single_node", "quick_demo", "default"])
def test_submit__fits_a_preset_to_any_number_of_runners(preset: str, num_env_runners: int) -> None:
    config, words = _fitted(preset, [], 2, num_env_runners)

    assert (config.sampling.num_env_runners, config.learners.num_learners) == (num_env_runners, 2)
    assert abs(config.train_batch_rows / load_config(preset).train_batch_rows - 1.0) < 0.25
    assert words
    assert f"sampling.worlds_per_runner={config.sampling.worlds_per_runner}" in words


def test_submit__leaves_a_batch_that_is_given() -> None:
    config, words = _fitted("quick_demo", ["sampling.worlds_per_runner=64"], None, 4)

    assert (config.train_batch_rows, words) == (4 * 64 * 16, None)
    with pytest.raises(ConfigError, match="does not divide"):
        _fitted("quick_demo", ["ppo.minibatch_rows=500"], None, 4)
