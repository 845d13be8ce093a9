"""A rung differs from training in size alone; scores lie between random and the reference, transfer is 1 at home."""

import math

import numpy as np
import pytest

from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.environment.tasks import TASKS, make_source, task_of
from rl_cluster.errors import ConfigError
from rl_cluster.evaluation.intervals import bootstrap_interval
from rl_cluster.evaluation.ladder import REGIMES, Ladder, Regime, Rung, climb, parse_sizes, rung_config
from rl_cluster.sampling.episodes import ModelPolicy, evaluate
from rl_cluster.sampling.network import make_model

pytestmark = pytest.mark.slow

PRESETS = ["quick_demo", "navigate_demo"]


def _tell_nobody(who: str, num_done: int) -> None:
    pass


def _density(config: Config) -> float:
    """Entities that are no zones, over area; every size of a rung is drawn with its high end."""
    world = make_source(config, 0, is_training=False)
    return float((world.sizes.num_uavs + world.sizes.num_targets) / _area_m2(config))


def _area_m2(config: Config) -> float:
    generator = config.generator
    count = generator.num_uavs[1]
    if config.task == "allocate":
        count = (count + generator.num_targets[1]) / 2
    return float(generator.spacing_m**2 * count)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("num_uavs", [1, 16, 100])
def test_constant_density__has_as_many_entities_for_each_area(preset: str, num_uavs: int) -> None:
    config = load_config(preset)

    rung = rung_config(config, num_uavs, "constant density")

    assert rung
    assert rung.generator.num_uavs == (num_uavs, num_uavs)
    assert _density(rung) == pytest.approx(_density(config))
    growth = num_uavs / config.generator.num_uavs[1]
    assert rung.generator.num_obstacles[1] == round(growth * config.generator.num_obstacles[1])


@pytest.mark.parametrize(("preset", "num_uavs"), [("quick_demo", 1), ("quick_demo", 1024), ("navigate_demo", 40)])
def test_fixed_area__has_the_area_of_training(preset: str, num_uavs: int) -> None:
    config = load_config(preset)

    rung = rung_config(config, num_uavs, "fixed area")

    assert rung
    assert _area_m2(rung) == pytest.approx(_area_m2(config))
    assert rung.generator.num_obstacles == (0, 0)


@pytest.mark.parametrize("regime", REGIMES)
def test_rung__of_the_training_size_differs_in_nothing_else(regime: Regime) -> None:
    config = load_config("quick_demo", ["generator.num_obstacles=[0, 0]"])

    rung = rung_config(config, 8, regime)

    assert rung
    sizes = {"num_uavs": (8, 8), "num_targets": (8, 8)}
    assert rung == config.model_copy(update={"generator": config.generator.model_copy(update=sizes)})


@pytest.mark.parametrize("regime", REGIMES)
def test_rung_of_a_mixture__has_parts_that_grow_from_their_own_sizes(regime: Regime) -> None:
    parts = "[{name: few, weight: 1.0, num_uavs: [2, 4], num_targets: [2, 8]}, {name: zones, weight: 1.0}]"
    config = load_config("quick_demo", [f"generator.mixture={parts}"])

    rung = rung_config(config, 16, regime)

    assert rung
    few, zones = rung.generator.by_part
    assert (few.num_uavs, few.num_targets) == ((16, 16), (32, 32))
    assert (zones.num_uavs, zones.num_targets) == ((16, 16), (16, 16))
    is_denser = regime == "fixed area"
    assert [part.num_obstacles for part in (few, zones)] == ([(0, 0)] * 2 if is_denser else [(0, 8), (0, 4)])
    assert few.spacing_m == pytest.approx(1500.0 / (2.0 if is_denser else 1.0))


def test_fixed_area__has_no_room_for_too_many() -> None:
    assert rung_config(load_config("navigate_demo"), 4000, "fixed area") is None


