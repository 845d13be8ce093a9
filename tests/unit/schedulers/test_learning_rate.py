"""Schedules by hand, and a test of significance that tells noise from progress."""

import math

import numpy as np
import pytest

from rl_cluster.config.controllers import ControllersConfig
from rl_cluster.config.load import load_config
from rl_cluster.schedulers.learning_rate import PlateauState, note_score, schedule, warmup


@pytest.fixture
def settings() -> ControllersConfig:
    return load_config("debug", ["controllers.warmup_iterations=4"]).controllers


def test_schedule__is_linear() -> None:
    ppo = load_config("debug", ["ppo.lr=[1e-3, 1e-4]", "ppo.entropy_weight=[0.02, 0.0]"]).ppo

    controls = schedule(ppo, 0.5)

    assert controls.lr == pytest.approx(5.5e-4)
    assert controls.entropy_weight == pytest.approx(0.01)
    assert schedule(ppo, 0.0).lr == 1e-3


def test_warmup__rises_to_one(settings: ControllersConfig) -> None:
    assert [warmup(settings, done) for done in range(6)] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    assert warmup(settings.model_copy(update={"warmup_iterations": 0}), 0) == 1.0


def _plateaus(settings: ControllersConfig, scores: list[float]) -> int:
    state, count = PlateauState(), 0
    for score in scores:
        state, is_plateau = note_score(settings, state, score)
        count += is_plateau
    return count


def test_plateau__is_a_window_that_is_not_better_by_two_standard_errors(settings: ControllersConfig) -> None:
    # windows of 5; means .2, .3 (better), .3 (not)
    rising = [0.18, 0.2, 0.22, 0.2, 0.2, 0.28, 0.3, 0.32, 0.3, 0.3]
    assert _plateaus(settings, rising) == 0
    assert _plateaus(settings, [*rising, *rising[5:]]) == 1
    assert _plateaus(settings, [*rising, *rising[5:9], math.nan]) == 0


def test_plateau__is_seen_in_noise_and_not_in_progress(settings: ControllersConfig) -> None:
    flat, rising = [], []
    for seed in range(200):
        noise = np.random.default_rng(seed).normal(scale=0.03, size=25)
        flat.append(_plateaus(settings, (0.5 + noise).tolist()))
        rising.append(_plateaus(settings, (0.3 + 0.02 * np.arange(25) + noise).tolist()))

    # of four tests each
    assert np.mean(flat) > 3.5
    assert np.mean(rising) < 0.5
