"""Parts of a mixture: what they say and what they leave out, and how they are written."""

import copy
import pickle

import pytest

from rl_cluster.config.allocate_episodes import AllocateEpisodes
from rl_cluster.config.allocate_generator import WORLD_RULES, AllocatePart, parts_of
from rl_cluster.config.load import describe_origins, load_config, to_yaml, validated
from rl_cluster.config.schema import Config, json_schema
from rl_cluster.config.yaml_file import parse_yaml

TWO_PARTS = "generator.mixture=[{name: few, weight: 1.0, num_uavs: [2, 3]}, {name: sync, weight: 3.0, coalition: sync}]"


@pytest.fixture(scope="module")
def mixed() -> Config:
    return load_config("quick_demo", [TWO_PARTS])


def test_parts__hold_what_they_say_and_else_what_holds_outside(mixed: Config) -> None:
    few, sync = parts_of(mixed.generator, mixed.world)
    outside = mixed.generator.model_copy(update={"mixture": ()})

    assert [(part.name, part.share, part.place) for part in (few, sync)] == [
        ("few", 0.25, "generator.mixture.0"),
        ("sync", 0.75, "generator.mixture.1"),
    ]
    assert few.generator == outside.model_copy(update={"num_uavs": (2, 3)})
    assert few.world == mixed.world
    assert sync.generator == outside
    assert sync.world == mixed.world.model_copy(update={"coalition": "sync"})


def test_parts__without_a_mixture_are_one_that_holds_the_settings(quick_demo: Config) -> None:
    (part,) = parts_of(quick_demo.generator, quick_demo.world)

    assert (part.name, part.place, part.share) == ("", "", 1.0)
    assert (part.generator, part.world) == (quick_demo.generator, quick_demo.world)


def test_part__may_say_all_that_episodes_are_drawn_from_with_the_same_values_and_help() -> None:
    definitions = json_schema()["$defs"]
    of_part = definitions["AllocatePart"]["properties"]
    outside = definitions["AllocateGeneratorConfig"]["properties"] | definitions["AllocateWorldConfig"]["properties"]

    assert of_part.keys() == {"name", "weight", *AllocateEpisodes.model_fields, *WORLD_RULES}
    for name in of_part.keys() - {"name", "weight"}:
        (values,) = (choice for choice in of_part[name]["anyOf"] if choice != {"type": "null"})
        known = {key: value for key, value in outside[name].items() if key not in {"description", "title"}}
        assert values == known, name
        assert of_part[name]["description"] == outside[name]["description"], name


def test_part__is_written_as_it_was_given(mixed: Config) -> None:
    written = to_yaml(mixed)

    assert parse_yaml(written, "written")["generator"]["mixture"] == [
        {"name": "few", "weight": 1.0, "num_uavs": [2, 3]},
        {"name": "sync", "weight": 3.0, "coalition": "sync"},
    ]
    assert validated(parse_yaml(written, "written"), "written") == mixed
    assert pickle.loads(pickle.dumps(mixed)) == copy.deepcopy(mixed) == mixed


def test_mixture__has_one_origin() -> None:
    origins = {key: words for key, _, words in describe_origins("quick_demo", [TWO_PARTS])}

    assert origins["generator.mixture"] == f"{TWO_PARTS} on the command line"
    assert not [key for key in origins if key.startswith("generator.mixture.")]


def test_part__says_nothing_that_it_leaves_out() -> None:
    part = AllocatePart(name="plain", weight=1.0)

    assert part.model_dump() == {"name": "plain", "weight": 1.0}


def test_mixed__meets_every_rule_and_every_start() -> None:
    config = load_config("mixed")
    parts = parts_of(config.generator, config.world)

    assert {part.world.coalition for part in parts} == {"sum", "sync"}
    assert {part.world.resource_kind for part in parts} == {"consumed", "capability"}
    assert {"scattered", "pad", "pads", "mixed"} <= {part.generator.uav_start for part in parts}
    assert {part.generator.num_uavs for part in parts} == {(2, 8)}
    for name in (
        "appearing_share", "failing_share", "has_depot", "polygon_share", "equal_share", "single_skill_share"
    ):  # fmt: skip
        assert {bool(getattr(part.generator, name)) for part in parts} == {False, True}, name
