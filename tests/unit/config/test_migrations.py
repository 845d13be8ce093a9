"""Settings of older versions mean what they meant; those of newer ones are refused."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rl_cluster.config.faults import dotted_keys
from rl_cluster.config.load import PRESETS, describe_origins, load_config, to_yaml, validated
from rl_cluster.config.migrations import (
    ADDED_BY_2,
    ADDED_BY_2_TO_ALLOCATE,
    ADDED_BY_3_TO_ALLOCATE,
    ADDED_BY_4,
    ADDED_BY_4_TO_ALLOCATE,
    ADDED_BY_5,
    ADDED_BY_6,
    FORMAT,
    UNNUMBERED,
    migrated,
    numbered,
)
from rl_cluster.config.schema import AllocateConfig, NavigateConfig
from rl_cluster.config.yaml_file import read_yaml
from rl_cluster.errors import ConfigError

STORED = Path(__file__).parents[2] / "stored"


@pytest.fixture
def first() -> dict[str, Any]:
    """What the first version saved."""
    data: dict[str, Any] = read_yaml(STORED / "format_1" / "first" / "config.yaml")
    return data


def test_migrated__adds_what_older_versions_did(first: dict[str, Any]) -> None:
    config = validated(first, "first", UNNUMBERED)

    assert (config.task, config.api_stack, config.curriculum, config.study) == ("allocate", "new", None, None)
    assert (config.world.coalition, config.world.intent_rounds, config.world.training_intent_rounds) == ("sum", 1, 1)
    assert (config.training.max_restarts, config.controllers.on_divergence) == (0, "none")
    assert config.learners.part_rows == config.ppo.minibatch_rows == 4


def test_migrated__leaves_what_is_there_and_its_argument(first: dict[str, Any]) -> None:
    before = json.dumps(first)
    new = migrated(first, 1)

    assert json.dumps(first) == before
    for name, section in first.items():
        assert new[name] == section or {key: new[name][key] for key in section} == section


@pytest.mark.parametrize("preset", PRESETS)
def test_migrated__changes_no_complete_settings(preset: str) -> None:
    data = load_config(preset).model_dump(mode="json")

    assert migrated(data, 1) == migrated(data, FORMAT) == data


def test_migrated__keeps_a_curriculum_that_had_no_floor() -> None:
    data = load_config("curriculum_demo").model_dump(mode="json")
    del data["curriculum"]["floor_share"], data["controllers"]["on_divergence"], data["world"]["training_intent_rounds"]
    config = validated(data, "older", UNNUMBERED)

    assert config.curriculum.floor_share is None
    assert config.world.training_intent_rounds == config.world.intent_rounds == 3


def test_migrated__loosens_what_is_refused_by_now_and_changes_nothing_that_is_learnt() -> None:
    data = load_config("debug", ["sampling.num_env_runners=0"]).model_dump(mode="json")
    del data["sampling"]["mode"]
    data["sampling"]["overlap"] = True
    data["monitoring"] |= {"node_interval_s": 1.0, "mlflow_uri": "https://me:secret@host"}
    config = validated(data, "older", UNNUMBERED)

    assert config.sampling.mode == "sync"
    assert (config.monitoring.node_interval_s, config.monitoring.mlflow_uri) == (5.0, "")


@pytest.mark.parametrize(("former", "mode"), [(True, "overlap"), (False, "sync")])
def test_migrated__takes_overlap_for_a_mode(former: bool, mode: str) -> None:
    data = load_config("quick_demo").model_dump(mode="json")
    del data["sampling"]["mode"], data["sampling"]["max_lag"]
    data["sampling"]["overlap"] = former

    assert validated(data, "older", 5).sampling.mode == mode


def test_added__are_settings() -> None:
    replaced = {"sampling.overlap"}
    added = {*ADDED_BY_2, *ADDED_BY_2_TO_ALLOCATE, *ADDED_BY_3_TO_ALLOCATE, *ADDED_BY_4, *ADDED_BY_4_TO_ALLOCATE}
    assert {*added, *ADDED_BY_5, *ADDED_BY_6} - replaced <= set(dotted_keys(AllocateConfig))
    assert {*ADDED_BY_4, *ADDED_BY_5} <= set(dotted_keys(NavigateConfig))


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=5), values, max_size=3),
)


@given(key=st.sampled_from(["task", "sampling", "monitoring", "curriculum", "world", "ppo", "learners"]), value=PLAIN)
def test_migrated__leaves_what_makes_no_sense_to_the_schema(key: str, value: Any) -> None:
    data = load_config("debug").model_dump(mode="json") | {key: value}

    with suppress(ConfigError):
        validated(data, "older", UNNUMBERED)


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_and_what_is_written__carry_the_number(preset: str) -> None:
    assert read_yaml(PRESETS[preset])["format"] == FORMAT
    assert to_yaml(load_config(preset)).startswith(f"format: {FORMAT}\n")


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (
            FORMAT + 1,
            rf"newer version of rl_cluster \(format {FORMAT + 1}; this one reads up to {FORMAT}\); install that",
        ),
        (0, f"has format '0', which is no format's number; give a number from 1 to {FORMAT}$"),
        ("x", "has format 'x', which is no format's number"),
        (None, "has format 'None', which is no format's number"),
        (True, "has format 'True', which is no format's number"),
        (1.5, "has format '1.5', which is no format's number"),
    ],
)
@pytest.mark.parametrize("base", [{}, {"base": "debug"}])
def test_number__that_cannot_be_read_is_refused(
    number: object, message: str, base: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "mine.json"
    file.write_text(json.dumps({**load_config("debug").model_dump(mode="json"), **base, "format": number}))

    with pytest.raises(ConfigError, match=message):
        load_config(str(file))
    with pytest.raises(ConfigError, match=message):
        validated({"format": number}, "saved")


def test_file_of_the_users_without_a_number__is_of_the_newest_format(first: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(first))
    with pytest.raises(ConfigError, match=r"mine\.json: task: is missing"):
        load_config(str(file))

    file.write_text(json.dumps({"format": 1, **first}))
    assert load_config(str(file)) == validated(first, "first", UNNUMBERED)


def test_file_with_a_base__takes_what_it_does_not_say_from_it(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("format: 1\nbase: debug\nname: mine\n")

    assert load_config(str(file)) == load_config("debug", ["name=mine"])


def test_origin__of_what_an_older_file_lacks_is_its_format() -> None:
    file = str(STORED / "format_1" / "first" / "config.yaml")
    words = {key: words for key, _, words in describe_origins(file)}

    assert words["controllers.on_divergence"] == f"{file}, whose format is older"
    assert words["ppo.clip"].startswith(f"{file} line ")


def test_numbered__puts_the_number_first() -> None:
    assert list(numbered({"name": "x"}).items()) == [("format", FORMAT), ("name", "x")]
