from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rl_cluster.config.faults import Fault, dotted_keys, first_fault, unknown_key


class Wheel(BaseModel):
    model_config = ConfigDict(extra="forbid")
    radius_m: Annotated[float, Field(gt=0.0, le=2.0)]
    num_spokes: Annotated[int, Field(ge=1, lt=100)] = 8


class Bicycle(BaseModel):
    model_config = ConfigDict(extra="forbid")
    front: Wheel
    colour: Literal["red", "blue"] = "red"
    is_new: bool = True
    gears: tuple[int, int] = (1, 3)


VALID = {"front": {"radius_m": 0.3}}


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        ({"front": {"radius": 1}}, Fault("front.radius", "unknown key", "did you mean front.radius_m?")),
        ({"front": {}}, Fault("front.radius_m", "is missing", "give a finite number above 0 and at most 2")),
        ({}, Fault("front", "is missing", "give a mapping with the keys radius_m, num_spokes")),
        ({"front": {"radius_m": 9}}, Fault("front.radius_m", "got 9", "give a finite number above 0 and at most 2")),
        (
            {"front": {"radius_m": 1, "num_spokes": "x"}},
            Fault("front.num_spokes", 'got "x"', "give a whole number at least 1 and below 100"),
        ),
        ({**VALID, "colour": "green"}, Fault("colour", 'got "green"', "give one of red, blue")),
        ({**VALID, "is_new": None}, Fault("is_new", "got null", "give true or false")),
        ({**VALID, "gears": [1]}, Fault("gears.1", "is missing", "give a whole number")),
        ({**VALID, "gears": 1}, Fault("gears", "got 1", "give a list of 2, each a whole number")),
    ],
)
def test_fault__says_place_value_and_rule(data: object, fault: Fault) -> None:
    with pytest.raises(ValidationError) as caught:
        Bicycle.model_validate(data)

    assert first_fault(caught.value, Bicycle) == fault


def test_fault__shows_a_long_value_cut() -> None:
    with pytest.raises(ValidationError) as caught:
        Bicycle.model_validate({**VALID, "colour": "x" * 1000})

    assert len(first_fault(caught.value, Bicycle).what) < 80


@pytest.mark.parametrize(
    ("place", "remedy"),
    [
        ("front.num_spoke", "did you mean front.num_spokes?"),
        ("color", "did you mean colour?"),
        ("num_spokes", "did you mean front.num_spokes?"),
        ("frnt.radius_m", "did you mean front.radius_m?"),
        ("front.xyz", "choose one of radius_m, num_spokes"),
        ("zzz", "choose one of front, colour, is_new, gears"),
    ],
)
def test_unknown_key__offers_the_nearest(place: str, remedy: str) -> None:
    assert unknown_key(place.split("."), Bicycle) == Fault(place, "unknown key", remedy)


def test_dotted_keys__hold_sections_and_what_is_in_them() -> None:
    assert list(dotted_keys(Bicycle)) == ["front", "front.radius_m", "front.num_spokes", "colour", "is_new", "gears"]
