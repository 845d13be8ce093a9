"""One minibatch step: adds up the gradients of its parts and of all ranks, clips them, applies them if finite.

When memory runs out, all ranks restart the minibatch in parts of half the size, which does not change what is learnt.
With fp16 the loss is scaled, so that small gradients do not vanish, and gradients are unscaled before they are
clipped (Micikevicius et al. 2018, arXiv 1710.03740).
"""

import logging
import math

import torch
from torch import Tensor

from rl_cluster.learning.batch import TrainBatch
from rl_cluster.learning.minibatch import MinibatchPart, trim_observation
from rl_cluster.learning.ppo import PPOSample, PPOWeights, ppo_loss
from rl_cluster.learning.ranks import Ranks
from rl_cluster.model.transformer_gnn import TransformerGNN

__all__ = ["GOOD_STEPS", "LOSS_SCALE", "GradientStep", "is_out_of_memory"]

STATISTICS = ("policy_loss", "value_loss", "entropy", "approx_kl", "clip_fraction", "imitation_loss")
"""The statistics of `ppo_loss` that add up over parts and ranks."""
LOSS_SCALE, GOOD_STEPS = "loss_scale", "loss_scale_good_steps"
"""The names, in the state, of the loss's scale and of the number of steps since it last changed."""

CPU_MESSAGES = ("DefaultCPUAllocator: can't allocate", "could not create a primitive")
"""The messages of torch's allocator and oneDNN when a CPU's memory runs out."""

