"""What an auction of bundles of tasks ends in: agents take turns at the task of the highest marginal gain.

Choi, Brunet, How 2009, "Consensus-based decentralized auctions for robust task allocation", IEEE Trans. Robotics
25(4): where arriving later never gains, agents that bid and talk until all agree end in the sequential greedy
assignment (theorem 1). This module works that assignment out without the talking, so that it needs memory for N x M
numbers and not for each agent's view of them. The tests compare it with the talking. `cbba.py` says what the tasks and
their scores are.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["NOBODY", "Tasks", "assign"]

NOBODY = -1


class Tasks(NamedTuple):
    """What N agents bid for: a task is worth score * exp(-t) to an agent that arrives at time t on its path."""

    score: NDArray[np.float64]
    """(N, M) worth at time 0; 0 = the agent must not take the task"""
    start: NDArray[np.float64]
    """(N, M) time from the agent to the task"""
    place_m: NDArray[np.float64]
    """(M, 2) where the tasks are"""
    speed: NDArray[np.float64]
    """(N,) metres per unit of time"""


@njit(cache=True)
def assign(tasks: Tasks, max_tasks: int) -> NDArray[np.int64]:
    """Paths (N, `max_tasks`) of task indices in flying order, `NOBODY` behind the last.

    The pair of agent and task with the highest gain is settled, then the next one, until none gains. Of equal gains the
    lower agent number goes first, then the lower task number. `max_tasks` is the most tasks of an agent.
    """
    num_agents, num_tasks = tasks.score.shape
    path = np.full((num_agents, max_tasks), NOBODY)
    is_taken = np.zeros(num_tasks, dtype=np.bool_)
    gain, task, place = np.zeros(num_agents), np.full(num_agents, NOBODY), np.zeros(num_agents, dtype=np.int64)
    for agent in range(num_agents):
        gain[agent], task[agent], place[agent] = _bid(tasks, agent, path[agent], is_taken)
    while num_agents > 0:
        winner = np.argmax(gain)
        won = task[winner]
        if won == NOBODY:
            break
        path[winner, place[winner] + 1 :] = path[winner, place[winner] : -1].copy()
        path[winner, place[winner]], is_taken[won] = won, True
        for agent in range(num_agents):
            if agent == winner or task[agent] == won:
                gain[agent], task[agent], place[agent] = _bid(tasks, agent, path[agent], is_taken)
    return path


@njit(cache=True)
def _bid(tasks, agent, path, is_taken):  # type: ignore[no-untyped-def]  # numba infers the types
    """(gain, task, place in the path) of the agent's best offer; task = `NOBODY` with gain 0 if it has none."""
    size = (path != NOBODY).sum()
    best_gain, best, best_place = 0.0, NOBODY, 0
    if size == path.shape[0]:
        return best_gain, best, best_place
    worth = _worth(tasks, agent, path, NOBODY, -1)
    for task in range(is_taken.shape[0]):
        if is_taken[task] or tasks.score[agent, task] <= 0.0:
            continue
        for place in range(size + 1):
            gain = _worth(tasks, agent, path, task, place) - worth
            if gain > best_gain:
                best_gain, best, best_place = gain, task, place
    return best_gain, best, best_place


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
            time += np.hypot(dx, dy) / tasks.speed[agent]
        total += tasks.score[agent, task] * np.exp(-time)
        last = task
        step += 1
