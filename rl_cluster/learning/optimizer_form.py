"""The content of `Updater.state_dict`, known without an updater: names, shapes, dtypes and possible values.

Fused Adam writes into its tensors by the shapes of the parameters, unchecked: with other shapes the process crashes.
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from rl_cluster.config.schema import Config
from rl_cluster.learning.gradient_step import GOOD_STEPS, LOSS_SCALE
from rl_cluster.model.transformer_gnn import TransformerGNN

__all__ = ["ADAM_KEYS", "PART_ROWS", "optimizer_fault", "optimizer_form"]

ADAM_KEYS = ("step", "exp_avg", "exp_avg_sq")
"""The names in Adam's state of one parameter."""
PART_ROWS = "part_rows"
"""Key of the number of graphs in a part, in the optimizer's state; keys of parameters contain a dot."""
MAX_STEPS = 2.0**24
"""The highest count in float32."""
MIN_MAX_LOSS_SCALE = (2.0**-100, 2.0**100)
"""The limit beyond which gradients are 0 or infinite, so that nothing is learnt."""


def optimizer_form(model: TransformerGNN) -> dict[str, Tensor]:
    """Name -> a tensor without values, on torch's device `meta`, of that shape and dtype."""
    form: dict[str, Tensor] = {}
    for name, parameter in model.named_parameters():
        form[f"{name}.step"] = torch.empty((), dtype=torch.float32, device="meta")
        for key in ("exp_avg", "exp_avg_sq"):
            form[f"{name}.{key}"] = torch.empty(parameter.shape, dtype=torch.float32, device="meta")
    if model.config.precision == "fp16":
        form[LOSS_SCALE] = torch.empty((), dtype=torch.float64, device="meta")
        form[GOOD_STEPS] = torch.empty((), dtype=torch.int64, device="meta")
    form[PART_ROWS] = torch.empty((), dtype=torch.int64, device="meta")
    return form


def optimizer_fault(config: Config, tensors: Mapping[str, Tensor]) -> str | None:
    """A description of what is wrong with the values of a state of the right form; None = nothing is."""
    most_rows = float(max(config.ppo.minibatch_rows, config.learners.part_rows))
    ranges = {
        "exp_avg": (-math.inf, math.inf),
        "exp_avg_sq": (0.0, math.inf),
        "step": (0.0, MAX_STEPS),
        PART_ROWS: (1.0, most_rows),
        GOOD_STEPS: (0.0, 2.0**53),
        LOSS_SCALE: MIN_MAX_LOSS_SCALE,
    }
    for name, tensor in tensors.items():
        low, high = ranges[name.rpartition(".")[2]]
        if not tensor.isfinite().all():
            return f"{name} is not finite"
        if tensor.numel() and not low <= float(tensor.min()) <= float(tensor.max()) <= high:
            return f"{name} holds numbers that are not within {low:g} to {high:g}"
    return None
