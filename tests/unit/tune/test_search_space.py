"""From ranges to samples and back, and from a sample to settings."""

import math

import pytest

from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.errors import ConfigError
from rl_cluster.tune.search_space import apply_sample, check_space, linear_bounds, sampled, searched, study_of


def study(search: str = "random", key: str = "ppo.lr", low: float = 1e-4, high: float = 1e-2) -> Config:
    """One dimension by its logarithm, one on a linear scale."""
    dimensions = (
        f"[{{key: {key}, low: {low}, high: {high}, log: true}}, {{key: ppo.clip, low: 0.1, high: 0.3, log: false}}]"
    )
    return load_config("tune_demo", [f"study.search={search}", "study.scheduler=none", f"study.space={dimensions}"])


def test_bounds__of_a_logarithmic_dimension_are_logarithms() -> None:
    assert linear_bounds(study()) == {
        "log10 ppo.lr": pytest.approx([-4.0, -2.0]),
        "ppo.clip": [0.1, 0.3],
    }


@pytest.mark.parametrize("search", ["random", "pb2"])
def test_sample__makes_a_round_trip(search: str) -> None:
    sample = {"ppo.lr": 3e-4, "ppo.clip": 0.2}

    values = searched(study(search), sample)

    assert ("log10 ppo.lr" in values) == (search == "pb2")
    assert sampled({**values, "run": "demo", "live": True}) == pytest.approx(sample)


def test_search__on_a_linear_scale_sees_values_within_its_bounds() -> None:
    config = study("pb2")
    values = searched(config, {"ppo.lr": 1e-3, "ppo.clip": 0.1})

    for key, (low, high) in linear_bounds(config).items():
        assert low <= values[key] <= high
    assert values["log10 ppo.lr"] == pytest.approx(math.log10(1e-3))


def test_sample__is_put_in_place_as_each_setting_needs() -> None:
    """A number as it is, a whole number rounded, of a pair the first: the last keeps its ratio to that."""
    config = load_config("tune_demo", ["generator.cruise_mps=[20, 30]"])

    changed = apply_sample(config, {"ppo.clip": 0.25, "ppo.num_epochs": 2.6, "generator.cruise_mps": 24.0})

    assert changed.ppo.clip == 0.25
    assert changed.ppo.num_epochs == 3
    assert changed.generator.model_dump()["cruise_mps"] == pytest.approx((24.0, 36.0))
    assert changed.world == config.world


def test_sample__that_is_not_allowed_is_refused_by_its_values() -> None:
    with pytest.raises(ConfigError, match=r"trial with ppo\.clip=-1"):
        apply_sample(study(), {"ppo.clip": -1.0})


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("ppo.learning_rate", "is no setting"),
        ("world.lr", "did you mean ppo.lr"),
        ("study.seeds", "is no setting"),
        ("seed", "cannot be searched"),
        ("engine", "is no number"),
        ("model.gradient_checkpointing", "is no number"),
    ],
)
def test_dimension__that_names_no_number_is_refused(key: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_space(study(key=key))

    assert words in str(caught.value)


def test_end_of_a_dimension__must_be_allowed() -> None:
    check_space(study())
    with pytest.raises(ConfigError, match=r"trial with ppo\.lr=1000"):
        check_space(study(high=1000.0))


def test_settings__without_a_study_are_refused(quick_demo: Config) -> None:
    with pytest.raises(ConfigError, match="begin from a preset that has a study"):
        study_of(quick_demo)
