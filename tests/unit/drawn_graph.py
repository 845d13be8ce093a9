"""Random but valid graphs, as observations of either task hold them."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_cluster.environment.allocate.columns import FEATURES
from rl_cluster.types import GraphSpec, neighbour_slots

__all__ = ["SPECS", "observe_graph"]

NUM_RESOURCES = 2
SPECS = {
    "allocate": FEATURES.graph_spec(NUM_RESOURCES, num_controls=0),
    "navigate": GraphSpec(9, 0, 2, 7, num_controls=2),  # a network fits any widths
}


def _nearest(distance_X: NDArray[Any], num: int) -> NDArray[Any]:
    """Indices of the `num` smallest finite distances, by rising distance; fewer if there are fewer."""
    order = np.argsort(distance_X, kind="stable")[:num]
    return order[np.isfinite(distance_X[order])]


class _Scene(NamedTuple):
    """Who exists and where: at least one UAV, and one open target where there may be any."""

    exists: NDArray[Any]
    """(S,)"""
    position: NDArray[Any]
    """(S, 2)"""
    distance: NDArray[Any]
    """(S, S); infinite to what does not exist, and from a UAV to itself"""


def _make_scene(generator: np.random.Generator, padded: tuple[int, int, int]) -> _Scene:
    (N, M, num_obstacles), S = padded, sum(padded)
    n, m, o = generator.integers((1, min(1, M), 0), padded, endpoint=True)
    is_open_M = (np.arange(M) < m) & (generator.random(M) < 0.7)  # closed targets stand between open ones
    if M:
        is_open_M[generator.integers(0, m)] = True
    mask_S = np.concatenate([np.arange(N) < n, is_open_M, np.arange(num_obstacles) < o])
    position_S2 = generator.normal(scale=2.0, size=(S, 2))
    distance_SS = np.linalg.norm(position_S2[:, None] - position_S2, axis=-1)
    distance_SS[:, ~mask_S] = np.inf
    distance_SS[np.arange(N), np.arange(N)] = np.inf
    return _Scene(mask_S, position_S2, distance_SS)


def _find_neighbours(scene: _Scene, padded: tuple[int, int, int], k: int) -> NDArray[Any]:
    N, M, num_obstacles = padded
    slots = neighbour_slots(*padded)
    groups = [(0, 0, N), (slots.targets, N, M), (slots.obstacles, N + M, num_obstacles)]
    neighbours_EW = np.full((N + M, slots.width), -1)
    for row in np.flatnonzero(scene.exists[: N + M]):
        for slot, first, size in groups if row < N else groups[:1]:
            found = first + _nearest(scene.distance[row, first : first + size], min(k, size))
            neighbours_EW[row, slot : slot + len(found)] = found
    return neighbours_EW


def observe_graph(
    generator: np.random.Generator, spec: GraphSpec, padded: tuple[int, int, int], num_candidates: int, k: int
) -> dict[str, NDArray[Any]]:
    """One graph. Some UAVs do not decide: they have one legal action, or no control."""
    N, M, _ = padded
    scene = _make_scene(generator, padded)
    candidates_NC = np.full((N, num_candidates), -1)
    seen = slice(N, N + M) if M else slice(None)
    for row in np.flatnonzero(scene.exists[:N]):
        found = _nearest(scene.distance[row, seen], num_candidates)
        candidates_NC[row, : len(found)] = found
    is_candidate_NC = candidates_NC >= 0
    decides_N = scene.exists[:N] & (generator.random(N) < 0.8)
    is_choice_NC = is_candidate_NC & decides_N[:, None] if M else np.zeros_like(is_candidate_NC)
    action_mask_NA = np.concatenate([decides_N[:, None] | (M > 0), is_choice_NC], axis=1)

    def features(mask: NDArray[Any], num: int) -> NDArray[Any]:
        return generator.normal(size=(*mask.shape, num)) * mask[..., None]

    return {
        "uav": features(scene.exists[:N], spec.num_uav_features),
        "target": features(scene.exists[N : N + M], spec.num_target_features),
        "obstacle": features(scene.exists[N + M :], spec.num_obstacle_features),
        "position": scene.position,
        "mask": scene.exists,
        "neighbours": _find_neighbours(scene, padded, k),
        "candidates": candidates_NC,
        "pair": features(is_candidate_NC, spec.num_pair_features),
        "action_mask": action_mask_NA,
        "decides": action_mask_NA.sum(axis=1) > 1 if M else decides_N,
    }
