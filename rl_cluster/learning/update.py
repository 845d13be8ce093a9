"""The update: takes one iteration's batch, changes the weights, and returns the iteration's statistics.

It takes several epochs of minibatch steps with Adam. `minibatch.py` says which rows go together, `gradient_step.py`
takes a step. It does not matter where the batch comes from: the loop without Ray and the Learner both call
`Updater.update`. Several Learners act as one: each goes through the same minibatches with its own rows (`ranks.py`),
and gradients are summed over all of them before each step.
"""

import copy
import math
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from rl_cluster.config.schema import PPOConfig
from rl_cluster.learning.batch import TrainBatch
from rl_cluster.learning.batch_size import find_batch_size, first_guess, full_rows
from rl_cluster.learning.gradient_step import GradientStep
from rl_cluster.learning.memory import available_bytes, empty_cache, limit_memory, peak_growth_bytes
from rl_cluster.learning.minibatch import GraphSizes, MinibatchPart, draw_minibatches, measure_rows
from rl_cluster.learning.off_policy import effective_share
from rl_cluster.learning.optimizer_form import ADAM_KEYS, PART_ROWS, optimizer_form
from rl_cluster.learning.ppo import PPOWeights, explained_variance
from rl_cluster.learning.ranks import Alone, Exchange, Ranks, Shard, masked_moments
from rl_cluster.learning.transfer import Transfer
from rl_cluster.model.transformer_gnn import TransformerGNN
from rl_cluster.types import Controls

__all__ = ["Updater"]

ADAM_EPSILON = 1e-5
"""PPO's customary value (Huang et al. 2022, "The 37 implementation details of PPO"); Adam's own is 1e-8."""
CPU_PART_ROWS = 256
"""The most graphs that go through the network together on a CPU: activations that stay in cache, and little padding. An
accelerator takes a minibatch whole where it fits: there the number of kernel launches decides."""
STD_EPSILON = 1e-8
"""Keeps advantages finite where all of them are equal."""


