"""The network acts on a GPU for thousands of worlds that step on the CPU, as `sampling.gpus_per_runner` has it."""

import time
from collections.abc import Callable

import numpy as np
import pytest
import torch

from rl_cluster.learning.batch import make_train_batch
from rl_cluster.learning.update import Updater
from rl_cluster.sampling.network import make_model
from rl_cluster.sampling.rollout import make_rollout
from rl_cluster.schedulers.learning_rate import schedule
from rl_cluster.training.local_engine import LocalEngine
from tests.gpu.sampled import settings

pytestmark = pytest.mark.gpu
NUM_WORLDS, NUM_STEPS = 4096, 2
THOUSANDS = (
    f"sampling.worlds_per_runner={NUM_WORLDS}", f"sampling.fragment_steps={NUM_STEPS}", "ppo.minibatch_rows=8192",
)  # fmt: skip


def test_rollout__on_a_gpu_plays_thousands_of_worlds(
    accelerator: torch.device, record_property: Callable[[str, object], None]
) -> None:
    config = settings(*THOUSANDS)
    rollout = make_rollout(config, 0, make_model(config).eval().to(accelerator))
    rollout.sample(1)

    begin_s = time.perf_counter()
    fragment = rollout.sample(NUM_STEPS)
    record_property(
        f"{NUM_WORLDS} worlds, steps per s", round(NUM_WORLDS * NUM_STEPS / (time.perf_counter() - begin_s))
    )

    assert fragment.action.shape[:2] == (NUM_STEPS, NUM_WORLDS)
    assert all(np.isfinite(column).all() for column in (fragment.logp, fragment.value, fragment.next_value))


def test_rollout__on_a_gpu_feeds_an_update_there(accelerator: torch.device) -> None:
    """Log-probabilities of the rollout are those that the update calculates from the same weights."""
    config = settings(*THOUSANDS)
    model = make_model(config).to(accelerator)
    batch = make_train_batch([make_rollout(config, 0, model).sample(NUM_STEPS)], config.ppo)

    statistics = Updater(model, config.ppo, accelerator, part_rows=2048).update(batch, schedule(config.ppo, 0.0), 0, 0)

    assert statistics["first_ratio_deviation"] < 1e-3
    assert statistics["skipped_updates"] == 0.0


def test_rollout__on_a_gpu_begins_as_on_the_cpu(accelerator: torch.device) -> None:
    config = settings("sampling.worlds_per_runner=64")
    cpu, gpu = (
        make_rollout(config, 0, make_model(config).eval().to(device)).sample(1)
        for device in (torch.device("cpu"), accelerator)
    )

    assert (cpu.action == gpu.action).mean() > 0.99  # rounding decides between two actions now and then
    np.testing.assert_allclose(gpu.value, cpu.value, rtol=1e-3, atol=1e-4)


def test_engine__without_ray_trains_on_a_gpu(cuda: torch.device) -> None:
    config = settings("learners.gpus_per_learner=1")
    engine = LocalEngine(config)

    metrics = [engine.iterate(number, schedule(config.ppo, 0.0)) for number in range(2)][-1]
    state = engine.state()
    engine.load_state(state)
    engine.iterate(2, schedule(config.ppo, 0.0))

    assert next(engine.model().parameters()).device.type == "cuda"
    assert metrics["memory/peak_bytes"] > 0.0
    assert metrics["gpu/count"] >= 1.0
