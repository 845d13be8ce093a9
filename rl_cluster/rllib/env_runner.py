"""An RLlib EnvRunner around a rollout: worlds in batches, fragments in columns.

How worlds step and how a policy acts in them is `sampling/rollout.py`'s business. What is RLlib's: the weights and
their number, metrics, hooks, state. RLlib's own SingleAgentEnvRunner handles one world's step after the other in Python,
with connectors that have nothing to do here; only its names for metrics and state are kept.
"""

from collections.abc import Callable, Collection
from typing import Any, NamedTuple, Protocol

import gymnasium
import ray
import torch
from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
from ray.rllib.callbacks.callbacks import RLlibCallback
from ray.rllib.core import COMPONENT_RL_MODULE, DEFAULT_AGENT_ID, DEFAULT_MODULE_ID
from ray.rllib.env import INPUT_ENV_SINGLE_SPACES, INPUT_ENV_SPACES
from ray.rllib.env.env_context import EnvContext
from ray.rllib.env.env_runner import EnvRunner
from ray.rllib.utils.metrics import (
    NUM_AGENT_STEPS_SAMPLED,
    NUM_AGENT_STEPS_SAMPLED_LIFETIME,
    NUM_ENV_STEPS_SAMPLED,
    NUM_ENV_STEPS_SAMPLED_LIFETIME,
    NUM_EPISODES,
    NUM_EPISODES_LIFETIME,
    SAMPLE_TIMER,
    WEIGHTS_SEQ_NO,
)
