"""The update: one iteration's batch in, changed weights and the iteration's statistics out.

Several epochs of minibatch steps with Adam. `ppo.py` holds the loss, `minibatch.py` says which rows go together,
`TransformerGNN` applies precision. Nothing here knows where the batch came from: the loop without Ray and the Learner
both call `Updater.update`.
"""

import copy
import math

import numpy as np
import torch
from torch import Tensor

from rl_cluster.config.schema import PPOConfig
from rl_cluster.learning.batch import TrainBatch
from rl_cluster.learning.batch_size import find_batch_size, first_guess, full_rows, least_of_all_learners
from rl_cluster.learning.memory import available_bytes, limit_memory, peak_growth_bytes
from rl_cluster.learning.minibatch import GraphSizes, MinibatchPart, draw_minibatches, measure_rows, trim_observation
from rl_cluster.learning.ppo import PPOSample, PPOWeights, explained_variance, ppo_loss
from rl_cluster.model.transformer_gnn import TransformerGNN

__all__ = ["Updater"]

ADAM_EPSILON = 1e-5
"""PPO's customary value (Huang et al. 2022, "The 37 implementation details of PPO"); Adam's own is 1e-8."""
CPU_PART_ROWS = 256
"""The most graphs that go through the network together on a CPU: activations that stay in cache, and little padding. An
accelerator takes a minibatch whole where it fits: there the number of kernel launches decides."""
PART_ROWS = "part_rows"
"""Name of the number of graphs in a part among the optimizer's state, which names parameters with a dot."""