def test_climb__scores_everybody_on_the_same_episodes(tiny_of_task: Config) -> None:
    config, model = tiny_of_task, make_model(tiny_of_task).eval()
    headline = task_of(config).headline

    ladder = climb([model], config, "constant density", [2, 5, 2], 7, _tell_nobody)

    assert [rung.num_uavs for rung in ladder.rungs] == [2, 3, 5]
    assert (ladder.trained_on, ladder.metric, ladder.reference) == (3, headline, task_of(config).reference)
    rung_5 = rung_config(config, 5, "constant density")
    assert rung_5
    source = make_source(rung_5, 7, is_training=False)
    known = task_of(config).heuristics
    policies = [ModelPolicy(model, "argmax", 7), known["random"](7), known[ladder.reference](7)]
    for column, policy in enumerate(policies):
        scores = evaluate(policy, source, rung_5, 10)[headline.name]
        np.testing.assert_array_equal(ladder.rungs[2].headline[:10, column], scores)
    np.testing.assert_array_equal(ladder.rungs[2].of_each[:, 0], ladder.rungs[2].headline[:, 0])


def test_climb__takes_the_mean_of_several_networks(tiny: Config) -> None:
    models = [make_model(tiny.model_copy(update={"seed": seed})).eval() for seed in (0, 1)]

    together = climb(models, tiny, "constant density", [4], 7, _tell_nobody)

    alone = [climb([model], tiny, "constant density", [4], 7, _tell_nobody) for model in models]
    for number, rung in enumerate(together.rungs):
        own = [ladder.rungs[number].headline for ladder in alone]
        np.testing.assert_array_equal(rung.of_each, np.column_stack([headline[:, 0] for headline in own]))
        np.testing.assert_allclose(rung.headline, np.mean(own, axis=0))
        expected = [float(ladder.transfer(ladder.rungs[number]).mean) for ladder in alone]
        assert together.transfer_of_each(rung) == pytest.approx(expected, nan_ok=True)


def test_climb__names_the_sizes_that_have_no_room(tiny_navigate: Config) -> None:
    ladder = climb([make_model(tiny_navigate).eval()], tiny_navigate, "fixed area", [4000], 0, _tell_nobody)

    assert ladder.without_room == (4000,)
    assert [rung.num_uavs for rung in ladder.rungs] == [3]


def _ladder(*shares: float) -> Ladder:
    """Rungs whose policy stands at these shares of the way from random to reference, in every episode."""
    episodes = np.linspace(0.0, 0.1, 40)
    rungs = [
        Rung(
            num_uavs=8 * 2**number,
            headline=np.stack([episodes + 0.2 + 0.4 * share, episodes + 0.2, episodes + 0.6], axis=1),
            of_each=episodes[:, None] + 0.2 + 0.4 * np.array([share, share - 0.1]),
            collisions=bootstrap_interval(np.zeros(40)),
        )
        for number, share in enumerate(shares)
    ]
    return Ladder("fixed area", TASKS["navigate"].headline, "orca", 8, tuple(rungs), ())


def test_ladder__of_a_hand_computed_case() -> None:
    ladder = _ladder(0.8, 0.6, 0.3)

    assert [float(ladder.rungs[number].score.mean) for number in range(3)] == pytest.approx([0.8, 0.6, 0.3])
    transfers = [ladder.transfer(rung) for rung in ladder.rungs]
    assert [float(transfer.mean) for transfer in transfers] == pytest.approx([1.0, 0.75, 0.375])
    # What all three share in an episode cancels: the interval has no width.
    assert [float(transfer.high - transfer.low) for transfer in transfers] == pytest.approx([0.0] * 3)
    assert [ladder.is_failure(rung) for rung in ladder.rungs] == [False, False, True]
    assert ladder.transfer_of_each(ladder.rungs[1]) == pytest.approx([0.6 / 0.8, 0.5 / 0.7])


def test_ladder__whose_reference_is_no_better_than_random_says_nothing() -> None:
    rung = _ladder(0.8).rungs[0]._replace(headline=np.full((4, 3), 0.5), num_uavs=16)
    ladder = Ladder("fixed area", TASKS["navigate"].headline, "orca", 8, (_ladder(0.8).rungs[0], rung), ())

    assert math.isnan(rung.score.mean)
    assert np.isnan(ladder.transfer_of_each(rung)).all()
    assert ladder.is_failure(rung)


def test_parse_sizes__takes_a_list() -> None:
    assert parse_sizes("3,4, 1024") == [3, 4, 1024]


@pytest.mark.parametrize("text", ["", "0", "-3", "4,,8", "5000", "8.0", "eight", "²", "9" * 5000])
def test_parse_sizes__refuses_what_is_no_size(text: str) -> None:
    with pytest.raises(ConfigError, match=r"--ladder: got .*; write numbers from 1 to 4096, as 8,16,32"):
        parse_sizes(text)
