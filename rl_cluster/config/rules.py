"""Describes what a pydantic model allows at one of its places, from its JSON schema, so that rules are stated once."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel

__all__ = ["Rule", "rule_at"]


class Rule(NamedTuple):
    """The values that are allowed at a place."""

    place: str
    """Dotted."""
    words: str
    """`a finite number above 0 and at most 1`"""
    keys: list[str]
    """The keys of a mapping; empty for anything else."""


def rule_at(model: type[BaseModel], location: Sequence[int | str]) -> Rule:
    """The rule of one place. Raises KeyError if the model has no such place.

    Args:
        model: Whose fields are numbers, text, lists, other models, or one of several models told apart by a field.
        location: As in pydantic's errors: fields, list positions and the kinds of models that are told apart.
    """
    schema = model.model_json_schema()
    node, parts = schema, list[str]()
    for part in location:
        kinds = node.get("discriminator", {}).get("mapping", {})
        if part in kinds:
            node = _resolve(schema, {"$ref": kinds[part]})
            continue
        parts.append(str(part))
        if isinstance(part, int):
            node = _resolve(schema, node["prefixItems"][part] if "prefixItems" in node else node["items"])
        else:
            node = _resolve(schema, node["properties"][part])
    return Rule(".".join(parts), _in_words(schema, node), list(node.get("properties", {})))


def _resolve(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """Follows a reference, and what may be left out to what it is when given."""
    if "anyOf" in node:
        node = next(choice for choice in node["anyOf"] if choice.get("type") != "null")
    resolved: dict[str, Any] = schema["$defs"][node["$ref"].rpartition("/")[2]] if "$ref" in node else node
    return resolved


def _in_words(schema: dict[str, Any], node: dict[str, Any]) -> str:
    match node:
        case {"enum": _} | {"const": _}:
            words = f"one of {', '.join(node.get('enum', [node.get('const')]))}"
        case {"discriminator": {"propertyName": name, "mapping": kinds}}:
            words = f"a mapping whose {name} is {' or '.join(kinds)}"
        case {"type": "number" | "integer"}:
            words = _number_in_words(node)
        case {"type": "boolean"}:
            words = "true or false"
        case {"type": "array"}:
            one = node["prefixItems"][0] if "prefixItems" in node else node["items"]
            words = f"a list of {_count_in_words(node, 'Items')}, each {_in_words(schema, _resolve(schema, one))}"
        case {"properties": keys}:
            words = f"a mapping with the keys {', '.join(keys)}"
        case {"pattern": pattern}:
            words = f"text that matches {pattern}"
        case _:
            words = _plain_in_words(node)
    return words


def _plain_in_words(node: dict[str, Any]) -> str:
    if node.get("type") == "object":
        return "a mapping"
    return f"text of {_count_in_words(node, 'Length')} characters" if "maxLength" in node else "text"


def _count_in_words(node: dict[str, Any], of: str) -> str:
    low, high = node.get(f"min{of}", 0), node[f"max{of}"]
    return str(high) if low == high else f"{low} to {high}"


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
