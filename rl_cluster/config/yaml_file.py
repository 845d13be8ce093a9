"""Reads and writes plain data as YAML, and gives a hostile or careless file no way to do more.

Scalars follow YAML 1.2's core schema, so `3e-4` is a number, `012` is 12 and `on` is text. Refused are tags, more than
one document, duplicate keys, deep nesting, many aliases and large files. `load.py` knows what the data means.
"""

import re
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import yaml

from rl_cluster.config.bounded_file import FileFault, read_bounded
from rl_cluster.config.json_file import parse_json
from rl_cluster.errors import ConfigError, RlClusterError

__all__ = ["dump_yaml", "key_lines", "parse_yaml", "read_text", "read_yaml"]

MAX_BYTES = 2**20
MAX_DEPTH = 32
MAX_ALIASES = 16
MAX_VALUES = 150_000
LINE_WIDTH = 120

CORE_SCHEMA = (
    ("tag:yaml.org,2002:null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("tag:yaml.org,2002:bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    # Integers of more digits read as floats: their checked range is far below, and int() is quadratic in the digits.
    ("tag:yaml.org,2002:int", r"[-+]?[0-9]{1,18}", list("-+0123456789")),
    ("tag:yaml.org,2002:float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", list("-+.0123456789")),
    ("tag:yaml.org,2002:float", r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", list("-+.")),
)


class _Loader(yaml.CSafeLoader):
    yaml_implicit_resolvers = {}  # noqa: RUF012 - filled below, and never after

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys: set[str] = set()
        for key_node, _ in node.value:
            if isinstance(key_node, yaml.ScalarNode):
                if key_node.value in keys:
                    raise yaml.constructor.ConstructorError(
                        problem=f"key {key_node.value} occurs twice", problem_mark=key_node.start_mark
                    )
                keys.add(key_node.value)
        return super().construct_mapping(node, deep)


class _Dumper(yaml.CSafeDumper):
    yaml_implicit_resolvers = {}  # noqa: RUF012 - filled below, and never after


def _construct_int(loader: _Loader, node: yaml.ScalarNode) -> int:
    return int(loader.construct_scalar(node), 10)


def _represent_list(dumper: _Dumper, data: list[Any]) -> yaml.Node:
    is_flat = not any(isinstance(value, dict | list) for value in data)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=is_flat)


for tag, pattern, first_letters in CORE_SCHEMA:
    for side in (_Loader, _Dumper):
        side.add_implicit_resolver(tag, re.compile(rf"^(?:{pattern})$"), first_letters)
_Loader.add_constructor("tag:yaml.org,2002:int", _construct_int)
_Dumper.add_representer(list, _represent_list)


def read_yaml(path: Path, error: type[RlClusterError] = ConfigError) -> Any:
    """The data in a YAML file, or in a JSON file, which is named *.json.

    Args:
        path: A regular file of at most 1 MiB.
        error: What is raised, so that each kind of file fails in its own words.

    Raises:
        RlClusterError: `read_text` refuses the file, or `parse_yaml` or `parse_json` its text.
    """
    text = read_text(path, error, "YAML")
    return (parse_json if path.suffix.lower() == ".json" else parse_yaml)(text, str(path), error)


def read_text(path: Path, error: type[RlClusterError], kind: str) -> str:
    """The text of a file.

    Args:
        path: A regular file of at most 1 MiB.
        error: What is raised.
        kind: What remedies call such a file.

    Raises:
        RlClusterError: There is no such file, it is a folder, cannot be read, is too large or is not UTF-8.
    """
    where = str(path)
    try:
        content = read_bounded(path, MAX_BYTES)
    except FileNotFoundError as fault:
        raise error(where, f"cannot be read ({fault.strerror})", f"name a {kind} file that exists") from None
    except FileFault as fault:
        remedy = {"large": f"name a smaller {kind} file", "unreadable": f"name a {kind} file that exists"}
        raise error(where, fault.what, remedy.get(fault.kind, f"name a {kind} file")) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise error(where, f"is not UTF-8 at byte {fault.start}", "save it as UTF-8 text") from None


def parse_yaml(text: str, where: str, error: type[RlClusterError] = ConfigError) -> Any:
    """The data in YAML text: nested dicts, lists, str, int, float, bool and None.

    Args:
        text: One YAML document.
        where: What messages call the text; a line number is added where it is known.
        error: What is raised.

    Raises:
        RlClusterError: The text is empty or no YAML, holds a tag, a duplicate key or more than one document, or is
            nested too deeply, holds too much or repeats itself too often.
    """
    if any("\ud800" <= letter <= "\udfff" for letter in text):  # of a command line that is not UTF-8
        raise error(where, "is not UTF-8", "write it as UTF-8 text")
    try:
        if _check_events(text, where, error) == 0:
            raise error(where, "is empty", "write at least one value")
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader, made stricter above
    except yaml.MarkedYAMLError as fault:
        place = _place(where, text, fault.problem_mark)
        raise error(place, str(fault.problem), "correct the YAML there") from None
    except yaml.YAMLError:
        raise error(where, "holds a character that YAML does not allow", "save it as plain text") from None


def key_lines(text: str) -> dict[str, int]:
    """Dotted key -> the line, from 1, on which it stands in YAML text that `parse_yaml` has taken."""
    lines: dict[str, int] = {}

    def walk(node: yaml.Node | None, prefix: str) -> None:
        for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
            name = f"{prefix}{key.value}"
            lines[name] = key.start_mark.line + 1
            walk(value, f"{name}.")

    walk(yaml.compose(text, Loader=_Loader), "")
    return lines


def _place(where: str, text: str, mark: Any) -> str:
    """The name of a position in the text (or None) for messages, with the line if there are several lines."""
    return where if mark is None or "\n" not in text.strip() else f"{where} line {mark.line + 1}"


def _check_events(text: str, where: str, error: type[RlClusterError]) -> int:
    """Number of values in the text. Looks at the flat stream of events, before anything recursive reads the text."""
    open_anchors: list[str | None] = []
    num_aliases = num_values = 0
    for event in yaml.parse(text, Loader=_Loader):
        fault = None
        if isinstance(event, yaml.CollectionEndEvent):
            open_anchors.pop()
        if isinstance(event, yaml.NodeEvent):
            num_values += 1
            num_aliases += isinstance(event, yaml.AliasEvent)
            if num_values > MAX_VALUES:
                raise error(where, f"holds more than {MAX_VALUES} values", "write a smaller file")
            fault = _fault_of(event, open_anchors, num_aliases)
        if isinstance(event, yaml.CollectionStartEvent):
            open_anchors.append(event.anchor)
        if fault:
            raise error(_place(where, text, event.start_mark), *fault)
    return num_values


def _fault_of(event: yaml.NodeEvent, open_anchors: Sequence[str | None], num_aliases: int) -> tuple[str, str] | None:
    """What is wrong with a value inside open collections, and the remedy; None = nothing."""
    if isinstance(event, yaml.AliasEvent):
        if event.anchor in open_anchors:
            return f"alias {event.anchor} stands within its own value", "write the values out"
        if num_aliases > MAX_ALIASES:
            return f"more than {MAX_ALIASES} aliases are used", "write the values out"
    elif isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) and event.tag is not None:
        tag = event.tag.replace("tag:yaml.org,2002:", "!!")
        return f"tag {tag} is not allowed", "write plain numbers, texts, lists and mappings"
    if len(open_anchors) >= MAX_DEPTH:
        return f"nested more than {MAX_DEPTH} deep", "flatten it"
    return None


def dump_yaml(data: Any) -> str:
    """Nested dicts, lists and scalars as YAML text in the given order of keys; `parse_yaml` reads it back unchanged."""
    return yaml.dump(
        data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=LINE_WIDTH
    )
