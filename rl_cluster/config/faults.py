"""What is wrong with given data, in one line: the dotted place, the value got and the model's rule for it.

The caller says which file or override the value came from; any pydantic model can be explained.
"""

import difflib
import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel, ValidationError

from rl_cluster.config.rules import rule_at

__all__ = ["Fault", "dotted_keys", "first_fault", "unknown_key"]

MAX_SHOWN = 60


class Fault(NamedTuple):
    """The parts of an error's message, apart from the file."""

    place: str
    """Dotted; empty = the data as a whole."""
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
    if detail["type"] == "extra_forbidden":
        return unknown_key(detail["loc"], model)
    place, words, _ = rule_at(model, detail["loc"])
    match detail["type"]:
        case "value_error":
            what, _, remedy = str(detail["ctx"]["error"]).rpartition("; ")
            return Fault(place, what, remedy)
        case "union_tag_invalid" | "union_tag_not_found":
            return Fault(place, f"got {_shown(detail['input'])}", f"give {words}")
        case "missing":
            return Fault(place, "is missing", f"give {words}")
    return Fault(place, f"got {_shown(detail['input'])}", f"give {words}")


def unknown_key(location: Sequence[int | str], model: type[BaseModel]) -> Fault:
    """The fault of a key that the model lacks, with the nearest key it has: beside it first, then anywhere."""
    *section, name = location
    try:
        prefix, _, beside = rule_at(model, section)
    except KeyError:
        prefix, beside = ".".join(map(str, section)), []
    place, known = f"{prefix}.{name}".lstrip("."), list(dotted_keys(model))
    near = [
        *(f"{prefix}.{key}".lstrip(".") for key in difflib.get_close_matches(str(name), beside, n=1)),
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
        for kind in (field.annotation, *get_args(field.annotation)):  # a section that may be null is a union
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from (f"{name}.{key}" for key in dotted_keys(kind))


def _shown(value: Any) -> str:
    """The value as it stands in a file, in one line of bounded length."""
    text = json.dumps(value, default=str)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}.."
