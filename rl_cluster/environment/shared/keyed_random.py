"""Randomness that is looked up, not drawn: a number is a function of (seed, stream, world, episode) and a counter.

So an episode comes out the same whatever the batch size, the number of env runners or the order of resets, and there is
no generator state to save. The mixing function is SplitMix64's finaliser (Steele, Lea, Flood 2014, "Fast splittable
pseudorandom number generators"), applied once per part of the key.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rl_cluster.types import FloatArray

__all__ = [
    "ACTION",
    "EVALUATION",
    "HEURISTIC",
    "MIXTURE",
    "PLAN",
    "PREFERENCE",
    "STAGE",
    "TRAINING",
    "action_noise",
    "key",
    "plan_keys",
    "uniform",
    "uniform_int",
]

TRAINING = 1
"""Stream of the episodes that are trained on."""
EVALUATION = 2
"""Stream of the episodes that are never trained on."""
ACTION = 3
"""Stream of the noise by which a stochastic policy samples its actions."""
HEURISTIC = 4
"""Stream of the choices of randomised heuristics."""
STAGE = 5
"""Stream of the stages that worlds play."""
PREFERENCE = 6
"""Stream of what operators of training episodes prefer."""
MIXTURE = 7
"""Stream of the parts of a mixture that episodes are drawn from."""
PLAN = 8
"""Stream of what a search changes about plans."""

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FACTOR_1 = np.uint64(0xBF58476D1CE4E5B9)
_FACTOR_2 = np.uint64(0x94D049BB133111EB)


@njit(cache=True, _nrt=False)
def _mix(z: np.uint64) -> np.uint64:
    z = (z ^ (z >> np.uint64(30))) * _FACTOR_1
    z = (z ^ (z >> np.uint64(27))) * _FACTOR_2
    return z ^ (z >> np.uint64(31))


@njit(cache=True, _nrt=False)
def key(seed: int, stream: int, world: int, episode: int) -> np.uint64:
    """The key (uint64) of an episode's draws of one stream. All parts are non-negative integers."""
    z = _mix(np.uint64(seed) + _GOLDEN)
    z = _mix((z ^ np.uint64(stream)) + _GOLDEN)
    z = _mix((z ^ np.uint64(world)) + _GOLDEN)
    return _mix((z ^ np.uint64(episode)) + _GOLDEN)


@njit(cache=True, _nrt=False)
def uniform(episode_key: np.uint64, counter: int) -> float:
    """The counter-th number of a key, uniform in (0, 1): 53 bits, centred between grid points, so never 0 or 1."""
    z = _mix(episode_key + (np.uint64(counter) + np.uint64(1)) * _GOLDEN)
    return (np.float64(z >> np.uint64(11)) + 0.5) * (1.0 / 9007199254740992.0)


@njit(cache=True, _nrt=False)
def uniform_int(episode_key: np.uint64, counter: int, low: int, high: int) -> int:
    """The counter-th number of a key, uniform over the integers low..high, both included."""
    return low + int(uniform(episode_key, counter) * (high - low + 1))


@njit(cache=True, _nrt=False)
def _fill_noise(noise, seeds, worlds, episode, decision) -> None:  # type: ignore[no-untyped-def]  # numba infers the types
    num_worlds, num_uavs, num_actions = noise.shape
    for b in range(num_worlds):
        if seeds[b] < 0:
            noise[b] = 0.5
            continue
        world_key = key(seeds[b], ACTION, worlds[b], episode[b])
        for i in range(num_uavs):
            for a in range(num_actions):
                # The counter must not depend on the padded sizes, or padding would change what is sampled.
                counter = (decision[b] * 8192 + i) * 128 + a
                noise[b, i, a] = uniform(world_key, counter)


def action_noise(
    shape: tuple[int, int, int],
    seed: int | NDArray[np.int64],
    worlds: NDArray[np.int64],
    episode: NDArray[np.int64],
    decision: NDArray[np.int64],
) -> FloatArray:
    """Noise (B, N, A) in (0, 1) to sample actions by; keyed also by the decision.

    Draw (i, a) does not depend on the padded sizes: counters leave room for 8192 UAVs and 128 actions.

    Args:
        shape: B, N, A.
        seed: One for all rows, or (B,) one for each; a row with a negative seed has 0.5 everywhere, by which the most
            probable action is sampled.
        worlds: (B,) numbers of the worlds.
        episode: (B,) numbers of their episodes.
        decision: (B,) steps taken in them.
    """
    noise = np.empty(shape, dtype=np.float32)
    seeds = seed if isinstance(seed, np.ndarray) else np.full(shape[0], seed, dtype=np.int64)
    _fill_noise(noise, seeds, worlds, episode, decision)
    return noise


@njit(cache=True, _nrt=False)
def _fill_plan_keys(keys, seed, worlds, episode, decision, first_plan) -> None:  # type: ignore[no-untyped-def]  # numba infers the types
    for b in range(keys.shape[0]):
        z = _mix((key(seed, PLAN, worlds[b], episode[b]) ^ np.uint64(decision[b])) + _GOLDEN)
        for p in range(keys.shape[1]):
            keys[b, p] = np.int64(_mix((z ^ np.uint64(first_plan + p)) + _GOLDEN) >> np.uint64(1))


def plan_keys(
    seed: int,
    worlds: NDArray[np.int64],
    episode: NDArray[np.int64],
    decision: NDArray[np.int64],
    plans: range,
) -> NDArray[np.int64]:
    """(B, K) keys, not negative, of the draws of plans number `plans` that a search tries at a decision.

    The arguments are those of `action_noise`.
    """
    keys = np.empty((worlds.size, len(plans)), dtype=np.int64)
    _fill_plan_keys(keys, seed, worlds, episode, decision, plans.start)
    return keys
