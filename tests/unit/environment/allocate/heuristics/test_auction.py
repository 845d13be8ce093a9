"""What an auction ends in, against the talking of the consensus-based bundle algorithm, and by hand."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from rl_cluster.environment.allocate.heuristics.auction import NOBODY, Tasks, assign
from tests.reference.cbba_auction import agree


def _tasks(score: NDArray[np.float64], start: NDArray[np.float64]) -> Tasks:
    """Tasks at one place."""
    num_agents, num_tasks = score.shape
    return Tasks(score, start, np.zeros((num_tasks, 2)), np.ones(num_agents))


def _worth(tasks: Tasks, agent: int, path: list[int]) -> float:
    worth, time, last = 0.0, 0.0, NOBODY
    for task in path:
        way = math.dist(tasks.place_m[task], tasks.place_m[last]) / tasks.speed[agent]
        time += tasks.start[agent, task] if last == NOBODY else way
        worth += tasks.score[agent, task] * math.exp(-time)
        last = task
    return worth


def _best_insertion(tasks: Tasks, agent: int, path: list[int], task: int) -> tuple[float, list[int]]:
    paths = [[*path[:place], task, *path[place:]] for place in range(len(path) + 1)]
    worths = [_worth(tasks, agent, candidate) for candidate in paths]
    best = int(np.argmax(worths))
    return worths[best] - _worth(tasks, agent, path), paths[best]


def _sequential_greedy(tasks: Tasks, max_tasks: int) -> list[list[int]]:
    """Gives the pair of the highest marginal gain its task, again and again: what CBBA must converge to (theorem 1)."""
    num_agents, num_tasks = tasks.score.shape
    paths: list[list[int]] = [[] for _ in range(num_agents)]
    left = set(range(num_tasks))
    while True:
        offers = [
            (*_best_insertion(tasks, agent, paths[agent], task), agent, task)
            for agent in range(num_agents)
            for task in sorted(left)
            if len(paths[agent]) < max_tasks and tasks.score[agent, task] > 0.0
        ]
        if not offers:
            return paths
        _, path, agent, task = max(offers, key=lambda offer: offer[0])
        paths[agent] = path
        left.remove(task)


def _random_tasks(random: np.random.Generator, num_agents: int, num_tasks: int) -> Tasks:
    agents, tasks = random.random((num_agents, 2)), random.random((num_tasks, 2))
    speed = random.uniform(0.5, 2.0, num_agents)
    start = np.linalg.norm(agents[:, None] - tasks, axis=-1) / speed[:, None]
    score = random.random((num_agents, num_tasks)) * (random.random((num_agents, num_tasks)) < 0.9)
    return Tasks(score, start, tasks, speed)


def _equal_tasks(random: np.random.Generator, num_agents: int, num_tasks: int) -> Tasks:
    """Agents of two kinds at one place, and tasks in pairs of equals."""
    tasks = np.repeat(random.random((num_tasks, 2)), 2, axis=0)[:num_tasks]
    start = np.repeat(np.linalg.norm(tasks, axis=-1)[None], num_agents, axis=0)
    score = np.where(np.arange(num_agents) % 2, 0.5, 1.0)[:, None] * np.ones(num_tasks)
    return Tasks(score, start, tasks, np.ones(num_agents))


def _lists(path: NDArray[np.int64]) -> list[list[int]]:
    return [[int(task) for task in row if task != NOBODY] for row in path]


@pytest.mark.parametrize("graph", ["complete", "line"])
@pytest.mark.parametrize("seed", range(40))
def test_assign__is_what_agents_agree_on_whoever_hears_whom(graph: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    num_agents, num_tasks, max_tasks = (int(random.integers(1, high)) for high in (7, 8, 4))
    tasks = _random_tasks(random, num_agents, num_tasks)
    apart = np.abs(np.subtract.outer(np.arange(num_agents), np.arange(num_agents)))

    path = assign(tasks, max_tasks)

    assert _lists(path) == _sequential_greedy(tasks, max_tasks)
    talks = apart <= (num_agents if graph == "complete" else 1)
    np.testing.assert_array_equal(path, agree(tasks, talks, max_tasks)[0])


@pytest.mark.parametrize("seed", range(20))
def test_assign__is_what_equal_agents_agree_on(seed: int) -> None:
    random = np.random.default_rng(seed)
    num_agents, num_tasks, max_tasks = (int(random.integers(1, high)) for high in (7, 8, 4))
    tasks = _equal_tasks(random, num_agents, num_tasks)

    path = assign(tasks, max_tasks)

    np.testing.assert_array_equal(path, agree(tasks, np.ones((num_agents, num_agents), dtype=np.bool_), max_tasks)[0])


def test_assign__hands_a_task_to_the_agent_that_is_nearer() -> None:
    tasks = _tasks(np.ones((2, 2)), np.array([[1.0, 3.0], [2.0, 2.5]]))

    # Agent 0 outbids agent 1 at task 0, e^-1 against e^-2; agent 1 then takes task 1 at e^-2.5.
    assert _lists(assign(tasks, max_tasks=1)) == [[0], [1]]


def test_assign__of_equal_gains_takes_the_lower_numbers() -> None:
    assert _lists(assign(_tasks(np.ones((3, 1)), np.ones((3, 1))), max_tasks=2)) == [[0], [], []]
    assert _lists(assign(_tasks(np.ones((2, 2)), np.ones((2, 2))), max_tasks=1)) == [[0], [1]]


def test_assign__of_nothing_is_nothing() -> None:
    assert assign(_tasks(np.zeros((2, 3)), np.ones((2, 3))), max_tasks=2).tolist() == [[NOBODY] * 2] * 2
    assert assign(_tasks(np.zeros((0, 3)), np.ones((0, 3))), max_tasks=2).shape == (0, 2)


def test_agree__of_groups_that_do_not_talk_lets_both_win() -> None:
    tasks = _tasks(np.ones((2, 1)), np.array([[1.0], [2.0]]))

    path, _ = agree(tasks, np.eye(2, dtype=np.bool_), max_tasks=1)

    assert _lists(path) == [[0], [0]]


def test_agree__news_of_a_higher_bid_travels_along_a_line() -> None:
    """Agents 0 and 2 only hear each other through agent 1, which must give up the task for agent 2 as agent 0 must."""
    tasks = _tasks(np.ones((3, 1)), np.array([[2.0], [3.0], [1.0]]))
    talks = np.array([[1, 1, 0], [1, 1, 1], [0, 1, 1]], dtype=np.bool_)

    path, bid = agree(tasks, talks, max_tasks=1)

    assert _lists(path) == [[], [], [0]]
    assert bid[:, 0] == pytest.approx([math.exp(-1.0)] * 3)
