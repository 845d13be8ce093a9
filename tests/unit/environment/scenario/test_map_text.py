"""What spells a number or a list of numbers is read as such, and nothing else is."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rl_cluster.environment.scenario.form import TargetForm, UAVForm
from rl_cluster.environment.scenario.map_text import from_text, identifier
from rl_cluster.environment.scenario.zone_form import CircleForm

numbers = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(numbers, min_size=1, max_size=8))
def test_list__is_read_however_it_is_spelt(amounts: list[float]) -> None:
    parts = ", ".join(map(repr, amounts))

    for text in (parts, f"[{parts}]", f" [ {parts} ] ", f"({len(amounts)}:{parts})", list(map(repr, amounts))):
        assert from_text({"resources": text}, UAVForm) == {"resources": amounts}


@given(numbers)
def test_number__is_read_from_text_wherever_the_form_asks_for_one(number: float) -> None:
    for form, name in ((UAVForm, "range_m"), (UAVForm, "fails_s"), (TargetForm, "value"), (CircleForm, "radius_m")):
        assert from_text({name: repr(number)}, form) == {name: number}


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "()", "many", "50;40", "50 40", "[50, 40", "50, 40]", "[[50, 40]]", "(3:50,40)", "(2:50,40",
        "(:50,40)",
        "50,,40", "50,", "nan,1", "inf", "1_0,2", "٣,٤", "{50,40}", "[50, null]", "[true]", "0x10", "1e", "+-1",
        "5,0" * 999,
        {"a": 1}, True, None,
    ],
)  # fmt: skip
def test_text__that_spells_no_list_is_left_for_the_form_to_refuse(text: Any) -> None:
    assert from_text({"demand": text}, TargetForm) == {"demand": text}


@pytest.mark.parametrize(
    "text", ["", "nan", "Infinity", "1_000", "٣", "1,5", "[5]", "5 m", "0x10", "1" * 1001, True, None, []]
)
def test_text__that_spells_no_number_is_left_for_the_form_to_refuse(text: Any) -> None:
    assert from_text({"range_m": text}, UAVForm) == {"range_m": text}


def test_names_and_ids__stay_text() -> None:
    given_properties = {"id": "7", "unknown": "5"}

    assert from_text(given_properties, UAVForm) == given_properties


@pytest.mark.parametrize(
    ("given_id", "expected"), [("u1", "u1"), (7, "7"), (7.0, "7"), (-3, "-3"), (7.5, 7.5), (True, True), (1e300, 1e300)]
)
def test_identifier__is_text_of_a_whole_number(given_id: Any, expected: Any) -> None:
    assert identifier(given_id) == expected
    assert type(identifier(given_id)) is type(expected)
