"""From observations to actions, for rollouts and for evaluation alike.

Where the world has several rounds of intent, UAVs announce what they mean to do and choose again, seeing what the
others have announced, before they fly: UAVs that choose at once, by one network, cannot avoid the same target.

Where UAVs choose in turn, a round still takes one pass of the network: `Worlds.take_turns` goes through its
probabilities UAV by UAV.

The noise that samples an action is keyed by (seed, world, episode, decision), never drawn from a generator: the same
action comes out whatever batch a world is evaluated in.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from rl_cluster.environment.shared.interface import TakeTurns, Worlds
from rl_cluster.environment.shared.keyed_random import action_noise
from rl_cluster.errors import CheckpointError
from rl_cluster.model.distributions import MaskedCategorical
from rl_cluster.model.transformer_gnn import TransformerGNN
from rl_cluster.types import FloatArray, Observation, map_observation

__all__ = ["Acted", "Seed", "Tell", "act", "deliberate", "most_probable", "predict_value"]


Tell = Callable[[Observation[NDArray[Any]]], Observation[NDArray[Any]]]
Seed: TypeAlias = int | NDArray[np.int64]
"""Keys the noise of all worlds, or (B,) of each; negative = the most probable actions in that world."""


class Acted(NamedTuple):
    """A policy's actions in B worlds."""

    observation: Observation[NDArray[Any]]
    """the observation that the action was chosen on, after all announcements"""
    action: NDArray[Any]
    """for learning: (B, N) int16 in [0, C], or (B, N, 2) float32 controls before they are squashed"""
    applied: NDArray[Any]
    """for the worlds: the same choices, or the squashed controls"""
    logp: FloatArray
    """(B, N) log-probability of the action; 0 where the UAV does not choose"""
    value: FloatArray
    """(B, N) predicted return in reward units"""


def _to_device(observation: Observation[NDArray[Any]], device: torch.device) -> Observation[torch.Tensor]:
    return map_observation(lambda array: torch.from_numpy(array).to(device), observation)


def _pass(phase: str) -> None:
    """Measures nothing."""


def act(
    model: TransformerGNN,
    worlds: Worlds,
    observation: Observation[NDArray[Any]],
    seed: Seed | None,
    lap: Callable[[str], None] = _pass,
    tell: Tell | None = None,
) -> Acted:
    """Samples actions with noise keyed by `seed`, or takes the most probable ones if it is None.

    Raises CheckpointError if the network's outputs are not actions: its weights are finite, but too large.

    `lap` is called at the end of each piece of `inference` and of `env`, like `Stopwatch.lap`. `tell` changes what the
    network sees, but not what is returned as observed.
    """
    seen = deliberate(model, worlds, observation, seed, lap, tell)
    acted = _act(model, worlds, seen, seed, worlds.intent_rounds - 1, tell)
    lap("inference")
    return acted


def deliberate(
    model: TransformerGNN,
    worlds: Worlds,
    observation: Observation[NDArray[Any]],
    seed: Seed | None,
    lap: Callable[[str], None] = _pass,
    tell: Tell | None = None,
) -> Observation[NDArray[Any]]:
    """The observation after all rounds of intent but the last; announcements stand until the worlds advance."""
    for number in range(worlds.intent_rounds - 1):
        announced = _act(model, worlds, observation, seed, number, tell).applied
        lap("inference")
        observation = worlds.announce(announced)
        lap("env")
    return observation


@torch.inference_mode()
def _act(
    model: TransformerGNN,
    worlds: Worlds,
    observation: Observation[NDArray[Any]],
    seed: Seed | None,
    number: int,
    tell: Tell | None,
) -> Acted:
    """Round `number` of the decision, from 0."""
    device = next(model.parameters()).device
    policy, value = model(_to_device(tell(observation) if tell else observation, device))
    noise = None
    if seed is not None:
        state, shape = worlds.state, tuple(policy.noise_shape)
        round_number = state.decision * worlds.intent_rounds + number
        drawn = action_noise(shape, seed, worlds.world_numbers, state.episode, round_number)
        noise = torch.from_numpy(drawn).to(device)
    if worlds.take_turns:
        assert isinstance(policy, MaskedCategorical), "only choices are made in turn"
        action, policy, observation = _in_turn(policy, worlds.take_turns, observation, noise)
    else:
        action = policy.mode() if noise is None else policy.sample(noise)
    applied = _to_array(policy.applied(action))
    if not np.isfinite(applied).all():
        what = "gives controls that are not finite: its weights are too large"
        raise CheckpointError("policy", what, "take an earlier checkpoint, and a smaller ppo.lr")
    return Acted(
        observation,
        _to_array(action),
        applied,
        policy.log_prob(action).cpu().numpy(),
        model.denormalise(value).cpu().numpy(),
    )


def _in_turn(
    policy: MaskedCategorical, take_turns: TakeTurns, observation: Observation[NDArray[Any]], noise: torch.Tensor | None
) -> tuple[torch.Tensor, MaskedCategorical, Observation[NDArray[Any]]]:
    """Actions, and policy and observation restricted to what was left to each UAV."""
    logp = policy.logp_all
    scores = logp if noise is None else policy.perturbed(noise)
    actions, seen = take_turns(observation, logp.cpu().numpy(), scores.cpu().numpy())
    mask = torch.from_numpy(seen.action_mask).to(logp.device)
    return torch.from_numpy(actions).to(logp.device), policy.restricted(mask), seen


def _to_array(action: torch.Tensor) -> NDArray[Any]:
    array: NDArray[Any] = action.cpu().numpy()
    return array if action.is_floating_point() else array.astype(np.int16)


@torch.inference_mode()
def most_probable(model: TransformerGNN, observation: Observation[NDArray[Any]]) -> NDArray[Any]:
    """The most probable actions (B, N), or controls (B, N, 2), in one pass: no rounds of intent, nobody in turn."""
    device = next(model.parameters()).device
    policy, _ = model(_to_device(observation, device))
    return _to_array(policy.applied(policy.mode()))


@torch.inference_mode()
def predict_value(model: TransformerGNN, observation: Observation[NDArray[Any]]) -> FloatArray:
    """(B, N) predicted return in reward units."""
    device = next(model.parameters()).device
    value: FloatArray = model.denormalise(model(_to_device(observation, device)).value_BN).cpu().numpy()
    return value
