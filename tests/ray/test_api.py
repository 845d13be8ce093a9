"""Training from Python through Ray is training from Python without it."""

from pathlib import Path

import numpy as np

from rl_cluster.api.training import train
from rl_cluster.config.schema import Config
from rl_cluster.rllib.cluster import Cluster
from rl_cluster.training.run import Record


def test_train__through_ray_measures_what_it_does_without(tiny: Config, cluster: Cluster, tmp_path: Path) -> None:
    sampling = tiny.sampling.model_copy(update={"num_env_runners": 2})
    learners = tiny.learners.model_copy(update={"num_learners": 0, "cpus_per_learner": 0.5})
    config = tiny.model_copy(update={"sampling": sampling, "learners": learners})
    records: list[Record] = []

    through_ray = train(config.model_copy(update={"engine": "ray"}), tmp_path / "ray", callbacks=[records.append])
    without = train(config, tmp_path / "local")

    assert [record.done for record in records] == [1, 2]
    for name in ("learning/entropy", "learning/policy_loss"):
        assert np.allclose(through_ray.metrics[name], without.metrics[name], rtol=1e-5, atol=1e-7)