logger = logging.getLogger(__name__)


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether torch ran out of memory. It has an error class for that on a GPU, but only messages on a CPU."""
    return isinstance(error, torch.OutOfMemoryError) or any(message in str(error) for message in CPU_MESSAGES)


class GradientStep:
    """Updates the weights of a network by minibatches.

    Args:
        model: The network, which is changed in place.
        optimizer: The optimizer of its parameters.
        ranks: The Learners that take the step together.
        max_grad_norm: Gradients are clipped to this global norm.
        part_rows: The most graphs that go through the network together; halved whenever memory runs out.
    """

    def __init__(
        self,
        model: TransformerGNN,
        optimizer: torch.optim.Optimizer,
        ranks: Ranks,
        max_grad_norm: float,
        part_rows: int,
    ) -> None:
        self.part_rows = part_rows
        self._model, self._optimizer, self._ranks = model, optimizer, ranks
        self._max_grad_norm = max_grad_norm
        self._device = next(model.parameters()).device
        self._scaler = torch.amp.GradScaler(self._device.type, enabled=model.config.precision == "fp16")

    def take(self, batch: TrainBatch, parts: list[MinibatchPart], weights: PPOWeights) -> dict[str, float]:
        """Takes one step on the parts' rows of `batch`; returns `STATISTICS`, ratio_deviation and grad_norm.

        Raises torch.OutOfMemoryError on all ranks if a single graph is too large for one of them.
        """
        while True:
            pieces = [piece for part in parts for piece in part.cut(self.part_rows)]
            self._optimizer.zero_grad(set_to_none=True)
            totals_X, largest = self._add_up(batch, pieces, weights)
            *sums, num_failed = self._sum_over_ranks(totals_X).tolist()
            if not num_failed:
                break
            self._halve()
        grad_norm = self._apply()
        return {**dict(zip(STATISTICS, sums, strict=True)), "ratio_deviation": largest, "grad_norm": grad_norm}

    def try_once(self, batch: TrainBatch, part: MinibatchPart, weights: PPOWeights) -> None:
        """Takes a step on this rank alone, for a trial. If memory runs out, torch's own error is raised."""
        self._optimizer.zero_grad(set_to_none=True)
        self._add_part(batch, part, weights)
        self._apply()

    def _add_up(self, batch: TrainBatch, parts: list[MinibatchPart], weights: PPOWeights) -> tuple[Tensor, float]:
        """Adds up the gradients of this rank's parts.

        Returns the sums of `STATISTICS` with a flag, 1 = memory has run out, and the largest deviation.
        """
        totals_X = torch.zeros(len(STATISTICS) + 1, device=self._device)
        largest = torch.zeros((), device=self._device)
        try:
            for part in parts:
                statistics = self._add_part(batch, part, weights)
                totals_X[:-1] += torch.stack([statistics[name] for name in STATISTICS])
                largest = torch.maximum(largest, statistics["ratio_deviation"])
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            self._optimizer.zero_grad(set_to_none=True)
            totals_X[-1] = 1.0
        return totals_X, float(largest)

    def _add_part(self, batch: TrainBatch, part: MinibatchPart, weights: PPOWeights) -> dict[str, Tensor]:
        """Adds a part's gradient; returns its statistics."""
        loss, statistics = self._part_loss(batch, part, weights)
        self._scaler.scale(loss).backward()
        return statistics

    def _halve(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
        if self.part_rows == 1:
            raise torch.OutOfMemoryError("a training step on a single graph is more than a Learner's memory holds")
        self.part_rows = math.ceil(self.part_rows / 2)
        logger.warning(
            "out of memory: from now on %d graphs go through the network together; minibatches stay the same",
            self.part_rows,
        )

    def _apply(self) -> float:
        """Clips the gradient and applies it if it is finite; returns its norm before clipping."""
        self._scaler.unscale_(self._optimizer)
        grad_norm = torch.nn.utils.clip_grad_norm_(self._model.parameters(), self._max_grad_norm)
        if torch.isfinite(grad_norm):
            self._optimizer.step()
        self._scaler.update()
        return float(grad_norm)

    def _sum_over_ranks(self, totals_X: Tensor) -> Tensor:
        """Sums gradients over all ranks, and these totals with them, in one exchange. A rank without rows adds 0."""
        trained = [parameter for parameter in self._model.parameters() if parameter.requires_grad]
        return self._ranks.sum_gradients(totals_X, trained)

    def _part_loss(
        self, batch: TrainBatch, part: MinibatchPart, weights: PPOWeights
    ) -> tuple[Tensor, dict[str, Tensor]]:
        rows = torch.from_numpy(part.rows).to(self._device)
        picked = batch.map(lambda tensor: tensor.index_select(0, rows))
        observation = trim_observation(picked.observation, part.sizes)
        num_uavs = part.sizes.num_uavs
        sample = PPOSample(
            action=picked.action[:, :num_uavs],
            logp_BN=picked.logp_KN[:, :num_uavs],
            advantage_BN=picked.advantage_KN[:, :num_uavs],
            value_target_BN=self._model.normalise(picked.value_target_KN[:, :num_uavs]),
            decides_BN=observation.decides,
            exists_BN=picked.exists_KN[:, :num_uavs],
            expert_BN=None if picked.expert_KN is None else picked.expert_KN[:, :num_uavs],
            imitates_BN=None if picked.expert_KN is None else picked.imitates_KN[:, :num_uavs],
            start_logp_BN=None if picked.start_logp_KN is None else picked.start_logp_KN[:, :num_uavs],
        )
        return ppo_loss(self._model(observation), sample, weights)

    def state_dict(self) -> dict[str, Tensor]:
        """The scale of the loss; empty except with fp16."""
        scale = self._scaler.state_dict()
        if not scale:
            return {}
        return {
            LOSS_SCALE: torch.tensor(scale["scale"], dtype=torch.float64),
            GOOD_STEPS: torch.tensor(scale["_growth_tracker"]),
        }

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Takes back what `state_dict` gave."""
        if not self._scaler.is_enabled():
            return
        former = self._scaler.state_dict()
        values = {"scale": float(state[LOSS_SCALE]), "_growth_tracker": int(state[GOOD_STEPS])}
        self._scaler.load_state_dict({**former, **values})
