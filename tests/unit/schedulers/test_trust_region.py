"""The weight of KL holds KL at its target, on a simulated learner whose KL falls as the weight rises."""

import math

import numpy as np
import pytest

from rl_cluster.config.controllers import ControllersConfig
from rl_cluster.config.load import load_config
from rl_cluster.schedulers.trust_region import TrustRegionState, adapt_kl_weight

TARGET = 0.01


@pytest.fixture
def settings() -> ControllersConfig:
    return load_config("debug", [f"controllers.kl_target={TARGET}"]).controllers


class _Learner:
    """KL = K / (beta + 0.3)^2, with slow and fast log-normal noise; K drifts from seed to seed."""

    def __init__(self, seed: int) -> None:
        self._generator = np.random.default_rng(seed)
        self.strength = TARGET * float(self._generator.uniform(1.0, 4.0))
        self._drift = 0.0

    def update(self, weight: float) -> float:
        self._drift = 0.7 * self._drift + self._generator.normal(scale=0.2)
        noise = math.exp(self._drift + self._generator.normal(scale=0.2))
        return self.strength / (weight + 0.3) ** 2 * noise


def test_weight__holds_the_geometric_mean_of_kl_at_its_target(settings: ControllersConfig) -> None:
    ratios = []
    for seed in range(50):
        learner, state = _Learner(seed), TrustRegionState(settings.kl_weight)
        for iteration in range(300):
            kl = learner.update(state.weight)
            state = adapt_kl_weight(settings, state, kl)
            if iteration >= 20:
                ratios.append(kl / TARGET)

    assert math.exp(np.log(ratios).mean()) == pytest.approx(1.0, abs=0.05)
    assert np.mean([0.5 <= ratio <= 2.0 for ratio in ratios]) >= 0.9


def test_weight__recovers_from_a_shock_of_ten_within_five_iterations(settings: ControllersConfig) -> None:
    for seed in range(50):
        learner, state = _Learner(seed), TrustRegionState(settings.kl_weight)
        for _ in range(100):
            state = adapt_kl_weight(settings, state, learner.update(state.weight))
        learner.strength *= 10.0

        kls = []
        for _ in range(5):
            kls.append(learner.update(state.weight))
            state = adapt_kl_weight(settings, state, kls[-1])

        assert min(kls) < 2.0 * TARGET


def test_weight__by_hand(settings: ControllersConfig) -> None:
    # e = (0 + ln 2) / 2 = 0.3466; ln beta rises by 0.35 e
    state = adapt_kl_weight(settings, TrustRegionState(1.0), 2.0 * TARGET)
    assert state.error == pytest.approx(0.34657, abs=1e-5)
    assert state.weight == pytest.approx(math.exp(0.35 * 0.34657), abs=1e-5)

    # |e| = 0.1823 / 2 is within the dead band
    assert adapt_kl_weight(settings, TrustRegionState(1.0), 1.2 * TARGET).weight == 1.0


@pytest.mark.parametrize("kl", [math.nan, math.inf])
def test_weight__doubles_where_kl_is_not_finite(settings: ControllersConfig, kl: float) -> None:
    assert adapt_kl_weight(settings, TrustRegionState(3.0, 0.1), kl) == TrustRegionState(6.0, 0.1)


@pytest.mark.parametrize(("kl", "bound"), [(0.0, 0), (1e9, 1)])
def test_weight__stays_in_its_range(settings: ControllersConfig, kl: float, bound: int) -> None:
    state = TrustRegionState(settings.kl_weight)
    for _ in range(200):
        state = adapt_kl_weight(settings, state, kl)

    assert state.weight == settings.kl_weight_range[bound]
