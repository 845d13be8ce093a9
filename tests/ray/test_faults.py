"""What is killed, hangs or breaks while a run trains: the run goes on, or says what is wrong."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rl_cluster.config.schema import Config
from rl_cluster.rllib.cluster import Cluster
from rl_cluster.rllib.engine import RayEngine
from rl_cluster.training.checkpoint import Checkpoint
from rl_cluster.training.engine import EngineLost
from rl_cluster.training.loop import train
from rl_cluster.training.start import new_start


def make_config(tiny: Config, num_env_runners: int, num_learners: int, **training: float) -> Config:
    sampling = {"num_env_runners": num_env_runners, "worlds_per_runner": 2, "cpus_per_runner": 0.25}
    learners = {"num_learners": num_learners, "cpus_per_learner": 0.25}
    return tiny.model_copy(
        update={
            "engine": "ray",
            "sampling": tiny.sampling.model_copy(update=sampling),
            "learners": tiny.learners.model_copy(update=learners),
            "training": tiny.training.model_copy(update={"iterations": 6, "checkpoint_every": 2, **training}),
        }
    )


def learner_pids(engine: RayEngine) -> list[int]:
    return engine.algorithm.learners.for_each(lambda learner: os.getpid())


def runner_pids(engine: RayEngine) -> list[int]:
    return engine.algorithm.runners.for_each(lambda runner: os.getpid())


@pytest.mark.parametrize("num_learners", [1, 2])
def test_learner__that_is_killed_costs_no_more_than_a_checkpoint_interval(
    cluster: Cluster, tiny: Config, tmp_path: Path, num_learners: int
) -> None:
    config = make_config(tiny, 1, num_learners)
    engine = RayEngine(config)
    begin = {}

    def kill_after_third(done: int, _: dict[str, float]) -> None:
        begin.setdefault(done, time.monotonic())
        if done == 3 and "killed" not in begin:
            begin["killed"] = time.monotonic()
            os.kill(learner_pids(engine)[-1], signal.SIGKILL)
        elif "killed" in begin and "again" not in begin:
            begin["again"] = time.monotonic()

    saved = train(engine, new_start(config, tmp_path / "run"), kill_after_third)
    engine.close()
    whole = RayEngine(config)
    expected = train(whole, new_start(config, tmp_path / "whole"), lambda *_: None)
    whole.close()
    print("MTTR", begin["again"] - begin["killed"])

    left, right = Checkpoint.load(saved), Checkpoint.load(expected)
    assert all(torch.equal(tensor, right.weights[name]) for name, tensor in left.weights.items())
    assert all(np.array_equal(array, right.arrays[name]) for name, array in left.arrays.items())
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [line["iteration"] for line in lines] == [1, 2, 3, 4, 5, 6]
