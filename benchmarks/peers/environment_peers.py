"""The peers of `measure/environment.py`, each as a function that steps B worlds once with given random actions.

VMAS (Bettini et al. 2022, arXiv 2207.03530) is GPL-3.0: only this module imports it, and the package does not depend on
it. mpe2 is the maintained version of MPE (Lowe et al. 2017, arXiv 1706.02275); it steps one world at a time.
"""

import math
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from typing import Any

import numpy as np
import torch
import vmas
from mpe2 import simple_spread_v3

__all__ = ["EPISODE_STEPS", "NUM_ACTION_SETS", "mpe_simple_spread", "vmas_navigation", "vmas_simple_spread"]

EPISODE_STEPS = 100
"""The number of steps after which all worlds of a peer are reset together, which is the cheapest way that it offers."""
NUM_ACTION_SETS = 8
"""Random actions are drawn before the clock starts, and used in turn."""


def vmas_simple_spread(num_uavs: int, num_worlds: int) -> Callable[[], None]:
    """N agents cover N landmarks; each agent sees all landmarks and all other agents."""
    return _vmas(vmas.make_env("simple_spread", num_worlds, device="cpu", seed=0, n_agents=num_uavs))


def vmas_navigation(num_uavs: int, num_worlds: int) -> Callable[[], None]:
    """N agents fly to goals of their own, with collisions and 12 lidar rays each; the area grows with N."""
    side = math.sqrt(num_uavs / 4)
    env = vmas.make_env(
        "navigation",
        num_worlds,
        device="cpu",
        seed=0,
        n_agents=num_uavs,
        world_spawning_x=side,
        world_spawning_y=side,
    )
    return _vmas(env)


def _vmas(env: Any) -> Callable[[], None]:
    generator = torch.Generator().manual_seed(0)
    shapes = [(env.num_envs, env.get_agent_action_size(agent)) for agent in env.agents]
    actions = cycle(
        [[2.0 * torch.rand(shape, generator=generator) - 1.0 for shape in shapes] for _ in range(NUM_ACTION_SETS)]
    )
    env.reset()
    steps = _count_to(EPISODE_STEPS)

    @torch.inference_mode()
    def step() -> None:
        env.step(next(actions))
        if next(steps):
            env.reset()

    return step


def mpe_simple_spread(num_uavs: int) -> Callable[[], None]:
    """One world of N agents and N landmarks."""
    env = simple_spread_v3.parallel_env(N=num_uavs, max_cycles=EPISODE_STEPS + 1, continuous_actions=True)
    env.reset(seed=0)
    random = np.random.default_rng(0)
    draws = random.random((NUM_ACTION_SETS, num_uavs, 5), dtype=np.float32)
    actions = cycle([dict(zip(env.agents, draw, strict=True)) for draw in draws])
    steps = _count_to(EPISODE_STEPS)

    def step() -> None:
        env.step(next(actions))
        if next(steps):
            env.reset()

    return step


def _count_to(number: int) -> Iterator[bool]:
    """True at every `number`-th call."""
    return cycle(islice([False] * (number - 1) + [True], number))
