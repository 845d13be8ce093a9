"""Properties of a map that came back as text from a program that edited it: numbers, and lists of numbers.

Tables know no lists, and some programs keep every attribute as text. A list comes back as `[50, 40]`, as `50,40`, or as
OGR writes it, with its length before: `(2:50,40)`. What is read here is only how it is written; what a value may be is
`form.py`'s to say.
"""

import re
from collections.abc import Mapping
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

__all__ = ["from_text", "identifier"]

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_LIST = re.compile(r"\[(?P<json>[^][]*)\]|\((?P<count>\d{1,9}):(?P<ogr>[^()]*)\)|(?P<plain>[^][()]*)", re.ASCII)
_LONGEST = 1000
"""The most characters of a text that is parsed; eight numbers need far fewer."""


def from_text(properties: Mapping[str, Any], form: type[BaseModel]) -> dict[str, Any]:
    """The properties, with numbers and lists of numbers in place of the texts that spell them.

    Other texts stay as they are, for the form to refuse. So do texts that the form does not want as numbers.
    """
    return {
        name: _read(value, form.model_fields[name].annotation) if name in form.model_fields else value
        for name, value in properties.items()
    }


def identifier(value: Any) -> Any:
    """An id as text: tables make numbers of ids that look like them, and fractions of whole numbers."""
    is_whole = type(value) is int or (type(value) is float and value.is_integer())  # a bool is not a number here
    return str(int(value)) if is_whole and abs(value) < 1e15 else value


def _read(value: Any, annotation: Any) -> Any:
    if _is_asked(float, annotation):
        return _number(value)
    if not _is_asked(tuple, annotation):
        return value
    if isinstance(value, list):
        return [_number(part) for part in value]
    if isinstance(value, str):
        return _numbers(value)
    return [value] if type(value) in {int, float} else value  # a list of one, from a table that guesses types


def _is_asked(kind: type, annotation: Any) -> bool:
    """True = the annotation is this kind, or this kind or None."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _is_asked(kind, get_args(annotation)[0])
    if origin in {Union, UnionType}:
        return any(_is_asked(kind, part) for part in get_args(annotation))
    return annotation is kind or origin is kind


def _number(value: Any) -> Any:
    is_text = isinstance(value, str) and len(value) <= _LONGEST
    return float(value) if is_text and _NUMBER.fullmatch(value.strip(" ")) else value


def _numbers(text: str) -> Any:
    """The list that a text spells; the text itself if it spells none, or states another number of parts."""
    found = _LIST.fullmatch(text.strip(" ")) if len(text) <= _LONGEST else None
    if found is None:
        return text
    inner = next(part for part in (found["json"], found["ogr"], found["plain"]) if part is not None)
    parts = [_number(part) for part in inner.split(",")]
    is_counted = found["count"] is None or int(found["count"]) == len(parts)
    return parts if is_counted and all(isinstance(part, float) for part in parts) else text
