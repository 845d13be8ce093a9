"""Tasks that the package does not bring: known by settings, refused where they are not installed."""

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from rl_cluster.config.load import load_config, to_yaml
from rl_cluster.config.own_tasks import register_task, task_names
from rl_cluster.config.schema import TASKS
from rl_cluster.environment.allocate.task import ALLOCATE
from rl_cluster.environment.tasks import TASKS as RECORDS
from rl_cluster.environment.tasks import task_of
from rl_cluster.errors import ConfigError
from rl_cluster.sampling.network import make_model


def test_tasks__have_the_settings_of_their_record() -> None:
    assert {name: task.settings for name, task in RECORDS.items()} == TASKS


def test_load_config__knows_an_installed_task_and_its_preset(template: Any, tmp_path: Path) -> None:
    config = load_config("my_task", ["reward.calm=0.5"])

    assert type(config) is template.settings
    assert task_of(config) is template
    assert task_names() == ["allocate", "navigate", "my_task"]
    (tmp_path / "saved.yaml").write_text(to_yaml(config), encoding="utf-8")
    assert load_config(str(tmp_path / "saved.yaml")) == config
    assert type(make_model(config)).__name__ == "MyNetwork"


def test_load_config__names_keys_of_the_own_settings(template: Any) -> None:
    with pytest.raises(ConfigError, match=r"reward\.calmness=1"):
        load_config("my_task", ["reward.calmness=1"])
    with pytest.raises(ConfigError, match=r'reward\.calm="much"'):
        load_config("my_task", ['reward.calm="much"'])


def test_load_config__refuses_settings_of_a_task_that_is_not_installed(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("base: debug\ntask: gone\n", encoding="utf-8")

    with pytest.raises(ConfigError) as caught:
        load_config(str(path))

    assert str(caught.value) == (
        f'{path}: task: got "gone"; give one of allocate, navigate, or install the package that adds it'
    )


class NoNetwork:
    spec = config = None


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (ALLOCATE, "rl_cluster.tasks: allocate is the name of a built-in; give it another name"),
        (3, "task 3: has no name; make it by dataclasses.replace from a task of this package"),
        (
            replace(ALLOCATE, name="mine", settings=cast("Any", int)),
            "task mine: has settings that are no class of settings; make it",
        ),
    ],
    ids=["a built-in", "no task", "no settings"],
)
def test_register_task__refuses(task: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        register_task(task)

    assert str(caught.value).startswith(message)


def test_make_model__names_what_a_network_lacks(template: Any) -> None:
    register_task(replace(template, make_network=lambda config, spec: NoNetwork()))

    with pytest.raises(ConfigError, match="network of task my_task: has no state_dict; derive its class from Transf"):
        make_model(load_config("my_task"))
