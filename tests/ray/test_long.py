"""What only many iterations show: memory stays flat, and several Learners learn as well as one."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

from rl_cluster.config.load import load_config
from rl_cluster.rllib.cluster import Cluster
from rl_cluster.rllib.engine import RayEngine
from rl_cluster.schedulers.learning_rate import schedule

pytestmark = pytest.mark.long
Record = Callable[[str, object], None]


def test_memory__is_flat_over_500_iterations(cluster: Cluster, record_property: Record) -> None:
    """Resident memory of trainer and env runner: medians of 50 iterations each."""
    engine = RayEngine(load_config("debug", ["training.iterations=500"]))
    pids = engine.algorithm.runners.for_each(lambda _: psutil.Process().pid)
    processes = [psutil.Process(), *map(psutil.Process, pids)]
    resident: list[list[int]] = []
    for iteration in range(500):
        engine.iterate(iteration, schedule(engine.config.ppo, 0.0))
        resident.append([process.memory_info().rss for process in processes])
    engine.close()

    early, late = (np.median(resident[start : start + 50], axis=0) for start in (50, 450))
    growth = (late / early - 1.0).tolist()
    record_property("growth", growth)
    assert max(growth) < 0.01


def test_learners__of_two_nodes_learn_as_well_as_one(cluster: Cluster, tmp_path: Path, record_property: Record) -> None:
    """Same seeds, same global batch; only rounding differs, and what follows from it."""
    scores: dict[int, list[float]] = {1: [], 2: []}
    for seed in range(5):
        for num_learners, of_seeds in scores.items():
            learners = [f"learners.num_learners={num_learners}", "learners.cpus_per_learner=0.9"]
            engine = RayEngine(load_config("debug", [f"seed={seed}", "training.iterations=60", *learners]))
            records = [engine.iterate(iteration, schedule(engine.config.ppo, 0.0)) for iteration in range(60)]
            engine.close()
            of_seeds.append(float(np.mean([record["episode/per_agent_reward"] for record in records[-20:]])))
    record_property("scores", scores)

    one, two = (np.array(values) for values in scores.values())
    standard_error = np.std(one - two, ddof=1) / len(one) ** 0.5
    assert abs((one - two).mean()) < 3.0 * standard_error
    assert min(one.mean(), two.mean()) > 0.5
