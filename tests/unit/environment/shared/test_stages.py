"""Which world plays which stage: shares hold by steps, in any block of worlds, and episodes are of their stage."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import chisquare

from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.environment.scenario.scenario_file import load_scenario
from rl_cluster.environment.shared.stages import StageRanges, stages_of_worlds
from rl_cluster.environment.tasks import make_scenario_source, make_source
from rl_cluster.sampling.network import make_model
from rl_cluster.sampling.rollout import Rollout, make_rollout
from rl_cluster.types import StageMix

WORLDS = 240


@pytest.fixture(scope="module", params=["allocate", "navigate"])
def config(request: pytest.FixtureRequest) -> Config:
    """Three small stages in a large batch, short episodes."""
    stages = [
        {"num_uavs": [2, 2], "num_obstacles": [0, 0], "mix": [1.0, 0.0]},
        {"num_uavs": [3, 4], "num_obstacles": [0, 1], "mix": [0.7, 0.3]},
        {"num_uavs": [5, 6], "num_obstacles": [1, 1], "mix": [0.6, 0.4]},
    ]
    is_allocate = request.param == "allocate"
    for number, stage in enumerate(stages):
        stage.update({"pass_score": 0.5, **({"num_targets": [2 + number, 2 + number]} if is_allocate else {})})
    curriculum = {
        "pace": "aggressive",
        "metric": "normalized_completion_score" if is_allocate else "success_rate",
        "floor_share": 0.75, "grace": 2,
        "fallback_share": 0.6, "num_failures": 3, "max_fallbacks": 2, "lr_decay": 0.5, "stages": stages,
    }  # fmt: skip
    return load_config(
        "quick_demo" if is_allocate else "navigate_demo",
        [
            f"curriculum={curriculum}",
            "generator.num_uavs=[2, 6]",
            "generator.num_obstacles=[0, 1]",
            f"sampling.worlds_per_runner={WORLDS}",
            "sampling.fragment_steps=4",
            "ppo.minibatch_rows=32",
            "model.width=16",
            "world.time_limit_sides=1.0",
            *([] if is_allocate else ["generator.spacing_m=120.0"]),
        ],
    )


@pytest.fixture
def rollout(config: Config) -> Rollout:
    return make_rollout(config, 0, make_model(config))


def _stages(rollout: Rollout) -> NDArray[np.int64]:
    """By the number of UAVs: 2, 3 or 4, 5 or 6."""
    num_uavs: NDArray[np.int64] = rollout.worlds.state.uav_exists.sum(axis=1)
    return np.array([0, 0, 1, 2, 2, 3, 3])[num_uavs]


@pytest.mark.parametrize(("stage", "share", "expected"), [
    (1, 1.0, [1.0]), (2, 0.7, [0.3, 0.7]), (3, 0.6, [0.2, 0.2, 0.6]), (4, 0.5, [1 / 6, 1 / 6, 1 / 6, 0.5]),
])  # fmt: skip
def test_shares__hold_in_any_block_of_worlds(stage: int, share: float, expected: list[float]) -> None:
    for first in (0, 1000, 123456):
        for draw in range(5):
            stages = stages_of_worlds(StageMix(stage, share, draw), 7, np.arange(first, first + 256))
            counts = np.bincount(stages, minlength=stage + 1)[1:] / 256
            np.testing.assert_allclose(counts, expected, atol=0.02)


def test_which_worlds__is_drawn_anew_at_each_change() -> None:
    worlds = np.arange(1000)
    drawn = [stages_of_worlds(StageMix(2, 0.5, draw), seed, worlds) for seed in (0, 1) for draw in (1, 3)]

    for number, stages in enumerate(drawn):
        assert all((stages != other).any() for other in drawn[:number])


@pytest.mark.slow
def test_shares_of_steps__hold_while_worlds_play(config: Config, rollout: Rollout) -> None:
    rollout.set_mix(StageMix(3, 0.6, 2))
    steps = np.zeros(4)
    for _ in range(12):
        rollout.sample(4)
        steps += np.bincount(_stages(rollout), minlength=4)

    assert (rollout.worlds.state.episode > 0).mean() > 0.9  # nearly all worlds have begun more than one episode
    # Steps of one world are not independent: worlds are what was drawn.
    assert chisquare(steps[1:] / 12, WORLDS * np.array([0.2, 0.2, 0.6])).pvalue > 0.01


def test_run__begins_in_the_first_stage(rollout: Rollout) -> None:
    rollout.sample(4)

    assert (_stages(rollout) == 1).all()


def test_change__redraws_what_nobody_has_acted_in_and_lets_the_rest_end(config: Config, rollout: Rollout) -> None:
    mix = StageMix(2, 0.7, 1)
    expected = stages_of_worlds(mix, config.seed, np.arange(WORLDS))
    rollout.set_mix(mix)
    assert (_stages(rollout) == expected).all()

    rollout.sample(1)
    begun = rollout.worlds.state.decision > 0
    harder = StageMix(3, 0.6, 2)
    rollout.set_mix(harder)
    later = stages_of_worlds(harder, config.seed, np.arange(WORLDS))
    assert begun.any()
    assert (_stages(rollout) == np.where(begun, expected, later)).all()


def test_mixture__set_again_changes_nothing(rollout: Rollout) -> None:
    rollout.set_mix(StageMix(3, 0.6, 2))
    rollout.sample(8)
    before = {name: array.copy() for name, array in rollout.state_dict().items()}

    rollout.set_mix(StageMix(3, 0.6, 2))
    rollout.worlds.set_mix(StageMix(3, 0.6, 2))  # as after a resume: the worlds are there, the mixture comes again

    after = rollout.state_dict()
    assert all((array == after[name]).all() for name, array in before.items())


@pytest.mark.parametrize("num_runners", [1, 3])
def test_episodes__do_not_depend_on_the_number_of_runners(config: Config, num_runners: int) -> None:
    split = config.model_copy(
        update={"sampling": config.sampling.model_copy(update={"worlds_per_runner": WORLDS // num_runners})}
    )
    drawn = []
    for runner in range(num_runners):
        rollout = make_rollout(split, runner, make_model(split))
        rollout.set_mix(StageMix(3, 0.6, 2))
        drawn.append(rollout.worlds.state.uav_position_m)
    whole = make_rollout(config, 0, make_model(config))
    whole.set_mix(StageMix(3, 0.6, 2))

    np.testing.assert_array_equal(np.concatenate(drawn), whole.worlds.state.uav_position_m)


def test_evaluation_of_a_stage__draws_from_its_ranges_alone(config: Config) -> None:
    for stage, ranges in enumerate(config.curriculum.stages, start=1):
        source = make_source(config, config.seed, is_training=False, stage=stage)
        assert source.sizes.num_uavs == ranges.num_uavs[1]
    assert make_source(config, config.seed, is_training=False).sizes.num_uavs == 6


def test_stage_that_is_none__is_refused(config: Config, rollout: Rollout) -> None:
    for stage in (0, 4):
        with pytest.raises(ValueError, match=f"stage {stage} is not one of the 3 stages"):
            rollout.set_mix(StageMix(stage, 0.5, 1))
    with pytest.raises(ValueError, match="is not one of the 1 stages"):
        StageRanges([[(1, 2)]], seed=0).set_mix(StageMix(2))


def test_scenarios__have_no_stages() -> None:
    scenario = load_scenario(Path("rl_cluster/environment/scenario/shipped/small.yaml"))
    source = make_scenario_source(load_config("quick_demo"), [scenario], seed=0)

    with pytest.raises(ValueError, match="no stages"):
        source.set_mix(StageMix(2))
