"""RLlib's own ways to train the same worlds, as its users would write them first.

    single_agent        the swarm as one agent, gymnasium environments one after the other (SingleAgentEnvRunner)
    vector_entry_point  the same runner over worlds that step together
    multi_agent         an agent for each UAV, one shared policy (MultiAgentEnvRunner)
    old_stack           the swarm as one agent on the old API stack (RolloutWorker)

With the MLP, an observation has only every UAV's own row, which is the minimum that RLlib needs.
"""

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium.spaces import Box
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray
from ray.rllib.algorithms.ppo import PPO, PPOConfig
from ray.rllib.core.columns import Columns
from ray.rllib.core.distribution.torch.torch_distribution import TorchDiagGaussian
from ray.rllib.core.rl_module.apis.value_function_api import ValueFunctionAPI
from ray.rllib.core.rl_module.multi_rl_module import MultiRLModuleSpec
from ray.rllib.core.rl_module.rl_module import RLModuleSpec
from ray.rllib.core.rl_module.torch.torch_rl_module import TorchRLModule
from ray.rllib.env.multi_agent_env import MultiAgentEnv
from ray.tune.registry import register_env
from torch import Tensor

from benchmarks.mlp import HIDDEN, SwarmMLP
from rl_cluster.config.schema import Config
from rl_cluster.environment.faces.face import Face, Setup, to_dict
from rl_cluster.environment.faces.gymnasium_face import SwarmEnv
from rl_cluster.environment.tasks import graph_spec
from rl_cluster.rllib.old.engine import make_ppo_config
from rl_cluster.rllib.rl_module import SwarmRLModule
from rl_cluster.rllib.swarm_agent import distribution_parameters, observe, team_value

__all__ = ["PEERS", "make_peer"]

PEERS = ("single_agent", "vector_entry_point", "multi_agent", "old_stack")


class RowsEnv(gymnasium.Env[NDArray[Any], NDArray[Any]]):
    """The swarm as one agent that sees the rows (N * F) of its UAVs and returns N * K controls."""

    def __init__(self, run: Config) -> None:
        self._env, spec, num_uavs = SwarmEnv(Setup(run)), graph_spec(run), run.generator.num_uavs[1]
        self.observation_space = Box(-np.inf, np.inf, (num_uavs * spec.num_uav_features,), np.float32)
        self.action_space = Box(-1.0, 1.0, (num_uavs * spec.num_controls,), np.float32)
        self._shape = (num_uavs, spec.num_controls)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[NDArray[Any], dict[str, Any]]:
        """Begins an episode."""
        return self._env.reset(seed=seed, options=options)[0]["uav"].ravel(), {}

    def step(self, action: NDArray[Any]) -> tuple[NDArray[Any], float, bool, bool, dict[str, Any]]:
        """Steps the world."""
        observation, reward, terminated, truncated, _ = self._env.step(action.reshape(self._shape))
        return observation["uav"].ravel(), reward, terminated, truncated, {}


class NextStepVectorEnv(VectorEnv[Any, NDArray[Any], NDArray[Any]]):
    """Worlds that step together. A world restarts in the step after its end, as RLlib requires."""

    def __init__(self, run: Config, num_envs: int, only_rows: bool) -> None:
        self.metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.NEXT_STEP}
        self.num_envs, self._only_rows = num_envs, only_rows
        self._face = Face(Setup(run), num_envs)
        single = RowsEnv(run) if only_rows else SwarmEnv(Setup(run))
        self.single_observation_space, self.single_action_space = single.observation_space, single.action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._shape = actions_shape(run, num_envs)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:  # noqa: ARG002 - gymnasium's signature
        """Starts an episode in every world."""
        super().reset(seed=seed)
        self._face.begin(seed, self.np_random)
        return self._see(), {}

    def step(self, actions: NDArray[Any]) -> tuple[Any, NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]:
        """Steps all worlds except those that restart."""
        state = self._face.worlds.state
        begins = state.ended.copy()
        result, _ = self._face.advance(np.asarray(actions).reshape(self._shape))
        ends = state.ended & ~begins
        if begins.any():
            state.ended[ends] = False
            self._face.worlds.reset_ended()
            state.ended[ends] = True
        self._face.observe()
        rewards = self._face.team_reward(result)
        return self._see(), rewards, result.terminated & ~begins, result.truncated & ~begins, {}

    def _see(self) -> Any:
        observation = self._face.observation
        return observation.uav.reshape(self.num_envs, -1) if self._only_rows else to_dict(observation)


