"""Observers of what is decided by settings alone: schedules, plans, engines, and what Ray is asked for."""

from typing import Any

import numpy as np

from rl_cluster.api.engines import engine_of
from rl_cluster.config.schema import Config
from rl_cluster.errors import ClusterError
from rl_cluster.rllib.placement.plan import NodeResources, make_plan
from rl_cluster.training.controllers import Controllers
from rl_cluster.training.pass_floor import measure_pass_floor

NODES = [NodeResources(2.0, 0.0, "small"), NodeResources(8.0, 2.0, "large")]
NUM_ROUNDS = 160


def schedule(config: Config) -> Any:
    """Controls, ways back and events of a run that learns, stands still and falls apart, by a fixed script."""
    controllers, generator, seen = Controllers(config), np.random.default_rng(0), list[Any]()
    for done in range(NUM_ROUNDS):
        if controllers.lacks_floor:
            controllers.note_floor(measure_pass_floor(config, controllers.curriculum.stage).floor)
        kl = 2.0 if done % 25 == 24 else float(generator.lognormal(-4.6 if done % 80 < 40 else -9.0))
        metrics = {
            "learning/last_epoch_kl": kl,
            "learning/policy_loss": 0.1,
            "episode/per_agent_reward": float(generator.normal()),
        }
        update = controllers.note_update(metrics, done + 1)
        score = float(generator.uniform(0.7, 1.0) if done % 22 < 12 else generator.uniform(0.0, 0.6))
        seen += [update, controllers.note_score(score, done + 1), controllers.controls(done + 1)]
    return seen


def plan(config: Config) -> Any:
    """Which actors a run asks for on a small node and a large one, and where they are put."""
    try:
        made = make_plan(config, NODES)
    except ClusterError as error:
        return error.what
    return made.num_env_runners, made.num_cpus, made.num_gpus, made.num_learners, made.learner_nodes


def engine(config: Config) -> Any:
    """What runs the iterations."""
    return engine_of(config, None).__qualname__
