"""The engine on RLlib's old API stack: stock PPO on the team's reward, with model towers on the GPUs of one node.

It runs in the same loop as the other engines, and writes the same checkpoints. The config's rules and
`training/start.py` refuse what it cannot do: Learners, credit per UAV, exact resume.
"""

import logging
from contextlib import ExitStack
from functools import partial
from typing import Any

import numpy as np
import torch
from ray.rllib.algorithms.ppo import PPO, PPOConfig
from ray.rllib.policy.sample_batch import DEFAULT_POLICY_ID

from rl_cluster.config.schema import Config
from rl_cluster.environment.faces.spaces import spaces_of
from rl_cluster.environment.tasks import expect_kernels
from rl_cluster.extension.users_fault import UsersFault
from rl_cluster.metrics.node import node_metrics
from rl_cluster.metrics.record import Experience, iteration_metrics, joined_experience
from rl_cluster.model.transformer_gnn import TransformerGNN
from rl_cluster.rllib.cluster import connect
from rl_cluster.rllib.node_monitor import NodeMonitors
from rl_cluster.rllib.old.model_v2 import model_settings
from rl_cluster.rllib.old.vector_env import SwarmVectorEnv
from rl_cluster.rllib.placement.place import build, place
from rl_cluster.sampling.network import make_model
from rl_cluster.training.engine import EngineState, EngineStatus
from rl_cluster.training.local_engine import check_own_gpus
from rl_cluster.types import Controls, StageMix

__all__ = ["OldStackEngine"]

STATISTICS = {
    "policy_loss": "policy_loss",
    "vf_loss": "value_loss",
    "entropy": "entropy",
    "vf_explained_var": "explained_variance",
    "grad_gnorm": "grad_norm",
    "cur_lr": "lr",
}
"""RLlib's names -> ours. Log-probabilities and entropies are the team's here: sums over UAVs."""


class OldStackEngine:
    """Runs iterations.

    Args:
        config: The run; `api_stack` is old.
        address: As in `RayEngine`.

    Raises:
        ClusterError: As in `RayEngine`; or this process has fewer GPUs than the run has towers.
    """

    def __init__(self, config: Config, address: str | None = None) -> None:
        self.config = config
        check_own_gpus(config)
        with ExitStack() as ending:
            cluster = ending.enter_context(connect(address))
            logging.getLogger("ray").setLevel(logging.ERROR)  # every part of the old stack says that it is old
            placement = place(config, cluster)
            ending.callback(placement.room.release)
            if cluster.is_own:
                expect_kernels(config)
            self.algorithm = build(placement, lambda: PPO(config=make_ppo_config(config)))
            ending.callback(self.algorithm.stop)
            self._nodes = NodeMonitors(config.name, config.monitoring.node_interval_s)
            ending.callback(self._nodes.close)
            self.algorithm.env_runner_group.foreach_env_runner(_seed)
            self._ending = ending.pop_all()

    def iterate(self, iteration: int, controls: Controls) -> dict[str, float]:  # noqa: ARG002 - RLlib counts by itself
        """Runs one round of sampling and updating.

        Raises UsersFault for an error in a user's task, RuntimeError if no env runner has sampled.
        """
        _apply(controls, self.algorithm)
        result = self.algorithm.train()
        taken = self.algorithm.env_runner_group.foreach_env_runner(_take_experience)
        if fault := next((one for one in taken if isinstance(one, UsersFault)), None):
            raise fault
        statistics = result["info"]["learner"].get(DEFAULT_POLICY_ID, {}).get("learner_stats")
        if statistics is None:
            raise RuntimeError("no env runner has sampled: nothing was trained")
        record = iteration_metrics(
            joined_experience([experience for experience in taken if experience]),
            {name: float(statistics[theirs]) for theirs, name in STATISTICS.items() if theirs in statistics},
            sampling_s=result["timers"]["sample_time_ms"] / 1000.0,
            learning_s=result["timers"]["learn_time_ms"] / 1000.0,
            num_epochs=self.config.ppo.num_epochs,
        )
        return record | node_metrics(self._nodes.readings())

    def status(self) -> EngineStatus:
        """The nodes that have reported; RLlib's stock PPO reports nothing about env runners."""
        return EngineStatus(self._nodes.readings())

    def tell(self, status: dict[str, Any]) -> None:
        """Leaves the status with a node's monitor."""
        self._nodes.tell(status)

    def model(self) -> TransformerGNN:
        """A copy of the network with the current weights, on the CPU."""
        model = make_model(self.config)
        model.load_state_dict(self.state().weights)
        return model

    def state(self) -> EngineState:
        """The weights, without optimizer and worlds, because no run resumes from this state."""
        weights = self.algorithm.get_policy().model.model.state_dict()
        return EngineState({name: tensor.detach().cpu().clone() for name, tensor in weights.items()}, {}, {})

    def load_state(self, state: EngineState) -> None:
        """Loads the weights into the trainer's process and all env runners."""
        assert not state.optimizer, "the old API stack goes on from weights alone"
        self.algorithm.get_policy().model.model.load_state_dict(state.weights)
        self.algorithm.env_runner_group.sync_weights()

    def restart(self) -> None:
        """Never called: the trainer's process updates, and RLlib restarts env runners by itself."""
        raise AssertionError("an engine of the old API stack is never lost")

    def close(self) -> None:
        """Ends the actors, the connection, and Ray itself if this engine started it."""
        self._ending.close()


