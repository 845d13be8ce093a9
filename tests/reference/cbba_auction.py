"""The consensus-based bundle algorithm: agents build bundles of tasks by bidding, and agree by talking to neighbours.

Choi, Brunet, How 2009, "Consensus-based decentralized auctions for robust task allocation", IEEE Trans. Robotics
25(4). Agent i knows of each task j a highest bid y_ij and its bidder z_ij, and of each agent k the round s_ik of its
last news of it. A round is: every agent builds its bundle (algorithm 3), then hears what its neighbours knew and
resolves conflicts (table 1). It ends when a round has changed nothing. The package's `auction.py` works out
what it ends in where all agents hear each other.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rl_cluster.environment.allocate.heuristics.auction import NOBODY, Tasks
from rl_cluster.types import BoolArray

__all__ = ["agree"]

_LEAVE, _UPDATE, _RESET = 0, 1, 2


def agree(tasks: Tasks, talks: BoolArray, max_tasks: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Paths (N, `max_tasks`) of task indices in flying order, `NOBODY` behind the last, and winning bids (N, M).

    Args:
        tasks: Arriving later never gains, so inserting tasks diminishes the gain of all others: the paper's condition.
        talks: (N, N) True = the two agents are neighbours; symmetric. Groups that do not talk agree among themselves.
        max_tasks: Tasks in an agent's bundle at most.
    """
    num_agents, num_tasks = tasks.score.shape
    bid = np.zeros((num_agents, num_tasks))
    winner = np.full((num_agents, num_tasks), NOBODY)
    news = np.zeros((num_agents, num_agents), dtype=np.int64)
    bundle, path = np.full((num_agents, max_tasks), NOBODY), np.full((num_agents, max_tasks), NOBODY)
    # each round settles at least the next best bid everywhere within the graph's diameter
    for now in range(1, 2 * num_agents * (num_tasks + 1) + 2):
        old_bid, old_winner = bid.copy(), winner.copy()
        for agent in range(num_agents):
            _build(tasks, agent, bid[agent], winner[agent], bundle[agent], path[agent])
        _talk(talks, now, bid, winner, news)
        for agent in range(num_agents):
            _release(agent, bid[agent], winner[agent], bundle[agent], path[agent])
        if (bid == old_bid).all() and (winner == old_winner).all():
            break
    return path, bid


@njit(cache=True)
def _worth(tasks, agent, path, extra, place):  # type: ignore[no-untyped-def]  # numba infers the types
    """Worth of a path with task `extra` inserted at `place`; without it where `place` is below 0."""
    total, time, last, position, step = 0.0, 0.0, NOBODY, 0, 0
    while True:
        if step == place:
            task = extra
        elif position < path.shape[0] and path[position] != NOBODY:
            task = path[position]
            position += 1
        else:
            return total
        if last == NOBODY:
            time += tasks.start[agent, task]
        else:
            dx, dy = tasks.place_m[task, 0] - tasks.place_m[last, 0], tasks.place_m[task, 1] - tasks.place_m[last, 1]
            time += np.sqrt(dx * dx + dy * dy) / tasks.speed[agent]
        total += tasks.score[agent, task] * np.exp(-time)
        last = task
        step += 1


@njit(cache=True)
def _is_higher(bid, bidder, other_bid, other):  # type: ignore[no-untyped-def]  # numba infers the types
    """True = the bid beats the other one; of equal bids, the lower agent number wins."""
    return bid > other_bid or (bid == other_bid and bid > 0.0 and (other == NOBODY or bidder < other))


@njit(cache=True)
def _build(tasks, agent, bid, winner, bundle, path):  # type: ignore[no-untyped-def]  # numba infers the types
    """Adds the task of the highest marginal gain that beats the bid known for it, until the bundle is full."""
    size = (bundle != NOBODY).sum()
    while size < bundle.shape[0]:
        worth = _worth(tasks, agent, path, NOBODY, -1)
        best, best_place, best_gain = NOBODY, 0, 0.0
        for task in range(bid.shape[0]):
            if tasks.score[agent, task] <= 0.0 or (bundle == task).any():
                continue
            gain, gain_place = 0.0, 0
            for place in range(size + 1):
                candidate = _worth(tasks, agent, path, task, place) - worth
                if candidate > gain:
                    gain, gain_place = candidate, place
            if gain > best_gain and _is_higher(gain, agent, bid[task], winner[task]):
                best, best_place, best_gain = task, gain_place, gain
        if best == NOBODY:
            return
        path[best_place + 1 :] = path[best_place:-1].copy()
        path[best_place], bundle[size] = best, best
        bid[best], winner[best] = best_gain, agent
        size += 1


