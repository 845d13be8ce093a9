"""A setting has an effect, or is refused: by one table of what it needs to have one."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import rl_cluster
from rl_cluster.config.capabilities import NEEDS, unmet_need
from rl_cluster.config.load import PRESETS, load_config, to_yaml, validated
from rl_cluster.config.yaml_file import read_yaml
from rl_cluster.errors import ConfigError

LACKING = {
    "engine=local": "quick_demo",
    "api_stack=old": "debug",
    "sampling.num_env_runners=0": "quick_demo",
    "learners.num_learners=0": "quick_demo",
    "sampling.mode=sync": "quick_demo",
    "task=allocate": "debug",
    "task=navigate": "navigate_demo",
    "ppo.imitation_weight=0": "debug",
    "controllers.kl_target=0": "debug",
    "controllers.plateau=none": "debug",
    "controllers.on_divergence=none": "debug",
    "curriculum.pace=aggressive": "curriculum_demo",
    "world.formation_radius_m=0": "navigate_demo",
    "generator.uav_start=scattered": "debug",
    "generator.scenarios=[]": "debug",
}
"""What takes effects away, and a preset that runs so."""
OTHER_VALUES: dict[str, Any] = {
    "world.choose_in_turn": True,
    "generator.depot_per_uav": "true",
    "generator.num_pads": [3, 4],
    "generator.row_gap_m": 30.0,
    "generator.vary.position_m": 50.0,
    "generator.vary.supply": [0.5, 2.0],
    "generator.vary.speed": [0.5, 1.0],
    "generator.vary.failing_share": 0.5,
    "generator.vary.extra_uavs": [-1, 1],
    "ppo.imitation_weight": 2.0,
    "sampling.searched_share": 0.75,
    "sampling.search_plans": 7,
    "world.training_intent_rounds": 2,
    "reward.own_weight": 0.9,
    "reward.collision": 0.9,
    "reward.formation": 0.9,
    "controllers.kl_target": 0.01,
    "controllers.kl_weight": 2.0,
    "controllers.kl_weight_range": [0.5, 2.0],
    "controllers.plateau_rounds": 4,
    "controllers.plateau_factor": 0.5,
    "controllers.max_restores": 7,
    "sampling.mode": "overlap",
    "sampling.max_lag": 7,
    "sampling.timeout_s": 9.0,
    "sampling.cpus_per_runner": 0.25,
    "sampling.gpus_per_runner": 0.5,
    "learners.num_learners": 1,
    "learners.min_learners": 1,
    "learners.cpus_per_learner": 2.0,
    "learners.part_rows": 8,
    "learners.memory_share": 0.4,
    "learners.empty_cache_share": 0.8,
    "model.compile": "blocks",
    "learners.timeout_s": 9.0,
    "training.max_restarts": 7,
}
CASES = [
    (preset, lack, key)
    for lack, preset in LACKING.items()
    for key in NEEDS
    if key != lack.partition("=")[0] and unmet_need(key, load_config(preset, [lack]))
]


def test_table__has_another_value_for_each_of_its_settings() -> None:
    assert OTHER_VALUES.keys() == NEEDS.keys()
    assert len(CASES) >= 20


@pytest.mark.parametrize(("preset", "lack", "key"), CASES)
def test_setting_without_effect__is_refused_where_the_user_has_set_it(
    preset: str, lack: str, key: str, tmp_path: Path
) -> None:
    value = OTHER_VALUES[key]
    *sections, name = key.split(".")
    text = f"base: {preset}\n{': {'.join([*sections, name])}: {value}{'}' * len(sections)}\n"
    file = tmp_path / "mine.yaml"
    file.write_text(text)

    for source, overrides in ((preset, [lack, f"{key}={value}"]), (str(file), [lack])):
        with pytest.raises(ConfigError) as caught:
            load_config(source, overrides)
        assert name in str(caught.value)
        assert caught.value.remedy


@pytest.mark.parametrize("preset", PRESETS)
def test_preset__runs_without_ray(preset: str) -> None:
    assert load_config(preset, ["engine=local"]).engine == "local"


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["debug", "quick_demo", "default", "low_memory", "navigate_demo"])
def test_preset__runs_on_the_old_stack(preset: str, tmp_path: Path) -> None:
    config = load_config(preset, ["api_stack=old"])

    saved = tmp_path / "config.yaml"
    saved.write_text(to_yaml(config))
    assert validated(read_yaml(saved), "saved") == load_config(str(saved)) == config


def test_value_of_the_preset__is_no_mistake_when_it_is_repeated() -> None:
    repeated = load_config("quick_demo", ["engine=local", "sampling.timeout_s=600"])

    assert repeated == load_config("quick_demo", ["engine=local"])


def test_saved_settings__load_whatever_effect_they_had(tmp_path: Path) -> None:
    given = load_config("quick_demo", ["sampling.timeout_s=77"])
    saved = tmp_path / "config.yaml"
    saved.write_text(to_yaml(given.model_copy(update={"engine": "local"})))

    assert validated(read_yaml(saved), "saved").sampling.timeout_s == 77
    with pytest.raises(ConfigError, match=r"sampling\.timeout_s: has no effect with engine=local"):
        load_config(str(saved))


def test_lag__without_remote_runners_is_refused_wherever_it_comes_from() -> None:
    with pytest.raises(ConfigError, match=r"sampling\.mode=overlap .*; set it to sync"):
        load_config("high_performance", ["sampling.num_env_runners=0"])


def _attributes(folder: Path) -> Iterator[str]:
    """Names of attributes that are read, and texts (for `getattr` and tables), outside of `config/`."""
    for path in folder.rglob("*.py"):
        if path.parent.name == "config" and path.parent.parent == folder:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute):
                yield node.attr
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


@pytest.mark.parametrize("preset", ["tune_demo", "curriculum_demo", "navigate_curriculum"])
def test_every_setting__is_read_outside_of_the_settings(preset: str) -> None:
    read = set(_attributes(Path(rl_cluster.__file__).parent))
    chosen_here = {
        "size",
        "pace",
        "first_seed",
        "num_seeds",
        "num_test_seeds",
        "depot_per_uav",
    }  # choose or make up other settings
    settings = load_config(preset).model_dump()

    def leaves(data: dict[str, Any]) -> Iterator[str]:
        for name, value in data.items():
            yield from leaves(value) if isinstance(value, dict) else [name]

    assert set(leaves(settings)) - read - chosen_here == set()