class Updater:
    """Adam over a TransformerGNN's parameters, and the epochs of PPO.

    Args:
        model: is updated in place; must be on `device` already.
        config: learning rate, epochs, minibatches, loss.
        device: where batches are moved to.
        part_rows: graphs that go through the network together; 0: as many as fit, found at the first update.
        memory_share: share of the GPU's memory, or of the free memory of a machine without a GPU.
        ranks: the Learners of the run, which all must have begun with equal weights; None: this is the only one.
        empty_cache_share: share of the GPU's memory above which torch's cache is emptied after an update; 1: never.
    """

    def __init__(
        self,
        model: TransformerGNN,
        config: PPOConfig,
        device: torch.device,
        part_rows: int = 0,
        memory_share: float = 1.0,
        ranks: Ranks | None = None,
        *,
        empty_cache_share: float = 1.0,
    ) -> None:
        self.model = model
        self.config = config
        self.device = device
        self._memory_share, self._empty_cache_share = memory_share, empty_cache_share
        self.num_emptied = 0
        """After how many updates torch's cache was emptied."""
        self._ranks = ranks or Alone()
        limit_memory(device, memory_share)
        self._transfer = Transfer(device)
        self.optimizer = torch.optim.Adam(model.parameters(), lr=config.lr[0], eps=ADAM_EPSILON, fused=True)
        self._step = GradientStep(model, self.optimizer, self._ranks, config.max_grad_norm, part_rows)
        self.exchanges: list[Exchange] = []
        """The last update's exchanges with other ranks."""
        self.probe_bytes_per_s = self._ranks.probe(sum(parameter.numel() for parameter in model.parameters()))
        """The rate, in bytes per second, of gradient exchange with nothing else going on; 0 without other ranks."""

    @property
    def part_rows(self) -> int:
        """Graphs that go through the network together; 0 = not found yet."""
        return self._step.part_rows

    def update(self, batch: TrainBatch, controls: Controls, seed: int, iteration: int) -> dict[str, float]:
        """Runs all epochs over one batch. Every rank must call it, and gets the same statistics.

        Args:
            batch: the iteration's rows, or this rank's share of them.
            controls: learning rate and weights of the loss, the same on every rank.
            seed: keys the order of the rows, with `iteration` and the epoch's number.
            iteration: number of this update within the run.

        Returns:
            policy_loss, value_loss, entropy, approx_kl, clip_fraction and grad_norm (before clipping): means over all
            minibatches; imitation_loss, likewise, if there is a weight for it; explained_variance of the values that
            the batch was sampled with; first_ratio_deviation: max |ratio - 1| in the first minibatch, 0 up to rounding
            unless the batch was sampled with other weights; last_epoch_kl: mean approx_kl of the last epoch, how far
            the policy has moved; lr; kl_weight; skipped_updates: minibatches left out, of the means too, because their
            gradient was not finite; if all were, the means are NaN; part_rows: graphs that went through the network
            together; effective_sample_share, if the batch has rows of older weights.

        Raises:
            ConfigError: Not even one graph fits into memory.
        """
        batch = batch.map(self._transfer.move)
        self._transfer.wait()
        shard = self._ranks.shard(batch.num_rows)
        self._step.part_rows = self.part_rows or self._find_part_rows(batch)
        batch = self._standardise(batch)
        for group in self.optimizer.param_groups:
            group["lr"] = controls.lr
        sizes_K4 = measure_rows(batch.observation)
        weights = self._make_weights(batch, shard, controls)
        steps: list[dict[str, float]] = []
        for epoch in range(self.config.num_epochs):
            generator = np.random.default_rng([seed, iteration, epoch])
            minibatches = draw_minibatches(sizes_K4, self.config.minibatch_rows, self.part_rows, generator, shard)
            steps.extend(self._step.take(batch, parts, weights) for parts in minibatches)
        means = _means(steps)
        if not self.config.imitation_weight:
            del means["imitation_loss"]
        last_epoch = steps[-(len(steps) // self.config.num_epochs) :]
        explained = explained_variance(batch.value_KN, batch.value_target_KN, batch.exists_KN, self._ranks)
        first_deviation = self._ranks.largest(torch.tensor(steps[0]["ratio_deviation"], device=self.device))
        if batch.start_logp_KN is not None:
            columns = batch.start_logp_KN, batch.logp_KN, batch.decides_KN
            means["effective_sample_share"] = effective_share(*columns, self._ranks)
        self.exchanges = self._ranks.take_exchanges()
        self.num_emptied += empty_cache(self.device, self._empty_cache_share)
        return means | {
            "explained_variance": float(explained),
            "first_ratio_deviation": float(first_deviation),
            "last_epoch_kl": _means(last_epoch)["approx_kl"],
            "lr": controls.lr,
            "kl_weight": controls.kl_weight,
            "skipped_updates": float(sum(not math.isfinite(step["grad_norm"]) for step in steps)),
            "part_rows": float(self.part_rows),
        }

    def _find_part_rows(self, batch: TrainBatch) -> int:
        """How many graphs of the run's padded sizes fit."""
        most = self.config.minibatch_rows
        if self.device.type == "cpu":
            most = min(most, CPU_PART_ROWS)

        def need_bytes(rows: int) -> int:
            return peak_growth_bytes(lambda: self._try(batch, rows), self.device)

        budget_bytes = int(self._memory_share * available_bytes(self.device))
        first = first_guess(batch.observation.position.shape[1])
        rows = torch.tensor(find_batch_size(need_bytes, budget_bytes, first, most), device=self.device)
        return -int(self._ranks.largest(-rows))  # the lowest number that any Learner has found

    def _try(self, batch: TrainBatch, rows: int) -> None:
        """Tries a minibatch step on the largest graphs, with a copy of the network."""
        observation = batch.observation
        sizes = GraphSizes(
            num_uavs=observation.uav.shape[1],
            num_targets=observation.target.shape[1],
            num_obstacles=observation.obstacle.shape[1],
            num_candidates=observation.candidates.shape[2],
        )
        trial = Updater(copy.deepcopy(self.model), self.config, self.device, rows, self._memory_share, Alone())
        full = full_rows(batch, rows)
        weights = trial._make_weights(full, Shard(0, rows, rows), Controls(0.0, 0.0, 0.0))
        trial._step.try_once(full, MinibatchPart(np.arange(rows), sizes), weights)

    def _standardise(self, batch: TrainBatch) -> TrainBatch:
        """Adds the value targets to the running statistics. The returned advantages have mean 0 and deviation 1.

        Both cover the rows of all ranks: targets of UAVs that exist, advantages of UAVs that decide.
        """
        targets = masked_moments(batch.value_target_KN, batch.exists_KN, self._ranks)
        if targets.num > 0:
            self.model.update_value_statistics(targets.mean, targets.variance + targets.mean.square())
        advantages = masked_moments(batch.advantage_KN, batch.decides_KN, self._ranks)
        standardised_KN = (batch.advantage_KN - advantages.mean) / (advantages.variance.sqrt() + STD_EPSILON)
        return replace(batch, advantage_KN=standardised_KN.float() if advantages.num > 0 else batch.advantage_KN)

    def _make_weights(self, batch: TrainBatch, shard: Shard, controls: Controls) -> PPOWeights:
        num_minibatches = math.ceil(shard.total / self.config.minibatch_rows)
        masks = (batch.decides_KN, batch.exists_KN, batch.imitates_KN)
        counts = torch.stack([mask.sum() for mask in masks]).double()
        totals = (self._ranks.sum(counts) / num_minibatches).clamp(min=1.0)
        num_deciding, num_existing, num_imitating = totals.tolist()
        return PPOWeights(
            clip=self.config.clip,
            value_weight=self.config.value_weight,
            entropy_weight=controls.entropy_weight,
            kl_weight=controls.kl_weight,
            num_deciding=num_deciding,
            num_existing=num_existing,
            imitation_weight=self.config.imitation_weight,
            num_imitating=num_imitating,
        )

    def state_dict(self) -> dict[str, Tensor]:
        """Adam's state as `<parameter>.<exp_avg|exp_avg_sq|step>` -> tensor, and the rows of a part.

        A resumed run with other parts would add up its gradients in another order. Empty before the first update.
        """
        state = {
            f"{name}.{key}": value.detach().clone()
            for name, parameter in self.model.named_parameters()
            for key, value in self.optimizer.state.get(parameter, {}).items()
        }
        return {**state, **self._step.state_dict(), PART_ROWS: torch.tensor(self.part_rows)} if state else {}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Takes back what `state_dict` gave. Raises ValueError if names or shapes are not those of this model."""
        expected = optimizer_form(self.model) if state else {}
        if unlike := expected.keys() ^ state.keys():
            raise ValueError(f"optimizer state does not fit the model: {min(unlike)} is missing or unknown")
        for name, form in expected.items():
            if state[name].shape != form.shape:
                raise ValueError(f"optimizer state does not fit the model: {name} has shape {list(state[name].shape)}")
        if state:
            self._step.part_rows = int(state[PART_ROWS])
            self._step.load_state_dict(state)
        self.optimizer.state.clear()
        for name, parameter in self.model.named_parameters() if state else ():
            self.optimizer.state[parameter] = {
                key: state[f"{name}.{key}"].detach().clone().to(self.device, torch.float32) for key in ADAM_KEYS
            }


def _means(steps: list[dict[str, float]]) -> dict[str, float]:
    """Statistic -> mean over the applied steps; NaN if there are none."""
    applied = [step for step in steps if math.isfinite(step["grad_norm"])]
    names = [name for name in steps[0] if name != "ratio_deviation"]
    return {name: float(np.mean([step[name] for step in applied])) if applied else math.nan for name in names}
