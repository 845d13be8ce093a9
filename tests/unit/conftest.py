"""What tests of the network and of its learning share: random but valid observations, and a network worth testing."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from rl_cluster.config.schema import ModelConfig
from rl_cluster.model.transformer_gnn import TransformerGNN
from rl_cluster.types import Observation, map_observation
from tests.unit.drawn_graph import SPECS, observe_graph


@pytest.fixture(scope="session")
def make_observation() -> Callable[..., Observation[Tensor]]:
    """A factory of B random graphs, padded to the given numbers of UAVs, targets (none in `navigate`) and obstacles."""

    def make(
        num_graphs: int = 6,
        padded: tuple[int, int, int] = (5, 6, 2),
        num_candidates: int = 4,
        k: int = 3,
        seed: int = 0,
        task: str = "allocate",
    ) -> Observation[Tensor]:
        generator, spec = np.random.default_rng(seed), SPECS[task]
        sizes = padded if spec.num_target_features else (padded[0], 0, padded[2])
        graphs = [observe_graph(generator, spec, sizes, num_candidates, k) for _ in range(num_graphs)]
        dtypes = {"neighbours": "i2", "candidates": "i2", "mask": "?", "action_mask": "?", "decides": "?"}
        columns = {
            name: np.stack([graph[name] for graph in graphs]).astype(dtypes.get(name, "f4")) for name in graphs[0]
        }
        return map_observation(torch.from_numpy, Observation(**columns))

    return make


@pytest.fixture(scope="session")
def make_model() -> Callable[..., TransformerGNN]:
    """A factory of networks with the outputs of a trained policy: at their start all actions look nearly alike."""

    def make(seed: int = 0, width: int = 16, task: str = "allocate", **changes: Any) -> TransformerGNN:
        settings = {"size": "small", "num_heads": 2, "num_layers": 2, "precision": "fp32"}
        settings |= {"attention": "dense", "gradient_checkpointing": False, "compile": "none"}
        torch.manual_seed(seed)
        model = TransformerGNN(ModelConfig.model_validate(settings | {"width": width} | changes), SPECS[task])
        last = model.control_head.mean if model.spec.num_controls else model.pointer_head.score
        with torch.no_grad():
            last.weight.normal_(std=0.5)
        return model

    return make