class Updater:
    """Adam over a TransformerGNN's parameters, and the epochs of PPO.

    Args:
        model: is updated in place; must be on `device` already.
        config: learning rate, epochs, minibatches, loss.
        device: where batches are moved to.
        part_rows: graphs that go through the network together; 0: as many as fit, found at the first update.
        memory_share: of the GPU's memory, or of what is free on a machine without.
    """

    def __init__(
        self,
        model: TransformerGNN,
        config: PPOConfig,
        device: torch.device,
        part_rows: int = 0,
        memory_share: float = 1.0,
    ) -> None:
        self.model = model
        self.config = config
        self.device = device
        self.part_rows = part_rows
        self._memory_share = memory_share
        limit_memory(device, memory_share)
        self.optimizer = torch.optim.Adam(model.parameters(), lr=config.lr[0], eps=ADAM_EPSILON, fused=True)

    def update(self, batch: TrainBatch, progress: float, seed: int, iteration: int) -> dict[str, float]:
        """All epochs over one batch.

        Args:
            batch: the iteration's rows.
            progress: share of the training done before this update, in [0, 1]; moves learning rate and entropy weight.
            seed: with `iteration` and the epoch's number it keys the order of the rows.
            iteration: number of this update within the run.

        Returns:
            policy_loss, value_loss, entropy, approx_kl, clip_fraction and grad_norm (before clipping): means over all
            minibatches; explained_variance of the values that the batch was sampled with; first_ratio_deviation: max
            |ratio - 1| in the first minibatch, 0 but for rounding unless the batch was sampled by other weights; lr;
            skipped_updates: minibatches left out, of the means too, because their gradient was not finite; if all were,
            the means are NaN; part_rows: graphs that went through the network together.

        Raises:
            ConfigError: Not even one graph fits into memory.
        """
        batch = batch.map(lambda tensor: tensor.to(self.device))
        part_rows = self.part_rows = self.part_rows or self._find_part_rows(batch)
        self.model.update_value_statistics(batch.value_target_KN, batch.exists_KN)
        lr = _interpolate(self.config.lr, progress)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        sizes_K4 = measure_rows(batch.observation)
        weights = self._make_weights(batch, progress)
        steps: list[dict[str, float]] = []
        for epoch in range(self.config.num_epochs):
            generator = np.random.default_rng([seed, iteration, epoch])
            minibatches = draw_minibatches(sizes_K4, self.config.minibatch_rows, part_rows, generator)
            steps.extend(self._step(batch, parts, weights) for parts in minibatches)
        applied = [step for step in steps if math.isfinite(step["grad_norm"])]
        names = [name for name in steps[0] if name != "ratio_deviation"]
        means = {name: float(np.mean([step[name] for step in applied])) if applied else math.nan for name in names}
        explained = explained_variance(batch.value_KN, batch.value_target_KN, batch.exists_KN)
        return means | {
            "explained_variance": float(explained),
            "first_ratio_deviation": steps[0]["ratio_deviation"],
            "lr": lr,
            "skipped_updates": float(len(steps) - len(applied)),
            "part_rows": float(part_rows),
        }

    def _find_part_rows(self, batch: TrainBatch) -> int:
        """As many graphs as fit, of the run's padded sizes."""
        most = self.config.minibatch_rows
        if self.device.type == "cpu":
            most = min(most, CPU_PART_ROWS)

        def need_bytes(rows: int) -> int:
            return peak_growth_bytes(lambda: self._try(batch, rows), self.device)

        budget_bytes = int(self._memory_share * available_bytes(self.device))
        first = first_guess(batch.observation.position.shape[1])
        return least_of_all_learners(find_batch_size(need_bytes, budget_bytes, first, most), self.device)

    def _try(self, batch: TrainBatch, rows: int) -> None:
        """A minibatch step on the largest graphs, of a copy of the network."""
        observation = batch.observation
        sizes = GraphSizes(
            num_uavs=observation.uav.shape[1],
            num_targets=observation.target.shape[1],
            num_obstacles=observation.obstacle.shape[1],
            num_candidates=observation.candidates.shape[2],
        )
        trial = Updater(copy.deepcopy(self.model), self.config, self.device, rows, self._memory_share)
        trial._step(full_rows(batch, rows), [MinibatchPart(np.arange(rows), sizes)], self._make_weights(batch, 0.0))

    def _make_weights(self, batch: TrainBatch, progress: float) -> PPOWeights:
        num_minibatches = math.ceil(batch.num_rows / self.config.minibatch_rows)
        return PPOWeights(
            clip=self.config.clip,
            value_weight=self.config.value_weight,
            entropy_weight=_interpolate(self.config.entropy_weight, progress),
            num_deciding=max(1.0, float(batch.decides_KN.sum()) / num_minibatches),
            num_existing=max(1.0, float(batch.exists_KN.sum()) / num_minibatches),
        )

    def _step(self, batch: TrainBatch, parts: list[MinibatchPart], weights: PPOWeights) -> dict[str, float]:
        """One minibatch: gradients of its parts added up, clipped, applied if finite."""
        self.optimizer.zero_grad(set_to_none=True)
        part_statistics = []
        for part in parts:
            loss, statistics = self._part_loss(batch, part, weights)
            loss.backward()
            part_statistics.append(statistics)
        grad_norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.max_grad_norm)
        if torch.isfinite(grad_norm):
            self.optimizer.step()
        names = list(part_statistics[0])
        table_PK = torch.stack([torch.stack(list(statistics.values())) for statistics in part_statistics])
        totals = dict(zip(names, table_PK.sum(dim=0).tolist(), strict=True))
        largest = table_PK[:, names.index("ratio_deviation")].max()
        return totals | {"ratio_deviation": float(largest), "grad_norm": float(grad_norm)}

    def _part_loss(
        self, batch: TrainBatch, part: MinibatchPart, weights: PPOWeights
    ) -> tuple[Tensor, dict[str, Tensor]]:
        rows = torch.from_numpy(part.rows).to(self.device)
        picked = batch.map(lambda tensor: tensor.index_select(0, rows))
        observation = trim_observation(picked.observation, part.sizes)
        num_uavs = part.sizes.num_uavs
        sample = PPOSample(
            action=picked.action[:, :num_uavs],
            logp_BN=picked.logp_KN[:, :num_uavs],
            advantage_BN=picked.advantage_KN[:, :num_uavs],
            value_target_BN=self.model.normalise(picked.value_target_KN[:, :num_uavs]),
            decides_BN=observation.decides,
            exists_BN=picked.exists_KN[:, :num_uavs],
        )
        return ppo_loss(self.model(observation), sample, weights)

    def state_dict(self) -> dict[str, Tensor]:
        """Adam's state as `<parameter>.<exp_avg|exp_avg_sq|step>` -> tensor, and the rows of a part.

        A run that goes on with other parts would add its gradients up in another order. Empty before the first update.
        """
        state = {
            f"{name}.{key}": value.detach().clone()
            for name, parameter in self.model.named_parameters()
            for key, value in self.optimizer.state.get(parameter, {}).items()
        }
        return {**state, PART_ROWS: torch.tensor(self.part_rows)} if state else {}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Takes back what `state_dict` gave. Raises ValueError if its names are not those of this model."""
        keys = ("step", "exp_avg", "exp_avg_sq")
        parameters = dict(self.model.named_parameters())
        expected = {PART_ROWS, *(f"{name}.{key}" for name in parameters for key in keys)} if state else set()
        if unlike := expected ^ state.keys():
            raise ValueError(f"optimizer state does not fit the model: {min(unlike)} is missing or unknown")
        if state:
            self.part_rows = int(state[PART_ROWS])
        self.optimizer.state.clear()
        for name, parameter in parameters.items() if state else ():
            self.optimizer.state[parameter] = {
                key: state[f"{name}.{key}"].detach().clone().to(self.device, torch.float32) for key in keys
            }


def _interpolate(first_last: tuple[float, float], progress: float) -> float:
    first, last = first_last
    return first + progress * (last - first)
