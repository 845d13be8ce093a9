"""What UAVs report, in the saved state of a world."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rl_cluster.api.worlds import make_worlds
from rl_cluster.config.schema import Config
from rl_cluster.environment.allocate.readings import take_readings
from rl_cluster.environment.scenario.scenario_file import SHIPPED_SCENARIOS, load_scenario
from rl_cluster.environment.shared.readings import Readings
from rl_cluster.errors import CallError
from rl_cluster.evaluation.named import heuristic_of

SCENARIO = load_scenario(SHIPPED_SCENARIOS["balanced"])


@pytest.fixture
def arrays(tiny: Config) -> dict[str, NDArray[Any]]:
    """After two decisions."""
    worlds, greedy = make_worlds(tiny, scenario=SCENARIO), heuristic_of("greedy", "allocate", 0)
    observation = worlds.reset()
    for _ in range(2):
        worlds.advance(greedy.act(worlds, observation))
        observation = worlds.observe()
    return worlds.state_dict()


def test_take_readings__without_any_changes_nothing(arrays: dict[str, NDArray[Any]]) -> None:
    before = {name: array.copy() for name, array in arrays.items()}

    take_readings(arrays, Readings())

    assert all(np.array_equal(arrays[name], array, equal_nan=True) for name, array in before.items())


def test_take_readings__of_what_was_predicted_changes_nothing(arrays: dict[str, NDArray[Any]]) -> None:
    before = {name: array.copy() for name, array in arrays.items()}

    take_readings(arrays, Readings(
        time_s=float(arrays["time_s"][0]), position_m=arrays["uav_position_m"][0],
        heading_rad=arrays["uav_heading_rad"][0], resources=arrays["uav_resources"][0],
        range_left_m=arrays["uav_range_left_m"][0], remaining=arrays["target_remaining"][0],
    ))  # fmt: skip

    assert all(np.array_equal(arrays[name], array, equal_nan=True) for name, array in before.items())


def test_take_readings__closes_a_target_and_frees_who_flies_to_it(arrays: dict[str, NDArray[Any]]) -> None:
    i = int(np.argmax(arrays["uav_choice"][0] >= 0))
    j = int(arrays["uav_choice"][0, i])
    remaining = arrays["target_remaining"][0].copy()
    remaining[j] = 0.0

    take_readings(arrays, Readings(time_s=77.0, remaining=remaining))

    assert arrays["target_closed_time_s"][0, j] == 77.0
    assert arrays["uav_choice"][0, i] == -1
    assert arrays["uav_service_ends_s"][0, i] == np.inf


def test_take_readings__opens_a_target_and_the_world_again(arrays: dict[str, NDArray[Any]]) -> None:
    arrays["target_closed_time_s"][:], arrays["target_remaining"][:], arrays["ended"][:] = 30.0, 0.0, True

    take_readings(arrays, Readings(remaining=SCENARIO.target_demand))

    assert np.isinf(arrays["target_closed_time_s"]).all()
    assert not arrays["ended"].any()


def test_take_readings__of_another_place_makes_the_uav_turn(arrays: dict[str, NDArray[Any]]) -> None:
    arrays["uav_course"][:] = 1
    position_m = arrays["uav_position_m"][0].copy()
    position_m[0] += 5.0

    take_readings(arrays, Readings(position_m=position_m))

    assert arrays["uav_course"][0].tolist() == [0] + [1] * (len(position_m) - 1)


@pytest.mark.parametrize(
    ("readings", "message"),
    [
        (Readings(position_m=[[1.0, 2.0]]), r"position_m: has shape \(1, 2\), but the scenario's is \(.*; give a"),
        (Readings(range_left_m=np.full(len(SCENARIO.uav_ids), np.nan)), "is not finite; leave out what was not read"),
        (Readings(resources=-SCENARIO.uav_resources), "is negative; give 0 for what is used up"),
        (Readings(time_s=-1.0), "readings.time_s: is negative"),
    ],
)  # fmt: skip
def test_take_readings__refuses(readings: Readings, message: str, arrays: dict[str, NDArray[Any]]) -> None:
    with pytest.raises(CallError, match=message):
        take_readings(arrays, readings)
