"""Stages reach all env runners, those too that have just been restarted; both API stacks train in them."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ray.rllib.callbacks.callbacks import RLlibCallback

from rl_cluster.config.schema import Config
from rl_cluster.rllib.engine import RayEngine
from rl_cluster.rllib.old.engine import OldStackEngine
from rl_cluster.schedulers.learning_rate import schedule
from rl_cluster.training.checkpoints.checkpoint import Checkpoint, find_checkpoint
from rl_cluster.training.local_engine import LocalEngine
from rl_cluster.training.loop import train
from rl_cluster.training.run import Record
from rl_cluster.training.start import new_start, resumed_start
from rl_cluster.types import StageMix


def _config(tiny: Config, **sampling: Any) -> Config:
    """Stage 1 has 2 UAVs, stage 2 has 3; a round after each iteration, two of which pass; nearly anything passes."""
    stage = {"num_obstacles": (0, 0), "pass_score": 0.05}
    data = tiny.model_dump()
    data["curriculum"] = {
        "pace": "aggressive", "metric": "satisfied_rate", "num_passes": 2, "grace": 1, "patience": 9,
        "fallback_share": 0.6, "num_failures": 3, "max_fallbacks": 2, "lr_decay": 0.5, "floor_share": None,
        "stages": [
            {**stage, "num_uavs": (2, 2), "num_targets": (2, 2), "mix": (1.0, 0.0)},
            {**stage, "num_uavs": (3, 3), "num_targets": (3, 3), "mix": (1.0, 0.0)},
        ],
    }  # fmt: skip
    data["engine"] = "ray"
    data["ppo"] |= {"lr": (1e-5, 1e-5)}  # what an untrained policy scores is enough, and is not to be lost
    data["sampling"] |= {"num_env_runners": 2, "cpus_per_runner": 0.25, **sampling}
    data["training"] |= {"iterations": 6, "evaluate_every": 1, "evaluation_episodes": 4, "checkpoint_every": 1}
    return type(tiny).model_validate(data)


def _num_uavs(runner: Any) -> list[int]:
    """Of the worlds in which nobody has acted yet: their stage is the newest that the runner knows."""
    state = runner.rollout.worlds.state
    counts: list[int] = state.uav_exists.sum(axis=1)[state.decision == 0].tolist()
    return counts


class _Recreated(RLlibCallback):  # type: ignore[misc]  # Ray's classes are not typed
    """Counts env runners that came back."""

    indices: list[int] = []  # noqa: RUF012 - of the class: RLlib makes its own instances

    def on_env_runners_recreated(self, *, env_runner_indices: list[int], **_: Any) -> None:
        self.indices.extend(env_runner_indices)


@pytest.mark.usefixtures("cluster")
def test_runner_that_dies_right_after_an_advance__samples_the_new_stage(tiny: Config, tmp_path: Path) -> None:
    config = _config(tiny)
    engine = RayEngine(config, callbacks=[_Recreated])
    _Recreated.indices.clear()
    fragments: list[list[int]] = []

    def kill_one(record: Record) -> None:
        if any(event.words.startswith("advance") for event in record.events):
            pid = engine.algorithm.runners.for_each(lambda _: os.getpid())[0]
            os.kill(pid, 9)
        elif record.metrics["curriculum/stage"] == 2.0 and not fragments:
            # the first iteration of the new stage is over: both runners have been in it
            fragments.extend(engine.algorithm.runners.for_each(_num_uavs))

    try:
        train(engine, new_start(config, tmp_path / "run"), kill_one)
        mixes = engine.algorithm.runners.for_each(lambda runner: runner.rollout._mix)
    finally:
        engine.close()

    assert _Recreated.indices, "the killed runner came back"
    assert {count for counts in fragments for count in counts} <= {3}
    assert mixes == [StageMix(2, 1.0, 1)] * 2


@pytest.mark.usefixtures("cluster")
def test_curriculum__is_the_same_on_both_engines_and_goes_on_after_a_resume(tiny: Config, tmp_path: Path) -> None:
    config = _config(tiny)
    local = config.model_copy(update={"engine": "local"})
    expected: list[Record] = []
    train(LocalEngine(local), new_start(local, tmp_path / "local"), expected.append)

    records: list[Record] = []
    for _ in range(2):  # the advance is after 2
        engine = RayEngine(config)
        start = resumed_start(tmp_path / "ray") if records else new_start(config, tmp_path / "ray")
        train(engine, start, records.append, is_stopped=lambda: len(records) == 3)
        engine.close()

    assert [record.events for record in records] == [record.events for record in expected]
    for record, other in zip(records, expected, strict=True):
        for name in ("curriculum/stage", "sampling/agent_steps", "learning/lr"):
            assert record.metrics[name] == other.metrics[name]
    left, right = (Checkpoint.load(find_checkpoint(tmp_path / name).folder) for name in ("local", "ray"))
    assert left.state["controllers"]["curriculum"] == right.state["controllers"]["curriculum"]
    assert left.snapshots.keys() == right.snapshots.keys()


@pytest.mark.usefixtures("cluster")
def test_old_stack__gets_the_stage_and_the_learning_rate(tiny: Config) -> None:
    config = _config(tiny).model_copy(update={"api_stack": "old"})
    engine = OldStackEngine(config)
    try:
        planned = schedule(config.ppo, 0.0)
        for iteration in range(8):
            controls = planned._replace(lr=1e-5 * (iteration + 1), mix=StageMix(2, 1.0, 1))
            metrics = engine.iterate(iteration, controls)
            assert metrics["learning/lr"] == pytest.approx(controls.lr)
        sizes = engine.algorithm.env_runner_group.foreach_env_runner(
            lambda runner: runner.env.worlds.state.uav_exists.sum(axis=1) if runner.env else np.zeros(0)
        )
    finally:
        engine.close()

    # every world has begun an episode since: of the second stage
    assert set(np.concatenate(sizes).tolist()) == {3}


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize("num_learners", [pytest.param(0, marks=pytest.mark.long), 2])
def test_learners__have_the_learning_rate_that_was_decided_after_an_update(tiny: Config, num_learners: int) -> None:
    config = _config(tiny)
    learners = config.learners.model_copy(update={"num_learners": num_learners, "cpus_per_learner": 0.25})
    engine = RayEngine(config.model_copy(update={"learners": learners}))
    try:
        planned = schedule(config.ppo, 0.0)._replace(mix=StageMix())
        for iteration, lr in enumerate((3e-4, 7e-5)):
            metrics = engine.iterate(iteration, planned._replace(lr=lr))
            assert metrics["learning/lr"] == lr
            rates = engine.algorithm.learners.for_each(_rate)
            assert rates == [lr] * max(1, num_learners)
    finally:
        engine.close()


def _rate(learner: Any) -> float:
    rate: float = learner.get_optimizer().param_groups[0]["lr"]
    return rate
