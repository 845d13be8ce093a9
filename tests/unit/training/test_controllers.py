"""All controllers together: what they remember survives JSON, and KL is held at its target in real training."""

import json
from pathlib import Path

import numpy as np
import pytest

from rl_cluster.config.load import load_config
from rl_cluster.schedulers.divergence import Divergence
from rl_cluster.training.controllers import Controllers
from rl_cluster.training.events import Diverging
from rl_cluster.training.local_engine import LocalEngine
from rl_cluster.training.loop import train
from rl_cluster.training.run import Record
from rl_cluster.training.start import new_start


def test_state__survives_json_at_every_moment() -> None:
    config = load_config(
        "curriculum_demo", ["controllers.kl_target=0.01", "controllers.plateau=lr", "controllers.on_divergence=restore"]
    )
    generator = np.random.default_rng(0)
    controllers, copy = Controllers(config), Controllers(config)
    for done in range(1, 200):
        metrics = {
            "learning/last_epoch_kl": float(generator.lognormal(-4.6)),
            "learning/policy_loss": float("nan") if done == 120 else 0.1,
            "episode/per_agent_reward": float(generator.normal()),
        }
        score = float(generator.choice([0.3, 0.78, 0.85]))
        for one in (controllers, copy):
            if one.lacks_floor:
                one.note_floor(0.4)
        told = [[*one.note_update(metrics, done)[1], *one.note_score(score, done)[1]] for one in (controllers, copy)]
        assert told[0] == told[1]
        assert controllers.controls(done) == copy.controls(done)
        state = json.loads(json.dumps(controllers.state_dict(), allow_nan=False))
        copy = Controllers(config)
        copy.load_state_dict(state)
        assert copy.state_dict() == controllers.state_dict()

    assert controllers.curriculum.transitions > 2
    assert controllers.state_dict()["restores"] > 0
    assert controllers.curriculum.floors == (0.4,) * len(controllers.curriculum.floors) != ()


def test_learning_rate__never_falls_below_its_least_by_fallbacks() -> None:
    config = load_config("curriculum_demo", ["controllers.min_lr=4e-4", "ppo.lr=[1e-3, 1e-3]"])
    controllers = Controllers(config)
    assert controllers.controls(0).lr == 1e-3
    for done, score in enumerate([0.8] * 3 + [0.1] * 5 + [0.8] * 5 + [0.1] * 5, start=1):
        controllers.note_update({"learning/policy_loss": 0.1, "learning/last_epoch_kl": 0.01}, done)
        controllers.note_score(score, done)

    assert controllers.curriculum.fallback.used == (0, 2)
    assert controllers.controls(20).lr == 4e-4


def test_learning_rate__of_a_run_that_is_held_stays() -> None:
    controllers = Controllers(load_config("curriculum_demo", ["curriculum.max_fallbacks=0"]))
    told: list[str] = []
    for done, score in enumerate([0.8] * 3 + [0.1] * 5, start=1):
        told += [event.words for event in controllers.note_score(score, done)[1]]

    assert told[-1].startswith("held: stage 2, score 0.10 < 0.48")
    assert controllers.controls(8).lr == controllers.controls(100).lr > 0.0


def test_divergence__is_told_once_and_not_for_want_of_a_measurement() -> None:
    controllers = Controllers(load_config("debug"))

    # the old API stack does not measure the last epoch's KL
    assert controllers.note_update({"learning/policy_loss": 0.1}, done=1) == (False, [])
    # of an update whose gradients were all left out there is no loss
    assert controllers.note_update({}, done=2) == (False, [Diverging("diverging", Divergence("not finite"))])
    assert controllers.note_update({}, done=3) == (False, [])
    assert controllers.is_diverging


@pytest.mark.long
def test_kl__is_held_at_its_target_in_real_training(tmp_path: Path) -> None:
    target = 0.003
    config = load_config(
        "debug",
        ["engine=local", "sampling.num_env_runners=0", "training.evaluate_every=0", "training.iterations=100",
         "ppo.lr=[2e-3, 2e-3]", f"controllers.kl_target={target}"],
    )  # fmt: skip
    records: list[Record] = []

    train(LocalEngine(config), new_start(config, tmp_path / "run"), records.append)

    kls = [record.metrics["learning/last_epoch_kl"] for record in records[50:]]
    assert 0.67 <= np.median(kls) / target <= 1.5
