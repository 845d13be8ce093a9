"""Plans: choices survive a change of the candidates, and changed routes stay routes."""

import numpy as np
import pytest

from rl_cluster.config.load import load_config
from rl_cluster.environment.allocate.plans import MAX_VISITS, AllocatePlanning
from rl_cluster.environment.allocate.worlds import AllocateWorlds
from rl_cluster.environment.shared.planning import Record
from rl_cluster.environment.tasks import task_of
from rl_cluster.types import WAIT
from tests.unit.environment.allocate.heuristics.cases import LINE_TARGETS, LINE_UAVS, generated, given

PLANNING = AllocatePlanning()
GREEDY = task_of(load_config("quick_demo")).heuristics["greedy"](0)


def flown(worlds: AllocateWorlds) -> Record:
    choices, served = [], []
    while not worlds.state.ended.all():
        actions = GREEDY.act(worlds, worlds.observation)
        choices.append(PLANNING.choices(worlds.observation, actions))
        worlds.advance(actions)
        served.append(PLANNING.served(worlds))
        worlds.observe()
    return Record(np.stack(choices), np.stack(served))


def test_choices__are_targets_and_lead_back_to_the_actions() -> None:
    worlds = generated(5)
    worlds.reset()
    actions = GREEDY.act(worlds, worlds.observation)

    choices = PLANNING.choices(worlds.observation, actions)

    assert (choices[actions == WAIT] == -1).all()
    np.testing.assert_array_equal(PLANNING.actions(worlds.observation, choices), actions)


def test_actions__wait_where_a_target_may_not_be_chosen() -> None:
    worlds = given(LINE_UAVS, LINE_TARGETS)
    worlds.reset()

    assert PLANNING.actions(worlds.observation, np.array([[5, -1]], dtype=np.int16)).tolist() == [[WAIT, WAIT]]
    assert PLANNING.actions(worlds.observation, PLANNING.waiting(worlds.observation)).tolist() == [[WAIT, WAIT]]


def test_variations__with_a_negative_key_fly_the_routes_of_the_plan() -> None:
    worlds = given(LINE_UAVS, LINE_TARGETS)
    worlds.reset()
    start = worlds.fork(np.array([0]))
    record = flown(worlds)

    pilot = PLANNING.variations(start, record, np.array([0]), np.array([-1]))

    # both fly to t0, where u0 arrives first, because u1 has to turn; then u1 flies to t1
    assert PLANNING.choices(start.observation, pilot.act(start, np.array([0]), 0)).tolist() == [[0, 1]]


def test_variations__are_legal_and_differ() -> None:
    worlds = generated(2)
    worlds.reset()
    fork, rows = worlds.fork(np.repeat([0, 1], 40)), np.arange(80)
    pilot = PLANNING.variations(worlds, flown(worlds.fork(np.array([0, 1]))), np.repeat([0, 1], 40), rows)

    chosen = set()
    for _ in range(4):
        actions = pilot.act(fork, rows, 0)
        assert np.take_along_axis(fork.observation.action_mask, actions[..., None], axis=2)[~fork.state.ended].all()
        chosen |= {tuple(row) for row in PLANNING.choices(fork.observation, actions)[:40].tolist()}
        fork.advance(actions)
        fork.observe()
    assert len(chosen) > 10


def test_variations__keep_every_route_within_its_room() -> None:
    worlds = generated(3)
    worlds.reset()
    record = flown(worlds.fork(np.arange(3)))

    target = PLANNING.variations(worlds, record, np.repeat(np.arange(3), 50), np.arange(150))._visits.target

    assert target.shape[2] == MAX_VISITS
    for route in target.reshape(-1, MAX_VISITS).tolist():
        visits = [j for j in route if j >= 0]
        assert route == visits + [-1] * (MAX_VISITS - len(visits))
        assert len(set(visits)) == len(visits)


def test_terms__are_more_where_more_is_better() -> None:
    worlds = generated(4)
    worlds.reset()
    flown(worlds)

    terms, outcomes = PLANNING.terms(worlds, np.ones(4, dtype=np.bool_)), worlds.outcomes(np.ones(4, dtype=np.bool_))

    assert list(terms) == list(PLANNING.objective)
    np.testing.assert_array_equal(terms["value"], outcomes["value_rate"])
    np.testing.assert_array_equal(terms["served"], outcomes["satisfied_rate"])
    np.testing.assert_array_equal(terms["crowding"], -outcomes["congestion"])
    assert terms["time"] == pytest.approx(-outcomes["makespan_s"] / worlds.state.time_limit_s)
    assert (terms["distance"] <= 0.0).all()


def test_terms__weigh_what_the_episode_prefers() -> None:
    worlds, rows = generated(4), np.ones(4, dtype=np.bool_)
    worlds.reset()
    flown(worlds)
    plain = PLANNING.terms(worlds, rows)
    worlds.state.preference[:] = [0.5, 2.0, 4.0]

    preferred = PLANNING.terms(worlds, rows)

    factors = {"crowding": 0.5, "time": 2.0, "distance": 4.0}
    for name, values in plain.items():
        assert preferred[name] == pytest.approx(factors.get(name, 1.0) * values), name
