"""Laws of the batch (order, padding, batch size, resets), then flights and deliveries calculated by hand."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rl_cluster.config.schema import Config
from rl_cluster.environment.allocate.generator import AllocateGenerator
from rl_cluster.environment.allocate.heuristics import HEURISTICS
from rl_cluster.environment.allocate.scenarios import ScenarioFiles, scenario_of
from rl_cluster.environment.allocate.worlds import AllocateWorlds
from rl_cluster.environment.scenario.scenario_file import parse_scenario
from tests.unit.environment.allocate.given_world import actions_to, fly, given, target, uav

SEED = 8
NUM_STEPS = 12


def generated(config: Config, num_worlds: int, first_world: int = 0) -> AllocateWorlds:
    source = AllocateGenerator(config.generator, config.world, SEED, is_training=False)
    return AllocateWorlds(source, config.world, config.reward, num_worlds, first_world)


def play(worlds: AllocateWorlds, name: str, num_steps: int) -> list[dict[str, NDArray[Any]]]:
    """The state after each of the steps of a heuristic, with resets."""
    policy, observation, states = HEURISTICS[name](SEED), worlds.reset(), []
    for _ in range(num_steps):
        observation, _, _ = worlds.step(policy.act(worlds, observation))
        states.append(worlds.state_dict())
    return states


@pytest.mark.slow
@pytest.mark.parametrize("name", HEURISTICS)
def test_episodes__are_the_same_bit_for_bit_in_every_batch(ruled: Config, name: str) -> None:
    expected = play(generated(ruled, 64), name, NUM_STEPS)

    assert expected[-1]["episode"].max() > 0
    for batch_size in (1, 7):
        for first_world in range(0, 64, batch_size * 3):
            num_worlds = min(batch_size, 64 - first_world)
            states = play(generated(ruled, num_worlds, first_world), name, NUM_STEPS)
            for step, state in enumerate(states):
                for key, array in state.items():
                    part = expected[step][key][first_world : first_world + num_worlds]
                    np.testing.assert_array_equal(array, part, err_msg=key)


def test_episodes__do_not_depend_on_the_order_of_resets(quick_demo: Config) -> None:
    forward, backward = generated(quick_demo, 4), generated(quick_demo, 4)
    forward.reset()
    backward.reset()

    for row in range(4):
        for worlds, ending in ((forward, row), (backward, 3 - row)):
            worlds.give_up(np.arange(4) == ending)
            worlds.reset_ended()

    assert forward.state.episode.tolist() == [1, 1, 1, 1]
    for key, array in forward.state_dict().items():
        np.testing.assert_array_equal(array, backward.state_dict()[key], err_msg=key)


def test_permuting_uavs__permutes_what_happens_to_them(ruled: Config) -> None:
    world = generated(ruled, 1, first_world=6)
    world.reset()
    data = scenario_of(world.state, 0).as_dict()
    order = np.random.default_rng(0).permutation(len(data["uavs"]))
    assert (order != np.arange(len(order))).any()
    scenarios = [
        parse_scenario({**data, "uavs": [data["uavs"][i] for i in rows]}, "g") for rows in (sorted(order), order)
    ]
    one, other = (
        AllocateWorlds(ScenarioFiles([scenario], ruled.world, SEED), ruled.world, ruled.reward, 1)
        for scenario in scenarios
    )
    policy, seen, permuted = HEURISTICS["greedy"](SEED), one.reset(), other.reset()

    while not one.state.ended.all():
        for field in ("uav", "candidates", "pair", "action_mask"):
            np.testing.assert_allclose(
                getattr(seen, field)[0, order], getattr(permuted, field)[0], rtol=1e-5, atol=1e-6
            )
        np.testing.assert_allclose(seen.target[0], permuted.target[0], rtol=1e-5, atol=1e-6)
        reward = one.advance(policy.act(one, seen)).reward
        np.testing.assert_allclose(reward[0, order], other.advance(policy.act(other, permuted)).reward[0], atol=1e-6)
        seen, permuted = one.observe(), other.observe()

    expected, outcomes = one.outcomes(one.state.ended), other.outcomes(other.state.ended)
    for name, values in expected.items():
        np.testing.assert_allclose(outcomes[name], values, rtol=1e-6, err_msg=name)


@pytest.mark.parametrize("name", HEURISTICS)
def test_padding__changes_nothing(ruled: Config, name: str) -> None:
    source = generated(ruled, 6)
    source.reset()
    scenarios = [scenario_of(source.state, row) for row in range(6)]
    padded = AllocateWorlds(ScenarioFiles(scenarios, ruled.world, SEED), ruled.world, ruled.reward, 6)
    policy, seen = HEURISTICS[name](SEED), padded.reset()
    exact = [
        AllocateWorlds(ScenarioFiles([scenario], ruled.world, SEED), ruled.world, ruled.reward, 1, row)
        for row, scenario in enumerate(scenarios)
    ]
    seen_exact = [worlds.reset() for worlds in exact]

    for _ in range(NUM_STEPS):
        result = padded.advance(policy.act(padded, seen))
        for row, worlds in enumerate(exact):
            reward = worlds.advance(policy.act(worlds, seen_exact[row])).reward[0]
            np.testing.assert_array_equal(result.reward[row, : len(reward)], reward)
            np.testing.assert_array_equal(result.reward[row, len(reward) :], 0.0)
        seen, seen_exact = padded.observe(), [worlds.observe() for worlds in exact]
        for row, alone in enumerate(seen_exact):
            for field in ("uav", "target", "obstacle", "candidates", "pair", "action_mask", "decides"):
                array = getattr(alone, field)[0]
                np.testing.assert_array_equal(getattr(seen, field)[row][tuple(map(slice, array.shape))], array)

    outcomes = padded.outcomes(padded.state.ended)
    alone_ended = [worlds.outcomes(worlds.state.ended) for worlds in exact]
    for metric, values in outcomes.items():
        np.testing.assert_array_equal(values, np.concatenate([each[metric] for each in alone_ended]), err_msg=metric)


def test_state_dict__goes_on_as_without_a_break(ruled: Config) -> None:
    worlds, policy = generated(ruled, 5), HEURISTICS["greedy"](SEED)
    observation = worlds.reset()
    for _ in range(7):
        observation, _, _ = worlds.step(policy.act(worlds, observation))
    resumed = generated(ruled, 5)

    seen = resumed.load_state_dict(worlds.state_dict())

    for _ in range(20):
        for one, other in zip(observation, seen, strict=True):
            np.testing.assert_array_equal(one, other)
        observation, result, outcomes = worlds.step(policy.act(worlds, observation))
        seen, other_result, other_outcomes = resumed.step(policy.act(resumed, seen))
        np.testing.assert_array_equal(result.reward, other_result.reward)
        np.testing.assert_equal(outcomes, other_outcomes)


def test_step__resets_ended_worlds_and_hands_out_their_metrics(quick_demo: Config) -> None:
    worlds, policy = generated(quick_demo, 8), HEURISTICS["greedy"](SEED)
    observation, num_ended = worlds.reset(), 0

    for _ in range(40):
        before = worlds.state.episode.copy()
        observation, result, outcomes = worlds.step(policy.act(worlds, observation))
        has_ended = result.terminated | result.truncated
        np.testing.assert_array_equal(worlds.state.episode, before + has_ended)
        np.testing.assert_array_equal(worlds.state.time_s[has_ended], 0.0)
        assert not worlds.state.ended.any()
        assert all(values.shape == (has_ended.sum(),) for values in outcomes.values())
        num_ended += has_ended.sum()

    assert num_ended > 8


@pytest.mark.parametrize("action", [-1, 2, 3])
def test_masked_action__is_refused_and_changes_nothing(quick_demo: Config, action: int) -> None:
    # Its second candidate does not exist: there is one target. 3 is beyond the candidates.
    worlds = given(quick_demo, [uav(1000, [10.0])], [target(3000, [10.0]), target(3500, [10.0])])
    worlds.state.target_remaining[0, 1] = 0.0
    worlds.observe()
    before = worlds.state_dict()

    with pytest.raises(ValueError, match="is masked; choose where action_mask is True"):
        worlds.advance(np.array([[action]], dtype=np.int16))

    for key, array in worlds.state_dict().items():
        np.testing.assert_array_equal(array, before[key])


def test_flight__is_straight_at_cruise_speed_and_uses_range(quick_demo: Config) -> None:
    worlds = given(quick_demo, [uav(1000, [50.0])], [target(3000, [50.0])])

    fly(worlds, [0])

    # 20 s at 25 m/s.
    np.testing.assert_allclose(worlds.state.uav_position_m[0, 0], [1500.0, 1000.0])
    assert worlds.state.uav_range_left_m[0, 0] == 8500.0
    assert worlds.state.uav_flown_m[0, 0] == 500.0


def test_waiting__hovers_without_using_range(quick_demo: Config) -> None:
    worlds = given(quick_demo, [uav(1000, [50.0])], [target(3000, [50.0])])

    fly(worlds, [-1])

    np.testing.assert_array_equal(worlds.state.uav_position_m[0, 0], [1000.0, 1000.0])
    assert worlds.state.uav_range_left_m[0, 0] == 9000.0
    assert worlds.state.time_s[0] == 20.0


def test_range__must_cover_the_straight_way(quick_demo: Config) -> None:
    worlds = given(quick_demo, [uav(1000, [50.0], range_m=1000.0)], [target(2000, [50.0]), target(2001, [50.0])])

    assert worlds.observe().candidates[0, 0].tolist() == [0, -1]


def test_range__ends_in_the_air(quick_demo: Config) -> None:
    # It flies away from the target at first: half a turn, 25 / 0.3 * pi = 262 m, costs more than the 100 m that the
    # capture radius saves. 400 m are flown after 16 s.
    worlds = given(quick_demo, [uav(1000, [50.0], heading_rad=np.pi, range_m=400.0)], [target(1400, [50.0])])

    fly(worlds, [0])

    state = worlds.state
    assert (state.uav_range_left_m[0, 0], state.uav_flown_m[0, 0], state.uav_choice[0, 0]) == (0.0, 400.0, -1)
    assert worlds.outcomes(state.ended)["deadlock_rate"].tolist() == [1.0]


def test_delivery__is_shared_by_what_each_brings(quick_demo: Config) -> None:
    weights = {"completion": 1.0, "share": 10.0}
    uavs = [uav(1000, [30.0, 0.0]), uav(1000, [60.0, 80.0])]
    worlds = given(quick_demo, uavs, [target(1400, [45.0, 20.0])], weights=weights)

    reward = fly(worlds, [0, 0])

    # Kind 0: 90 offered for 45, so each gives half: 15 and 30. Kind 1: 80 offered for 20: 0 and 20.
    np.testing.assert_allclose(worlds.state.delivered[0, :, 0], [[15.0, 0.0], [30.0, 20.0]])
    np.testing.assert_allclose(worlds.state.uav_resources[0], [[15.0, 0.0], [30.0, 60.0]])
    # Of 65 units, 15 and 50: the target closes, so completion pays 15/65 and 50/65, and share ten times as much.
    np.testing.assert_allclose(reward, [11 * 15 / 65, 11 * 50 / 65], rtol=1e-6)
    # 400 m less the capture radius at 25 m/s.
    assert worlds.state.target_closed_time_s[0, 0] == 12.0
    assert worlds.state.time_s[0] == 12.0


def test_delivery__goes_to_who_arrives_first(quick_demo: Config) -> None:
    uavs = [uav(1000, [40.0]), uav(900, [40.0])]
    worlds = given(quick_demo, uavs, [target(1400, [60.0]), target(4000, [20.0])], weights={"share": 60.0})

    reward = fly(worlds, [0, 0])

    # The first gives all its 40 after 300 / 25 = 12 s, the second the missing 20 after 400 / 25 = 16 s.
    np.testing.assert_allclose(worlds.state.uav_resources[0], [[0.0], [20.0]])
    np.testing.assert_allclose(reward, [40.0, 20.0])
    assert worlds.state.target_closed_time_s[0, 0] == 16.0


def test_closing__wastes_the_trip_of_who_is_under_way(quick_demo: Config) -> None:
    weights = {"waste": 1.0, "congestion": 1.0}
    uavs = [uav(1000, [40.0]), uav(500, [40.0])]
    worlds = given(quick_demo, uavs, [target(1400, [40.0]), target(4000, [40.0])], weights=weights)

    reward = fly(worlds, [0, 0])

    # One mean UAV of 40 would do, two were involved: crowding 2 / 1 - 1 = 1, half of it for each.
    np.testing.assert_allclose(reward, [-0.5, -1.5])
    assert worlds.state.uav_wasted_trips[0].tolist() == [0, 1]
    assert worlds.state.uav_choice[0].tolist() == [-1, -1]
    # It turned to hover when the target closed after 12 s.
    np.testing.assert_allclose(worlds.state.uav_position_m[0, 1], [500.0 + 12 * 25.0, 1000.0])


def test_reward__mixes_own_and_mean(quick_demo: Config) -> None:
    uavs = [uav(1000, [40.0]), uav(500, [40.0])]
    weights = {"share": 1.0, "own_weight": 0.25}
    worlds = given(quick_demo, uavs, [target(1400, [40.0]), target(4000, [40.0])], weights=weights)

    # Own: 1 and 0, mean 0.5.
    np.testing.assert_allclose(fly(worlds, [0, -1]), [0.25 + 0.75 * 0.5, 0.75 * 0.5])


def test_reward__pays_for_way_time_and_approach(quick_demo: Config) -> None:
    assert quick_demo.world.sensing_radius_m == 1500.0
    flown, passed, come_nearer = (
        fly(given(quick_demo, [uav(1000, [50.0])], [target(4000, [50.0])], weights={term: 1.0}), [0])[0]
        for term in ("path", "time", "approach")
    )

    # 500 m of 1500 m. Approach: the potential is 0 before there is a choice, and 2500 m to go after.
    np.testing.assert_allclose([flown, passed], [-500 / 1500, -1.0], rtol=1e-6)
    np.testing.assert_allclose(come_nearer, 500 / 1500, rtol=1e-5)


def test_termination__is_when_the_last_target_closes(quick_demo: Config) -> None:
    worlds = given(quick_demo, [uav(1000, [90.0]), uav(900, [1.0])], [target(1400, [90.0])], weights={"all_done": 3.0})

    result = worlds.advance(actions_to(worlds, [0, -1]))

    assert (result.terminated[0], result.truncated[0]) == (True, False)
    np.testing.assert_allclose(result.reward[0], [1.5, 1.5])
    outcomes = worlds.outcomes(worlds.state.ended)
    assert (outcomes["success_rate"][0], outcomes["satisfied_rate"][0], outcomes["makespan_s"][0]) == (1.0, 1.0, 12.0)
    # One target over 300 m flown.
    np.testing.assert_allclose(outcomes["efficiency_per_km"], 1.0 / 0.3, rtol=1e-6)


def test_truncation__is_at_the_time_limit_to_the_substep(quick_demo: Config) -> None:
    worlds = given(quick_demo, [uav(1000, [90.0])], [target(4000, [90.0])], time_limit_s=27.0)

    first = worlds.advance(actions_to(worlds, [0]))
    second = worlds.advance(actions_to(worlds, [0]))

    assert (first.truncated[0], second.truncated[0], second.terminated[0], second.deadlocked[0]) == (0, 1, 0, 0)
    assert worlds.state.time_s[0] == 27.0
    assert worlds.outcomes(worlds.state.ended)["timeout_rate"].tolist() == [1.0]


def test_truncation__is_when_nobody_can_help_any_more(quick_demo: Config) -> None:
    worlds = given(quick_demo, [uav(1000, [30.0])], [target(1400, [90.0])])

    result = worlds.advance(actions_to(worlds, [0]))

    assert (result.truncated[0], result.deadlocked[0], result.terminated[0]) == (True, True, False)
    outcomes = worlds.outcomes(worlds.state.ended)
    np.testing.assert_allclose(outcomes["completion_rate"], 1 / 3, rtol=1e-6)
    assert (outcomes["deadlock_rate"][0], outcomes["satisfied_rate"][0]) == (1.0, 0.0)


def test_ended_world__stands_still_without_reward(quick_demo: Config) -> None:
    worlds = given(quick_demo, [uav(1000, [30.0])], [target(1400, [90.0])], weights={"time": 1.0})
    fly(worlds, [0])
    worlds.observe()
    before = worlds.state_dict()

    result = worlds.advance(np.zeros((1, 1), dtype=np.int16))

    assert (result.reward[0, 0], result.terminated[0], result.truncated[0]) == (0.0, False, False)
    for key, array in worlds.state_dict().items():
        np.testing.assert_array_equal(array, before[key])


def test_without_replanning__a_uav_keeps_its_target_until_that_closes(quick_demo: Config) -> None:
    uavs, targets = [uav(1000, [50.0]), uav(900, [50.0])], [target(3000, [50.0]), target(1500, [50.0])]
    worlds = given(quick_demo, uavs, targets, replan=False)
    assert worlds.observe().decides[0].tolist() == [True, True]

    fly(worlds, [0, 1])

    # The first is under way; the second was held up by nothing: 500 m in 20 s put it 100 m before its target.
    observation = worlds.observe()
    assert observation.decides[0].tolist() == [False, False]
    assert observation.action_mask[0].sum(axis=-1).tolist() == [1, 1]
    assert worlds.state.uav_resources[0].tolist() == [[50.0], [0.0]]
