"""What tests of the network and of its learning share: random but valid observations, and a network worth testing."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from rl_cluster.config.schema import ModelConfig
from rl_cluster.model.transformer_gnn import TransformerGNN
from rl_cluster.types import (
    GraphSpec,
    Observation,
    map_observation,
    obstacle_feature_dim,
    pair_feature_dim,
    target_feature_dim,
    uav_feature_dim,
)

NUM_RESOURCES = 2
SPEC = GraphSpec(
    uav_feature_dim(NUM_RESOURCES),
    target_feature_dim(NUM_RESOURCES),
    obstacle_feature_dim(),
    pair_feature_dim(NUM_RESOURCES),
    num_controls=0,
)


def _nearest(distance_X: NDArray[Any], num: int) -> NDArray[Any]:
    """Indices of the `num` smallest finite distances, by rising distance; fewer if there are fewer."""
    order = np.argsort(distance_X, kind="stable")[:num]
    return order[np.isfinite(distance_X[order])]


def _observe_graph(
    generator: np.random.Generator, padded: tuple[int, int, int], num_candidates: int, k: int
) -> dict[str, NDArray[Any]]:
    """One graph: at least one UAV and one open target exist, closed targets stand between open ones."""
    (N, M, num_obstacles), S = padded, sum(padded)
    n, m, o = generator.integers((1, 1, 0), padded, endpoint=True)
    is_open_M = (np.arange(M) < m) & (generator.random(M) < 0.7)
    is_open_M[generator.integers(0, m)] = True
    mask_S = np.concatenate([np.arange(N) < n, is_open_M, np.arange(num_obstacles) < o])
    position_S2 = generator.normal(scale=2.0, size=(S, 2))
    distance_SS = np.linalg.norm(position_S2[:, None] - position_S2, axis=-1)
    distance_SS[:, ~mask_S] = np.inf
    distance_SS[np.arange(N), np.arange(N)] = np.inf

    groups = [(0, N), (N, M), (N + M, num_obstacles)]
    neighbours_EW = np.full((N + M, sum(min(16, size) for _, size in groups)), -1)
    candidates_NC = np.full((N, num_candidates), -1)
    for row in np.flatnonzero(mask_S[: N + M]):
        slot = 0
        for first, size in groups if row < N else groups[:1]:
            found = first + _nearest(distance_SS[row, first : first + size], min(k, size))
            neighbours_EW[row, slot : slot + len(found)] = found
            slot += min(16, size)
        if row < N:
            found = _nearest(distance_SS[row, N : N + M], num_candidates)
            candidates_NC[row, : len(found)] = found
    is_candidate_NC = candidates_NC >= 0
    # Some UAVs do not choose: they have one legal action.
    decides_N = (np.arange(N) < n) & (generator.random(N) < 0.8)
    action_mask_NA = np.concatenate([np.ones((N, 1)), is_candidate_NC & decides_N[:, None]], axis=1)

    def features(mask: NDArray[Any], num: int) -> NDArray[Any]:
        return generator.normal(size=(*mask.shape, num)) * mask[..., None]

    return {
        "uav": features(mask_S[:N], uav_feature_dim(NUM_RESOURCES)),
        "target": features(mask_S[N : N + M], target_feature_dim(NUM_RESOURCES)),
        "obstacle": features(mask_S[N + M :], obstacle_feature_dim()),
        "position": position_S2,
        "mask": mask_S,
        "neighbours": neighbours_EW,
        "candidates": candidates_NC,
        "pair": features(is_candidate_NC, pair_feature_dim(NUM_RESOURCES)),
        "action_mask": action_mask_NA,
        "decides": action_mask_NA.sum(axis=1) > 1,
    }


@pytest.fixture(scope="session")
def make_observation() -> Callable[..., Observation[Tensor]]:
    """A factory of B random graphs, padded to the given sizes."""

    def make(
        num_graphs: int = 6,
        padded: tuple[int, int, int] = (5, 6, 2),
        num_candidates: int = 4,
        k: int = 3,
        seed: int = 0,
    ) -> Observation[Tensor]:
        generator = np.random.default_rng(seed)
        graphs = [_observe_graph(generator, padded, num_candidates, k) for _ in range(num_graphs)]
        dtypes = {"neighbours": "i2", "candidates": "i2", "mask": "?", "action_mask": "?", "decides": "?"}
        columns = {
            name: np.stack([graph[name] for graph in graphs]).astype(dtypes.get(name, "f4")) for name in graphs[0]
        }
        return map_observation(torch.from_numpy, Observation(**columns))

    return make


@pytest.fixture(scope="session")
def make_model() -> Callable[..., TransformerGNN]:
    """A factory of networks with the logits of a trained policy: at their start all actions look nearly alike."""

    def make(seed: int = 0, width: int = 16, **changes: Any) -> TransformerGNN:
        settings = {"num_heads": 2, "num_layers": 2, "gradient_checkpointing": False, "precision": "fp32"}
        torch.manual_seed(seed)
        model = TransformerGNN(ModelConfig.model_validate(settings | {"width": width} | changes), SPEC)
        with torch.no_grad():
            model.pointer_head.score.weight.normal_(std=0.5)
        return model

    return make
