"""Plans of `navigate`: controls, and ORCA pushed off its way."""

import numpy as np

from rl_cluster.environment.navigate.heuristics.orca import Orca
from rl_cluster.environment.navigate.plans import NavigatePlanning
from rl_cluster.environment.navigate.worlds import NavigateWorlds
from rl_cluster.environment.shared.planning import Record
from tests.unit.environment.navigate.given_world import make_generated

PLANNING = NavigatePlanning()
NOTHING = Record(np.zeros((1, 2, 1)), np.zeros((1, 2, 1, 0), dtype=np.bool_))


def controls(worlds: NavigateWorlds, keys: list[int], step: int) -> np.ndarray:
    fork = worlds.fork(np.zeros(len(keys), dtype=np.int64))
    pilot = PLANNING.variations(worlds, NOTHING, np.zeros(len(keys), dtype=np.int64), np.array(keys))
    return pilot.act(fork, np.arange(len(keys)), step)


def test_variations__push_some_uavs_for_a_while() -> None:
    worlds = make_generated(2)
    orca = Orca().act(worlds, worlds.observation)[0]

    early, late = controls(worlds, [-1, 1, 2, 3], step=0), controls(worlds, [-1, 1, 2, 3], step=1000)

    np.testing.assert_array_equal(early[0], orca)
    assert (early[1:] != orca).any(axis=(1, 2)).all()
    assert (late == orca).all()
    assert np.abs(early).max() <= 1.0
    np.testing.assert_array_equal(controls(worlds, [2], step=0)[0], early[2])


def test_terms__name_the_objective() -> None:
    worlds = make_generated(2)
    worlds.give_up(np.ones(2, dtype=np.bool_))

    terms = PLANNING.terms(worlds, np.ones(2, dtype=np.bool_))

    assert list(terms) == list(PLANNING.objective)
    assert (terms["time"] <= 0.0).all()
    assert PLANNING.served(worlds).shape[2] == 0
