"""Every setting can be explained from the schema alone, in lines of at most 80 columns."""

import pytest

from rl_cluster.config.explain import commented, explain, list_settings, settings_of
from rl_cluster.config.faults import dotted_keys
from rl_cluster.config.load import PRESETS, load_config, to_yaml
from rl_cluster.config.schema import TASKS
from rl_cluster.config.yaml_file import parse_yaml
from rl_cluster.errors import ConfigError


@pytest.mark.parametrize("task", TASKS)
def test_settings__are_all_keys_each_with_its_effect(task: str) -> None:
    settings = list(settings_of(TASKS[task]))

    assert [one.key for one in settings] == list(dotted_keys(TASKS[task]))
    assert [one.key for one in settings if not one.effect] == []


@pytest.mark.parametrize(
    "key", [*(one.key for one in list_settings()[::25]), "ppo", "generator.mixture.num_pads", "study.space.low"]
)
def test_explain__fits_80_columns_whatever_the_key(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rl_cluster.config.explain.PRESETS", {"debug": PRESETS["debug"]})  # it loads them all

    lines = explain(key)

    assert lines[0] == key
    assert len(lines) > 1
    assert max(map(len, lines)) <= 80


def test_explain__tells_effect_range_unit_and_the_values_of_presets() -> None:
    assert explain("world.decision_interval_s") == [
        "world.decision_interval_s",
        "  task allocate:",
        "  Seconds between two choices of every UAV.",
        "  give: a finite number at least 0.001 and at most 10000000",
        "  unit: seconds",
        "  presets: 20.0 in all that have it",
    ]


def test_explain__tells_presets_apart() -> None:
    words = " ".join(" ".join(explain("training.iterations")).split())

    assert "10 in dev; " in words
    assert "give: a whole number at least 1" in words


def test_explain__of_a_section_lists_what_is_in_it() -> None:
    lines = explain("ppo")

    assert lines[1] == "  Proximal policy optimisation per UAV (Schulman et al. 2017, arXiv 1707.06347)."
    assert "ppo.clip" in lines


def test_explain__reaches_the_members_of_a_list() -> None:
    assert "  give: a finite number at least 0.001 and at most 1" in explain("curriculum.stages.pass_score")


@pytest.mark.parametrize(("key", "remedy"), [("ppo.lrr", "did you mean ppo.lr?"), ("clip", "did you mean ppo.clip?")])
def test_explain__of_no_setting_offers_the_nearest(key: str, remedy: str) -> None:
    with pytest.raises(ConfigError, match=f"{key}: is no setting; {remedy}"[:-1]):
        explain(key)


@pytest.mark.usefixtures("template")
def test_explain__knows_the_settings_of_an_installed_task(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rl_cluster.config.explain.PRESETS", {"debug": PRESETS["debug"]})

    assert explain("reward.calm") == [
        "reward.calm",
        "  task my_task:",
        "  minus this for each radian that a UAV's heading has changed since the last",
        "  decision",
        "  give: a finite number",
        "  presets: 0.01 in all that have it",
    ]
    assert "task" not in " ".join(explain("ppo.clip"))  # it is the same in all
    assert "reward.calm" in [one.key for one in list_settings("reward")]
    with pytest.raises(ConfigError, match=r"reward\.clam: is no setting; did you mean reward\.calm\?"):
        explain("reward.clam")


@pytest.mark.parametrize("preset", PRESETS)
def test_commented__settings_are_the_same_settings(preset: str) -> None:
    config = load_config(preset)
    plain = to_yaml(config)

    text = commented(plain, config)

    assert parse_yaml(text, "commented") == parse_yaml(plain, "plain")
    assert [line for line in text.splitlines() if not line.lstrip().startswith("#")] == plain.splitlines()
    assert text.count("#") > 100
