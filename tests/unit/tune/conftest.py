"""Settings of a study that needs seconds, and entries of its trials."""

from collections.abc import Callable
from typing import Any

import pytest

from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.tune.entry import Entry

STUDY = [
    "generator.num_uavs=[2, 3]", "generator.num_targets=[2, 3]", "model.width=8", "sampling.worlds_per_runner=2",
    "sampling.fragment_steps=4", "ppo.minibatch_rows=4", "training.iterations=8", "training.evaluate_every=2",
    "training.evaluation_episodes=4", "study.num_trials=4", "study.num_seeds=2", "study.num_test_seeds=2",
    "study.grace_rounds=1", "study.cpus_per_trial=0.5",
]  # fmt: skip
SAMPLE = {"ppo.lr": 1e-3, "ppo.clip": 0.2, "ppo.entropy_weight": 0.01, "ppo.gae_lambda": 0.95}


@pytest.fixture(scope="session")
def study_config() -> Callable[..., Config]:
    """The settings, with overrides."""
    return lambda *overrides: load_config("tune_demo", [*STUDY, *overrides])


@pytest.fixture(scope="session")
def entry() -> Callable[..., Entry]:
    """An entry of the study: of trial 00000 after 4 rounds, but for what is given."""

    def make(scores: tuple[float | None, ...] = (0.5, 0.5), **changed: Any) -> Entry:
        data: dict[str, Any] = {
            "trial": "00000", "status": "ended", "sample": SAMPLE, "rounds": 4, "stage": 1.0, "stage_rounds": 0,
            "held": 0.0, "diverged": 0.0,
        }  # fmt: skip
        seeds = ("102", "103") if changed.get("trial", "").startswith("test-") else ("100", "101")
        data["scores"] = dict(zip(seeds, scores, strict=False))
        return Entry(**{**data, **changed})

    return make
