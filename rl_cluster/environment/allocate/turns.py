"""Choices one after the other: nobody chooses a target to which those before it in the round have left nothing to give.

UAVs that choose at once, by one network, act alike where they stand alike: all rush to one target, or all wait. In
turn, a UAV's choice is drawn from what those before it in the round have left. So a joint choice is the product of the
UAVs' own distributions, each over fewer actions: an autoregressive policy, as of Wen et al. 2022 (arXiv 2205.14953),
but with one pass of the network. What was left is stored in the observation, so rollout and learner agree on the
probabilities.

- A UAV with one legal action comes first. The others follow by falling confidence: the probability of their most
  probable action. Of equals, the one that is nearer to that target goes first.
- A target is *left* to a UAV if the UAV carries something of a kind that those before it do not cover.
- Somebody moves: if all others hover, or wait at targets for others, then the last UAV must move to a target that is
  left to it, and that those who could serve it can cover together. Without such a target it may wait, too.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rl_cluster.environment.allocate.legality import distance_m, is_coverable
from rl_cluster.environment.allocate.service import is_in_service
from rl_cluster.environment.allocate.state import EPSILON, AllocateState
from rl_cluster.types import WAIT, FloatArray, IntArray, Observation

__all__ = ["take_turns"]


def take_turns(
    state: AllocateState, observation: Observation[NDArray[np.generic]], logp: FloatArray, scores: FloatArray
) -> tuple[IntArray, Observation[NDArray[np.generic]]]:
    """Actions (B, N), and the observation with what was left to each UAV as its legal actions.

    Args:
        state: The worlds as they are observed; it is not changed.
        observation: It is not changed, either.
        logp: (B, N, 1 + C) log-probabilities of the actions, which decide who chooses first.
        scores: (B, N, 1 + C); a UAV takes the action of the highest score that is left to it. Log-probabilities give
            the most probable action, and log-probabilities plus Gumbel noise give a sample.
    """
    seen = observation._replace(action_mask=observation.action_mask.copy(), decides=observation.decides.copy())
    actions = np.full(scores.shape[:2], WAIT, dtype=np.int16)
    _take_turns(state, seen, logp, scores, actions)
    return actions, seen


@njit(cache=True)
def _take_turns(state, seen, logp, scores, actions):  # type: ignore[no-untyped-def]  # numba infers the types
    for b in range(actions.shape[0]):
        if state.ended[b]:
            continue
        uncovered = state.target_remaining[b].astype(np.float64)
        order = _order(state, b, seen, logp)
        does_move = False
        for turn, i in enumerate(order):
            mask = seen.action_mask[b, i]
            if seen.decides[b, i]:
                _leave_covered(state, b, i, seen, uncovered)
                if turn == order.size - 1 and not does_move:
                    _leave_idling(state, b, i, seen)
                seen.decides[b, i] = mask.sum() > 1
            action = _best(scores[b, i], mask)
            actions[b, i] = action
            if action != WAIT:
                j = seen.candidates[b, i, action - 1]
                does_move |= not _waits_at(state, b, i, j)
                for r in range(uncovered.shape[1]):
                    uncovered[j, r] = max(0.0, uncovered[j, r] - state.uav_resources[b, i, r])


@njit(cache=True)
def _order(state, b, seen, logp):  # type: ignore[no-untyped-def]  # numba infers the types
    """The UAVs that exist, in the order in which they choose."""
    num_uavs = logp.shape[1]
    rank = np.full(num_uavs, np.inf)
    distances = np.zeros(num_uavs)
    for i in range(num_uavs):
        if state.uav_exists[b, i]:
            best = _best(logp[b, i], seen.action_mask[b, i])
            rank[i] = -logp[b, i, best] if seen.decides[b, i] else -np.inf
            distances[i] = distance_m(state, b, i, seen.candidates[b, i, best - 1]) if best != WAIT else np.inf
    by_distance = np.argsort(distances, kind="mergesort")
    order = by_distance[np.argsort(rank[by_distance], kind="mergesort")]
    return order[: state.uav_exists[b].sum()]


@njit(cache=True)
def _best(scores, mask):  # type: ignore[no-untyped-def]  # numba infers the types
    best = -1
    for action in range(mask.size):
        if mask[action] and (best < 0 or scores[action] > scores[best]):
            best = action
    return best


@njit(cache=True)
def _waits_at(state, b, i, j):  # type: ignore[no-untyped-def]  # numba infers the types
    """True = UAV i is present at target j, its choice, and not in service."""
    return state.uav_choice[b, i] == j and state.uav_present[b, i] and not is_in_service(state, b, i)


@njit(cache=True)
def _leave_covered(state, b, i, seen, uncovered):  # type: ignore[no-untyped-def]  # numba infers the types
    """Takes the targets from UAV i's actions to which it can give nothing that is uncovered."""
    for c in range(seen.candidates.shape[2]):
        if seen.action_mask[b, i, c + 1]:
            j = seen.candidates[b, i, c]
            gives = False
            for r in range(uncovered.shape[1]):
                gives |= min(np.float64(state.uav_resources[b, i, r]), uncovered[j, r]) > EPSILON
            seen.action_mask[b, i, c + 1] = gives


@njit(cache=True)
def _leave_idling(state, b, i, seen):  # type: ignore[no-untyped-def]  # numba infers the types
    """Takes everything but a move that can lead to a served target from UAV i's actions, if such a move is left."""
    mask = seen.action_mask[b, i]
    useful = np.zeros(mask.size, dtype=np.bool_)
    for c in range(seen.candidates.shape[2]):
        if mask[c + 1]:
            j = seen.candidates[b, i, c]
            useful[c + 1] = not _waits_at(state, b, i, j) and is_coverable(state, b, j)
    if useful.any():
        mask[:] = useful