def make_ppo_config(run: Config) -> PPOConfig:
    """RLlib's stock PPO for a run, without the defaults that do harm here."""
    ppo, observation_space, action_space = run.ppo, *spaces_of(run)
    config = PPOConfig().api_stack(enable_rl_module_and_learner=False, enable_env_runner_and_connector_v2=False)
    config.framework("torch")
    config.environment(
        SwarmVectorEnv,
        env_config={"run": run},
        observation_space=observation_space,
        action_space=action_space,
        disable_env_checking=True,
        normalize_actions=False,  # ours are already in [-1, 1]
        clip_actions=False,
    )
    config.experimental(_disable_preprocessor_api=True)  # it would flatten each observation to floats, and back
    config.resources(num_gpus=run.learners.gpus_per_learner)
    config.env_runners(
        num_env_runners=run.sampling.num_env_runners,
        num_envs_per_env_runner=run.sampling.worlds_per_runner,
        rollout_fragment_length=run.sampling.fragment_steps,
        num_cpus_per_env_runner=run.sampling.cpus_per_runner,
        create_local_env_runner=run.sampling.num_env_runners == 0,
        sample_timeout_s=run.sampling.timeout_s,
    )
    config.training(
        model=model_settings(run),
        train_batch_size=run.train_batch_rows,
        minibatch_size=ppo.minibatch_rows,
        num_epochs=ppo.num_epochs,
        gamma=ppo.gamma,
        lambda_=ppo.gae_lambda,
        lr=ppo.lr[0],  # no schedules of RLlib's: they would undo what the controllers decide
        entropy_coeff=ppo.entropy_weight[0],
        clip_param=ppo.clip,
        use_kl_loss=False,  # its coefficient adapts to the KL of the last minibatch alone
        vf_loss_coeff=ppo.value_weight / 2.0,  # their squared error is not halved
        vf_clip_param=float("inf"),  # it cuts the squared error itself, and with it its gradient
        grad_clip=ppo.max_grad_norm,
    )
    config.debugging(log_level="ERROR", log_sys_usage=False, seed=None)  # a seed would make torch deterministic
    return config


def _apply(controls: Controls, algorithm: PPO) -> None:
    """Sets learning rate and entropy weight where the loss and the optimizers read them, stages in all env runners."""
    policy = algorithm.get_policy()
    policy.cur_lr, policy.entropy_coeff = controls.lr, controls.entropy_weight
    for optimizer in policy._optimizers:  # noqa: SLF001 - as RLlib's own schedule does
        for group in optimizer.param_groups:
            group["lr"] = controls.lr
    if controls.mix:
        algorithm.env_runner_group.foreach_env_runner(partial(_set_mix, mix=controls.mix))


def _set_mix(runner: Any, mix: StageMix) -> None:
    if runner.env:
        runner.env.set_mix(mix)


def _seed(runner: Any) -> None:
    """Seeds torch (for actions) and numpy (for the order of minibatches) by the run's seed and the runner's number."""
    seed = [runner.config.env_config["run"].seed, runner.worker_index]
    torch.manual_seed(int(np.random.SeedSequence(seed).generate_state(1)[0]))
    np.random.seed(seed)  # noqa: NPY002 - RLlib draws from numpy's own generator


def _take_experience(runner: Any) -> Experience | UsersFault | None:
    """The runner's experience, or why it has none; None for the trainer's process if it has no worlds."""
    return runner.env.take_experience() if runner.env else None
