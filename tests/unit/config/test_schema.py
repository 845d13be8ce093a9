from collections.abc import Iterator

import pytest
from pydantic import BaseModel, ValidationError

from rl_cluster.config.load import load_config
from rl_cluster.config.schema import TASKS, Config, json_schema
from rl_cluster.errors import ConfigError


def _sections(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield model
    for field in model.model_fields.values():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _sections(field.annotation)


SECTIONS = list(dict.fromkeys(section for task in TASKS.values() for section in _sections(task)))


@pytest.mark.parametrize("section", SECTIONS)
def test_section__explains_itself_and_every_value_and_has_no_default(section: type[BaseModel]) -> None:
    values = {name: field for name, field in section.model_fields.items() if field.annotation not in SECTIONS}

    assert section.__doc__
    assert [name for name, field in values.items() if not field.description] == []
    assert [name for name, field in section.model_fields.items() if not field.is_required()] == []


def test_config__is_frozen(quick_demo: Config) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        quick_demo.seed = 1  # type: ignore[misc]  # settings are frozen, as it shows


@pytest.mark.parametrize(("num_env_runners", "rows"), [(0, 4 * 2), (1, 4 * 2), (3, 3 * 4 * 2)])
def test_train_batch__is_runners_times_worlds_times_steps(num_env_runners: int, rows: int) -> None:
    overrides = ["sampling.worlds_per_runner=4", "sampling.fragment_steps=2", "ppo.minibatch_rows=4"]

    config = load_config("debug", [*overrides, f"sampling.num_env_runners={num_env_runners}"])

    assert config.train_batch_rows == rows


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["generator.cruise_mps=[30, 20]"], r"cruise_mps=\[30.0, 20.0\] has its low end above .*; write \[low, high\]"),
        (["generator.speed_share=[1.1, 2]"], r"speed_share must hold 1.0 .*; write for example \[0.6, 1.5\]"),
        (["world.substep_s=3"], r"decision_interval_s=20.0 is not 1 to 10000 times substep_s=3.0; choose a substep"),
        (["world.decision_interval_s=1e7", "world.substep_s=1e-3"], r"is not 1 to 10000 times .*; choose a substep"),
        (["world.substep_s=40"], r"is not 1 to 10000 times substep_s=40.0; choose"),
        (["world.intent_rounds=2", "world.replan=false"], r"more than one round of intent .*; set replan=true, or"),
        (["api_stack=old", "engine=local"], r"api_stack=old is a part of RLlib, .*; set engine=ray"),
        (["api_stack=old", "learners.num_learners=1"], r"api_stack=old has no Learners: .*; set learners.num_learners"),
        (["api_stack=old", "learners.gpus_per_learner=0.5"], r"one tower on each GPU; set a whole number"),
        (["learners.num_learners=33"], r"num_learners=33: the 32 worlds of all env runners .*; set 32 or less"),
        (["learners.gpus_per_learner=2"], r"gpus_per_learner=2: a Learner trains on one GPU; set 1 or less"),
        (["model.num_heads=5"], r"width=32 is not divisible by num_heads=5; choose a multiple"),
        (["ppo.minibatch_rows=100"], r"does not divide the train batch of 512 rows; the nearest that does is 128"),
        (
            ["sampling.gpus_per_runner=0.5", "sampling.num_env_runners=0"],
            r"gpus_per_runner=0.5 is for remote env runners",
        ),
        # 30 m/s * 0.6 / 0.05 rad/s = 360 m
        (
            ["world.max_turn_rate_radps=0.05"],
            r"below the turn radius of 360 m .*; raise it, or lower generator.speed_share",
        ),
        (
            ["generator.spacing_m=500"],
            r"= 300 m does not fit half of the smallest placement cell of \d+ m; make the obstacles smaller or fewer",
        ),
    ],
)
def test_joint_rule__is_held(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config("debug", overrides)


def test_smallest_cell__by_hand() -> None:
    # 4 to 16 UAVs and targets, 2 obstacles: the worst is 4 of them, side 1500 sqrt(4 / 2) m in ceil(sqrt(6)) = 3 cells
    assert load_config("quick_demo").generator.smallest_cell_m == pytest.approx(1500.0 * 2.0**0.5 / 3)


def test_obstacles__may_have_any_size_where_there_are_none() -> None:
    config = load_config("debug", ["generator.spacing_m=500", "generator.num_obstacles=[0, 0]"])

    assert config.generator.spacing_m == 500.0


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["world.speed_mps=[30, 20]"], r"speed_mps=\[30.0, 20.0\] has its low end above .*; write \[low, high\]"),
        (["world.warning_distance_m=7"], r"warning_distance_m=7.0 is below collision_distance_m=8.0; raise it"),
        # side 40 m * 2, at most 2 * 4 + 5 entities in 4 * 4 cells of 20 m; zones of 24 m and 14 m for the warning
        (
            ["generator.spacing_m=40"],
            r"smallest placement cell of 20 m does not hold .*, 38 m; raise generator.spacing_m",
        ),
    ],
)
def test_rule_of_navigate__is_held(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config("navigate_demo", overrides)


def test_navigate__needs_no_room_for_zones_that_there_are_none_of() -> None:
    config = load_config("navigate_demo", ["generator.spacing_m=40", "generator.num_obstacles=[0, 0]"])

    # 2 * 4 entities in 3 * 3 cells
    assert config.generator.smallest_cell_m == pytest.approx(80.0 / 3.0)


def test_json_schema__has_an_alternative_for_every_task() -> None:
    schema = json_schema()

    assert schema["discriminator"]["mapping"].keys() == TASKS.keys()
    assert {"AllocateWorldConfig", "NavigateWorldConfig", "PPOConfig"} <= schema["$defs"].keys()