@njit(cache=True)
def _talk(talks, now, bid, winner, news):  # type: ignore[no-untyped-def]  # numba infers the types
    """Every agent hears what its neighbours knew at the end of their building."""
    said_bid, said_winner, said_news = bid.copy(), winner.copy(), news.copy()
    num_agents, num_tasks = bid.shape
    for i in range(num_agents):
        for k in range(num_agents):
            if k != i and talks[i, k]:
                for j in range(num_tasks):
                    action = _resolve(
                        i, k, said_bid[k, j], said_winner[k, j], bid[i, j], winner[i, j], news[i], said_news[k]
                    )
                    if action == _UPDATE:
                        bid[i, j], winner[i, j] = said_bid[k, j], said_winner[k, j]
                    elif action == _RESET:
                        bid[i, j], winner[i, j] = 0.0, NOBODY
                for m in range(num_agents):
                    news[i, m] = max(news[i, m], said_news[k, m])
                news[i, k] = now


@njit(cache=True)
def _resolve(i, k, bid_k, winner_k, bid_i, winner_i, news_i, news_k):  # type: ignore[no-untyped-def]  # numba infers the types
    """How agent i updates its view of a task from agent k's: the paper's table 1, row by row."""
    if winner_k == k:
        return _hear_of_sender(i, k, bid_k, bid_i, winner_i, news_i, news_k)
    if winner_k == i:
        if winner_i == k:
            return _RESET
        is_newer = winner_i not in (i, NOBODY) and news_k[winner_i] > news_i[winner_i]
        return _RESET if is_newer else _LEAVE
    if winner_k == NOBODY:
        if winner_i in (i, NOBODY):
            return _LEAVE
        return _UPDATE if winner_i == k or news_k[winner_i] > news_i[winner_i] else _LEAVE
    return _hear_of_third(i, k, bid_k, winner_k, bid_i, winner_i, news_i, news_k)


@njit(cache=True)
def _hear_of_sender(i, k, bid_k, bid_i, winner_i, news_i, news_k):  # type: ignore[no-untyped-def]  # numba infers the types
    """Agent k says that it holds the highest bid itself."""
    if winner_i in (k, NOBODY):
        return _UPDATE
    is_higher = _is_higher(bid_k, k, bid_i, winner_i)
    if winner_i == i:
        return _UPDATE if is_higher else _LEAVE
    return _UPDATE if is_higher or news_k[winner_i] > news_i[winner_i] else _LEAVE


@njit(cache=True)
def _hear_of_third(i, k, bid_k, m, bid_i, winner_i, news_i, news_k):  # type: ignore[no-untyped-def]  # numba infers the types
    """Agent k says that a third agent, m, holds the highest bid."""
    is_newer = news_k[m] > news_i[m]
    is_higher = _is_higher(bid_k, m, bid_i, winner_i)
    if winner_i == i:
        return _UPDATE if is_newer and is_higher else _LEAVE
    if winner_i == k:
        return _UPDATE if is_newer else _RESET
    if winner_i in (m, NOBODY):
        return _UPDATE if is_newer else _LEAVE
    is_newer_of_mine = news_k[winner_i] > news_i[winner_i]
    if is_newer and (is_newer_of_mine or is_higher):
        return _UPDATE
    return _RESET if is_newer_of_mine and news_i[m] > news_k[m] else _LEAVE


@njit(cache=True)
def _release(agent, bid, winner, bundle, path):  # type: ignore[no-untyped-def]  # numba infers the types
    """Gives up the first task of the bundle that was outbid and all added after it: their bids no longer hold."""
    size = (bundle != NOBODY).sum()
    first = 0
    while first < size and winner[bundle[first]] == agent:
        first += 1
    for position in range(first, size):
        task = bundle[position]
        if winner[task] == agent:
            bid[task], winner[task] = 0.0, NOBODY
        bundle[position] = NOBODY
        kept = path[path != task]
        path[: kept.shape[0]] = kept
        path[kept.shape[0] :] = NOBODY
