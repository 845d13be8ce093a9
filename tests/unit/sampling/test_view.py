"""A network keeps how it sees and chooses, and takes everything else from the worlds that it plays."""

import numpy as np

from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.environment.tasks import make_source
from rl_cluster.sampling.episodes import ModelPolicy, evaluate
from rl_cluster.sampling.network import make_model
from rl_cluster.sampling.view import VIEW, with_view_of

OTHER = ["world.sensing_radius_m=900.0", "world.num_candidates=3", "world.intent_rounds=2", "world.coalition=sync"]


def test_with_view_of__takes_the_view_alone() -> None:
    config, trained = load_config("quick_demo", ["world.capture_radius_m=90.0"]), load_config("quick_demo", OTHER)

    seen = with_view_of(config, trained)

    taken = {name for name, value in seen.world if value != getattr(config.world, name)}
    assert taken == {"sensing_radius_m", "num_candidates", "intent_rounds"}
    assert all(getattr(seen.world, name) == getattr(trained.world, name) for name in VIEW if hasattr(seen.world, name))
    assert seen.model_copy(update={"world": config.world}) == config


def test_with_view_of__keeps_one_round_where_no_choice_may_change() -> None:
    once = ["world.replan=false", "world.intent_rounds=1", "world.training_intent_rounds=1"]

    seen = with_view_of(load_config("quick_demo", once), load_config("quick_demo"))

    assert seen.world.intent_rounds == 1


def test_with_view_of__of_the_other_task_changes_what_there_is(tiny_navigate: Config) -> None:
    trained = load_config("navigate_demo", ["world.sensing_radius_m=333.0"])

    assert with_view_of(tiny_navigate, trained).world.sensing_radius_m == 333.0


def test_model_policy__plays_other_worlds_as_it_was_trained() -> None:
    """Worlds of another view give the scores of worlds that have the network's view."""
    trained = load_config(
        "quick_demo", ["world.sensing_radius_m=400.0", "world.intent_rounds=1", "model.precision=fp32"]
    )
    config, model = load_config("quick_demo", ["world.coalition=sync"]), make_model(trained)
    source, seen = make_source(config, 3, is_training=False), with_view_of(config, trained)

    own = evaluate(ModelPolicy(model, "argmax", trained=trained), source, config, 4)

    expected = evaluate(ModelPolicy(model, "argmax"), source, seen, 4)
    for name, values in own.items():
        np.testing.assert_array_equal(values, expected[name])
