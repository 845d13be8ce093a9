"""What is wrong with given settings, in one line: the dotted place, the value got and the schema's rule for it.

The rules are read off the schema, so they are stated once. Which file or override the value came from is `load.py`'s
to say; another pydantic model than `Config` can be explained just as well.
"""

import difflib
import json
import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

__all__ = ["Fault", "dotted_keys", "first_fault", "unknown_key"]

MAX_SHOWN = 60


class Fault(NamedTuple):
    """The parts of an error's message, apart from the file."""

    place: str
    """Dotted; empty = the settings as a whole."""
    what: str
    remedy: str


def first_fault(error: ValidationError, model: type[BaseModel]) -> Fault:
    """The first thing that pydantic found wrong, unknown keys before all else: a typo explains a missing key.

    Args:
        error: What validation of `model` raised. A validator's own ValueError reads `<what>; <remedy>`.
        model: The model that was validated.
    """
    details = error.errors(include_url=False)
    detail = next((detail for detail in details if detail["type"] == "extra_forbidden"), details[0])
    place = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        return unknown_key(place, model)
    if detail["type"] == "value_error":
        what, _, remedy = str(detail["ctx"]["error"]).rpartition("; ")
        return Fault(place, what, remedy)
    rule = _rule(model.model_json_schema(), detail["loc"])
    if detail["type"] == "missing":
        return Fault(place, "is missing", f"give {rule}")
    return Fault(place, f"got {_shown(detail['input'])}", f"give {rule}")


def unknown_key(place: str, model: type[BaseModel]) -> Fault:
    """The fault of a dotted key that the model lacks, with the nearest key it has: beside it first, then anywhere."""
    section, _, name = place.rpartition(".")
    known = list(dotted_keys(model))
    beside = [key.rpartition(".")[2] for key in known if key.rpartition(".")[0] == section]
    near = [
        *(f"{section}.{key}".lstrip(".") for key in difflib.get_close_matches(name, beside, n=1)),
        *(key for key in known if key.rpartition(".")[2] == name),
        *(difflib.get_close_matches(place, known, n=1) if not beside else []),
    ]
    return Fault(
        place, "unknown key", f"did you mean {near[0]}?" if near else f"choose one of {', '.join(beside or known)}"
    )


def dotted_keys(model: type[BaseModel]) -> Iterator[str]:
    """Every key of the model and of the models within it, sections included: `ppo`, `ppo.lr`, .."""
    for name, field in model.model_fields.items():
        yield name
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from (f"{name}.{key}" for key in dotted_keys(field.annotation))


def _shown(value: Any) -> str:
    """The value as it stands in a file, in one line of bounded length."""
    text = json.dumps(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}.."


def _rule(schema: dict[str, Any], location: Sequence[int | str]) -> str:
    """What the JSON schema allows at a location, as words: `a number above 0 and at most 1`."""
    node = schema
    for part in location:
        if isinstance(part, int):
            node = node["prefixItems"][part] if "prefixItems" in node else node["items"]
        else:
            node = node["properties"][part]
        node = schema["$defs"][node["$ref"].rpartition("/")[2]] if "$ref" in node else node
    return _in_words(node)


def _in_words(node: dict[str, Any]) -> str:
    if "enum" in node:
        return f"one of {', '.join(node['enum'])}"
    match node["type"]:
        case "number" | "integer":
            return _number_in_words(node)
        case "boolean":
            return "true or false"
        case "array":
            return f"a list of {node['maxItems']}, each {_in_words(node['prefixItems'][0])}"
        case "object":
            return f"a mapping with the keys {', '.join(node['properties'])}"
    return f"text that matches {node['pattern']}"


def _number_in_words(node: dict[str, Any]) -> str:
    kind = "a whole number" if node["type"] == "integer" else "a finite number"
    bounds = [
        f"{words} {_bound(node[key])}"
        for key, words in (
            ("minimum", "at least"),
            ("exclusiveMinimum", "above"),
            ("maximum", "at most"),
            ("exclusiveMaximum", "below"),
        )
        if key in node
    ]
    return f"{kind} {' and '.join(bounds)}".rstrip()


def _bound(value: float) -> str:
    return str(int(value)) if math.isfinite(value) and value == int(value) else str(value)