def actions_shape(run: Config, num_envs: int) -> tuple[int, ...]:
    """Shape of the actions of all worlds."""
    num_uavs, num_controls = run.generator.num_uavs[1], graph_spec(run).num_controls
    return (num_envs, num_uavs, num_controls) if num_controls else (num_envs, num_uavs)


class UavsEnv(MultiAgentEnv):
    """One agent per UAV, which sees its own row."""

    def __init__(self, run: Config) -> None:
        super().__init__()
        self._env = SwarmEnv(Setup(run))
        spec = graph_spec(run)
        self.agents = self.possible_agents = [f"uav{index}" for index in range(run.generator.num_uavs[1])]
        row = Box(-np.inf, np.inf, (spec.num_uav_features,), np.float32)
        control = Box(-1.0, 1.0, (spec.num_controls,), np.float32)
        self.observation_spaces, self.action_spaces = (
            dict.fromkeys(self.agents, row),
            dict.fromkeys(self.agents, control),
        )

    def _rows(self, observation: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        return dict(zip(self.agents, observation["uav"], strict=True))

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
        """Begins an episode."""
        return self._rows(self._env.reset(seed=seed, options=options)[0]), {}

    def step(self, action_dict: Mapping[str, NDArray[Any]]) -> tuple[dict[str, Any], ...]:
        """Steps the world."""
        action = np.stack([action_dict[agent] for agent in self.agents])
        observation, _, terminated, truncated, info = self._env.step(action)
        rewards = dict(zip(self.agents, info["uav_reward"].tolist(), strict=True))
        return self._rows(observation), rewards, {"__all__": terminated}, {"__all__": truncated}, {}


class RowsModule(TorchRLModule, ValueFunctionAPI):
    """The MLP over rows (B, N * F); N may be 1. One pass gives policy and value."""

    def setup(self) -> None:
        """Makes the network."""
        run: Config = self.model_config["run"]
        self.net = SwarmMLP(run.model, graph_spec(run))
        self.action_dist_cls = TorchDiagGaussian

    def _pass(self, batch: dict[str, Any]) -> tuple[Tensor, Tensor]:
        rows = batch[Columns.OBS].unflatten(-1, (-1, self.net.spec.num_uav_features))
        mean = self.net.mean(rows).flatten(start_dim=-2)
        log_std = self.net.log_std.expand(*rows.shape[:-1], -1).flatten(start_dim=-2)
        return torch.cat([mean, log_std], dim=-1), self.net.value(rows).mean(dim=(-2, -1))

    def _forward(self, batch: dict[str, Any], **_: Any) -> dict[str, Tensor]:
        return {Columns.ACTION_DIST_INPUTS: self._pass(batch)[0]}

    def _forward_train(self, batch: dict[str, Any], **_: Any) -> dict[str, Tensor]:
        inputs, value = self._pass(batch)
        return {Columns.ACTION_DIST_INPUTS: inputs, Columns.EMBEDDINGS: value}

    def compute_values(self, batch: dict[str, Any], embeddings: Tensor | None = None) -> Tensor:
        """(B,) the mean over UAVs."""
        return self._pass(batch)[1] if embeddings is None else embeddings


class GraphModule(SwarmRLModule):
    """The TransformerGNN's module; one pass gives policy and value."""

    def _forward_train(self, batch: dict[str, Any], **_: Any) -> dict[str, Tensor]:
        observation = observe(batch[Columns.OBS])
        output = self.model(observation)
        value = team_value(self.model, output, observation)
        return {Columns.ACTION_DIST_INPUTS: distribution_parameters(output.policy), Columns.EMBEDDINGS: value}

    def compute_values(self, batch: dict[str, Any], embeddings: Tensor | None = None) -> Tensor:
        """(B,) the mean over UAVs."""
        return super().compute_values(batch) if embeddings is None else embeddings


def make_peer(kind: str, run: Config, only_rows: bool) -> PPO:
    """RLlib's PPO, all in this process.

    Args:
        kind: One of PEERS.
        run: Worlds, rows, epochs and minibatches.
        only_rows: The MLP over the rows of UAVs; else the TransformerGNN over the graph.
    """
    if kind == "old_stack":
        return PPO(config=_old_config(run, only_rows))
    return PPO(config=_new_config(kind, run, only_rows))


def _new_config(kind: str, run: Config, only_rows: bool) -> PPOConfig:
    def create(context: Any) -> Any:
        if kind == "multi_agent":
            return UavsEnv(run)
        if "num_envs" in context:
            return NextStepVectorEnv(run, context["num_envs"], only_rows)
        return RowsEnv(run) if only_rows else SwarmEnv(Setup(run))

    register_env(f"peer {kind}", create)
    module = RLModuleSpec(module_class=RowsModule if only_rows else GraphModule, model_config={"run": run})
    config = _with_ppo(PPOConfig(), run).environment(f"peer {kind}", disable_env_checking=True)
    mode = gymnasium.VectorizeMode.VECTOR_ENTRY_POINT if kind == "vector_entry_point" else gymnasium.VectorizeMode.SYNC
    config.env_runners(gym_env_vectorize_mode=mode)
    config.training(train_batch_size_per_learner=run.train_batch_rows, use_kl_loss=False)
    config.learners(num_learners=0)
    if kind == "multi_agent":
        num_uavs = run.generator.num_uavs[1]
        config.multi_agent(policies={"shared"}, policy_mapping_fn=lambda *_, **__: "shared", count_steps_by="env_steps")
        config.training(minibatch_size=run.ppo.minibatch_rows * num_uavs)  # rows of single UAVs
        return config.rl_module(rl_module_spec=MultiRLModuleSpec(rl_module_specs={"shared": module}))
    return config.rl_module(rl_module_spec=module)


def _old_config(run: Config, only_rows: bool) -> PPOConfig:
    if not only_rows:
        return make_ppo_config(run)
    register_env("peer old_stack", lambda _: RowsEnv(run))
    config = PPOConfig().api_stack(enable_rl_module_and_learner=False, enable_env_runner_and_connector_v2=False)
    config = _with_ppo(config, run).environment("peer old_stack", disable_env_checking=True)
    config.training(
        train_batch_size=run.train_batch_rows,
        use_kl_loss=False,
        model={"fcnet_hiddens": [HIDDEN], "fcnet_activation": "tanh"},
    )
    return config


def _with_ppo(config: PPOConfig, run: Config) -> PPOConfig:
    ppo = run.ppo
    config.framework("torch")
    config.env_runners(
        num_env_runners=0,
        num_envs_per_env_runner=run.sampling.worlds_per_runner,
        rollout_fragment_length=run.sampling.fragment_steps,
        create_local_env_runner=True,
    )
    config.training(
        lr=ppo.lr[0], gamma=ppo.gamma, lambda_=ppo.gae_lambda, clip_param=ppo.clip, entropy_coeff=0.0,
        vf_clip_param=float("inf"), grad_clip=ppo.max_grad_norm,
        minibatch_size=ppo.minibatch_rows, num_epochs=ppo.num_epochs,
    )  # fmt: skip
    config.debugging(log_level="ERROR", log_sys_usage=False)
    return config
