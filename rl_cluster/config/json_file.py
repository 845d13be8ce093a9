"""Plain data from JSON text, by the rules of YAML (`yaml_file.py`): no duplicate keys, nothing deep or infinite.

JSON is not read as YAML: an escaped pair of surrogates, as most writers write an emoji, is not valid YAML.
"""

import json
from typing import Any, NoReturn

from rl_cluster.errors import ConfigError, RlClusterError

__all__ = ["parse_json"]

MAX_DEPTH = 32
MAX_VALUES = 150_000


class _JSONError(ValueError):
    """What is wrong with the text, and what to do."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what, self.remedy = what, remedy


def parse_json(text: str, where: str, error: type[RlClusterError] = ConfigError) -> Any:
    """The data in JSON text: nested dicts, lists, str, int, float, bool and None.

    Args:
        text: One JSON value.
        where: What messages call the text; a line number is added where it is known.
        error: What is raised.

    Raises:
        RlClusterError: The text is no JSON, holds a duplicate key or NaN, is nested too deeply, or holds too much.
    """
    try:
        data = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
        _check_size(data)
    except json.JSONDecodeError as fault:
        raise error(f"{where} line {fault.lineno}", f"is not JSON ({fault.msg})", "correct it there") from None
    except _JSONError as fault:
        raise error(where, fault.what, fault.remedy) from None
    except (RecursionError, ValueError):  # a number of thousands of digits is a ValueError, too
        raise error(where, "is not JSON that can be read", "write shorter numbers and flatter lists") from None
    return data


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _JSONError(f"key {twice[:60]} occurs twice", "keep one of them")
    return data


def _refuse_constant(name: str) -> NoReturn:
    raise _JSONError(f"holds {name}, which is no JSON", "write a finite number")


def _check_size(data: Any) -> None:
    """Level by level, so that nothing recursive reads deep data."""
    level, num_values = [data], 0
    for _ in range(MAX_DEPTH):
        num_values += len(level)
        if num_values > MAX_VALUES:
            raise _JSONError(f"holds more than {MAX_VALUES} values", "write a smaller file")
        level = [part for value in level if isinstance(value, list | dict) for part in _parts(value)]
        if not level:
            return
    raise _JSONError(f"is nested more than {MAX_DEPTH} levels deep", "flatten it")


def _parts(value: list[Any] | dict[str, Any]) -> list[Any]:
    return value if isinstance(value, list) else list(value.values())
