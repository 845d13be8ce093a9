"""Rules of a model in words, place by place."""

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field

from rl_cluster.config.rules import rule_at


class Round(BaseModel):
    kind: Literal["round"] = "round"
    radius_m: Annotated[float, Field(gt=0.0, le=1e6)] = 1.0


class Angular(BaseModel):
    kind: Literal["angular"] = "angular"
    corners: Annotated[list[tuple[float, float]], Field(min_length=3, max_length=8)] = []


class Model(BaseModel):
    share: Annotated[float, Field(ge=0.0, lt=0.5)] = 0.0
    count: Annotated[int, Field(ge=1)] = 1
    number: float = 0.0
    is_on: bool = False
    mode: Literal["slow", "fast"] = "slow"
    name: Annotated[str, Field(max_length=20, min_length=1)] = "x"
    code: Annotated[str, Field(pattern="^[a-z]+$")] = "x"
    text: str = ""
    pair: tuple[Annotated[int, Field(ge=0)], int] = (0, 0)
    part: Round | None = None
    zones: Annotated[list[Annotated[Round | Angular, Field(discriminator="kind")]], Field(max_length=4)] = []


@pytest.mark.parametrize(
    ("location", "place", "words"),
    [
        (["share"], "share", "a finite number at least 0 and below 0.5"),
        (["count"], "count", "a whole number at least 1"),
        (["number"], "number", "a finite number"),
        (["is_on"], "is_on", "true or false"),
        (["mode"], "mode", "one of slow, fast"),
        (["name"], "name", "text of 1 to 20 characters"),
        (["code"], "code", "text that matches ^[a-z]+$"),
        (["text"], "text", "text"),
        (["pair"], "pair", "a list of 2, each a whole number at least 0"),
        (["pair", 0], "pair.0", "a whole number at least 0"),
        (["part"], "part", "a mapping with the keys kind, radius_m"),
        (["part", "radius_m"], "part.radius_m", "a finite number above 0 and at most 1000000"),
        (["zones"], "zones", "a list of 0 to 4, each a mapping whose kind is angular or round"),
        (["zones", 2, "round", "radius_m"], "zones.2.radius_m", "a finite number above 0 and at most 1000000"),
        (["zones", 0, "angular", "corners", 1], "zones.0.corners.1", "a list of 2, each a finite number"),
        (["part", "kind"], "part.kind", "one of round"),
    ],
)  # fmt: skip
def test_rule__in_words(location: list[int | str], place: str, words: str) -> None:
    rule = rule_at(Model, location)

    assert (rule.place, rule.words) == (place, words)


def test_rule__of_a_mapping_knows_its_keys() -> None:
    assert rule_at(Model, ["part"]).keys == ["kind", "radius_m"]
    assert rule_at(Model, ["count"]).keys == []


def test_place__that_is_none_is_an_error() -> None:
    with pytest.raises(KeyError):
        rule_at(Model, ["part", "width_m"])
