"""Illegal actions are mended as documented; scenarios are padded to the settings' sizes, or refused."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from rl_cluster.config.load import load_config
from rl_cluster.environment.faces.face import Face, Setup, load_setup, make_legal
from rl_cluster.environment.scenario.scenario_file import SHIPPED_SCENARIOS, load_scenario
from rl_cluster.environment.tasks import make_source, make_worlds
from rl_cluster.errors import CallError, ConfigError, ScenarioError
from rl_cluster.types import Observation

SEED = 3


def masked(*rows: list[int]) -> Observation[NDArray[np.bool_]]:
    """One world, of which only action mask and `decides` matter."""
    mask = np.array([rows], dtype=np.bool_)
    empty = dict.fromkeys(Observation._fields, np.zeros(0, dtype=np.bool_))
    return Observation(**{**empty, "action_mask": mask, "decides": np.any(mask, axis=2)})


@pytest.mark.parametrize(
    ("action", "legal", "is_illegal"),
    [
        pytest.param(2, 2, False, id="legal"),
        pytest.param(1, 0, True, id="masked"),
        pytest.param(3, 0, True, id="unknown"),
        pytest.param(-1, 0, True, id="negative"),
    ],
)
def test_make_legal__waits_instead(action: int, legal: int, is_illegal: bool) -> None:
    actions, flags = make_legal(np.array([[action]]), masked([1, 0, 1]), num_controls=0)

    assert (actions.tolist(), flags.tolist()) == ([[legal]], [[is_illegal]])
    assert actions.dtype == np.int16


def test_make_legal__takes_the_only_legal_action_where_waiting_is_none() -> None:
    actions, flags = make_legal(np.array([[0, 2]]), masked([0, 0, 1], [0, 0, 1]), num_controls=0)

    assert (actions.tolist(), flags.tolist()) == ([[2, 2]], [[True, False]])


def test_make_legal__clips_controls() -> None:
    controls = np.array([[[0.1, -1.0], [1.5, 0.0], [0.0, -1e300], [2.0, 2.0]]])
    observation = masked([1], [1], [1], [0])

    actions, flags = make_legal(controls, observation, num_controls=2)

    expected = np.array([[[0.1, -1.0], [1.0, 0.0], [0.0, -1.0], [1.0, 1.0]]], dtype=np.float32)
    np.testing.assert_array_equal(actions, expected)
    assert flags.tolist() == [[False, True, True, False]]  # the last UAV does not decide
    assert actions.dtype == np.float32


@pytest.mark.parametrize("num_controls", [0, 2])
def test_make_legal__refuses_another_shape(num_controls: int) -> None:
    with pytest.raises(CallError, match="give one to every UAV of every world"):
        make_legal(np.zeros((1, 3), dtype=np.int64), masked([1, 1], [1, 1]), num_controls)


def test_face__plays_the_worlds_of_the_seed() -> None:
    config = load_config("quick_demo")
    worlds = make_worlds(config, make_source(config, SEED, is_training=True), num_worlds=2)
    face = Face(Setup(config), num_worlds=2)

    first, again = worlds.reset(), face.begin(SEED, np.random.default_rng(0))
    worlds.give_up(np.ones(2, dtype=np.bool_))
    worlds.reset_ended()
    second, after = worlds.observe(), face.begin(None, np.random.default_rng(0))

    for expected, observation in ((first, again), (second, after)):
        for name, array in expected._asdict().items():
            np.testing.assert_array_equal(getattr(observation, name), array)


def test_face__draws_a_seed_where_none_is_given() -> None:
    setup = Setup(load_config("quick_demo"))

    starts = [Face(setup, num_worlds=1).begin(None, np.random.default_rng(seed)).position for seed in (1, 1, 2)]

    np.testing.assert_array_equal(starts[0], starts[1])
    assert not np.array_equal(starts[0], starts[2])


def test_face__pads_a_scenario_to_the_settings() -> None:
    setup = load_setup("quick_demo", scenario=str(SHIPPED_SCENARIOS["small"]))
    alone = Face(Setup(setup.config), num_worlds=1).observation

    face = Face(setup, num_worlds=1)

    scenario = load_scenario(SHIPPED_SCENARIOS["small"])
    assert face.worlds.state.uav_exists.sum() == scenario.sizes.num_uavs
    np.testing.assert_allclose(
        face.worlds.state.uav_position_m[0, : scenario.sizes.num_uavs], scenario.uav_position_m, rtol=1e-6
    )
    assert [array.shape for array in face.observation] == [array.shape for array in alone]


@pytest.mark.parametrize(
    ("overrides", "remedy"),
    [
        pytest.param(["generator.num_uavs=[1, 2]"], r"generator\.num_uavs=\[1, {uavs}\]", id="uavs"),
        pytest.param(["generator.num_targets=[1, 2]"], r"generator\.num_targets=\[1, {targets}\]", id="targets"),
        pytest.param(["generator.num_resources=3"], r"generator\.num_resources={resources}", id="resources"),
    ],
)
def test_face__refuses_a_scenario_that_does_not_fit(overrides: list[str], remedy: str) -> None:
    sizes = load_scenario(SHIPPED_SCENARIOS["small"]).sizes
    override = remedy.format(uavs=sizes.num_uavs, targets=sizes.num_targets, resources=sizes.num_resources)

    with pytest.raises(ScenarioError, match=override):
        Face(load_setup("quick_demo", overrides, str(SHIPPED_SCENARIOS["small"])), num_worlds=1)


def test_setup__is_refused_for_another_task() -> None:
    with pytest.raises(ConfigError, match="make rl_cluster/Allocate-v0"):
        load_setup("quick_demo", task="navigate")


def test_setup__names_a_scenario_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"absent\.yaml"):
        load_setup("quick_demo", scenario=str(tmp_path / "absent.yaml"))
