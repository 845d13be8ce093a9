"""From observations to actions, for rollouts and for evaluation alike.

The noise that samples an action is keyed by (seed, world, episode, decision), never drawn from a generator: the same
action comes out whatever batch a world is evaluated in.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from rl_cluster.environment.interface import Worlds
from rl_cluster.environment.random import action_noise
from rl_cluster.model.distributions import MaskedCategorical
from rl_cluster.model.transformer_gnn import TransformerGNN
from rl_cluster.types import FloatArray, IntArray, Observation, map_observation

__all__ = ["Acted", "act", "predict_value"]


class Acted(NamedTuple):
    """What a policy did in B worlds."""

    action: IntArray
    """(B, N) in [0, C]"""
    logp: FloatArray
    """(B, N) log-probability of the action; 0 where the UAV does not choose"""
    value: FloatArray
    """(B, N) predicted return in reward units"""


def _to_device(observation: Observation[NDArray[Any]], device: torch.device) -> Observation[torch.Tensor]:
    return map_observation(lambda array: torch.from_numpy(array).to(device), observation)


@torch.inference_mode()
def act(model: TransformerGNN, worlds: Worlds, observation: Observation[NDArray[Any]], seed: int | None) -> Acted:
    """Samples actions with noise keyed by `seed`, or takes the most probable ones if it is None."""
    device = next(model.parameters()).device
    output = model(_to_device(observation, device))
    distribution = MaskedCategorical(output.logits_BNA)
    if seed is None:
        action = distribution.argmax()
    else:
        state, shape = worlds.state, observation.action_mask.shape
        noise = action_noise(shape, seed, worlds.first_world, state.episode, state.decision)
        action = distribution.sample(torch.from_numpy(noise).to(device))
    value = model.denormalise(output.value_BN)
    return Acted(
        action.cpu().numpy().astype(np.int16),
        distribution.log_prob(action).cpu().numpy(),
        value.cpu().numpy(),
    )


@torch.inference_mode()
def predict_value(model: TransformerGNN, observation: Observation[NDArray[Any]]) -> FloatArray:
    """(B, N) predicted return in reward units."""
    device = next(model.parameters()).device
    value: FloatArray = model.denormalise(model(_to_device(observation, device)).value_BN).cpu().numpy()
    return value
