"""One decision of a search: the best plan of each world, whatever else is in the batch."""

import numpy as np

from rl_cluster.config.load import load_config
from rl_cluster.environment.shared.interface import Worlds
from rl_cluster.environment.tasks import make_source, make_worlds, task_of
from rl_cluster.sampling.search.decision import Decision
from rl_cluster.sampling.search.objective import Objective
from rl_cluster.sampling.search.playing import FollowedPolicy

CONFIG = load_config("quick_demo")
TASK = task_of(CONFIG)


def begun(num_worlds: int, first_world: int = 0) -> Worlds:
    worlds = make_worlds(CONFIG, make_source(CONFIG, 4, is_training=False), num_worlds, first_world)
    worlds.reset()
    return worlds


def decided(worlds: Worlds, names: list[str], num_variations: int = 0) -> Decision:
    decision = Decision(worlds, 1, TASK.planning, Objective(TASK.planning.objective), seed=2)
    for name in names:
        policy = TASK.heuristics[name](0)
        decision.try_pilot(lambda keys, policy=policy: FollowedPolicy(policy))  # type: ignore[misc]  # bound at once
    if num_variations:
        decision.try_variations(num_variations)
    return decision


def test_best__is_the_best_of_each_world() -> None:
    names = ["greedy", "complete-first", "hungarian"]
    alone = np.stack([decided(begun(9), [name]).best.value for name in names])

    decision = decided(begun(9), names)

    np.testing.assert_array_equal(decision.best.value, alone.max(axis=0))
    assert len(set(alone.argmax(axis=0).tolist())) > 1, "one heuristic is the best everywhere"
    assert decision.num_plans == 3


def test_variations__are_the_same_in_every_batch() -> None:
    whole, parts = decided(begun(4), ["greedy"], 12), [decided(begun(1, world), ["greedy"], 12) for world in range(4)]

    assert whole.num_plans == 13
    for world, part in enumerate(parts):
        assert part.best.value[0] == whole.best.value[world]
        length = len(part.best.record.choices)
        np.testing.assert_array_equal(part.best.record.choices[:, 0], whole.best.record.choices[:length, world])


def test_variations__find_better_plans() -> None:
    before, after = decided(begun(9), ["greedy"]).best.value, decided(begun(9), ["greedy"], 20).best.value

    assert (after >= before).all()
    assert (after > before).any()
