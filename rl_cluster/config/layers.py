"""Settings in layers: a file may begin from a preset (`base: quick_demo`) and change what it names.

Mappings are joined key by key; anything else is replaced as a whole. `origin_of` says where each value comes from.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rl_cluster.config.choices import CHOSEN_BY, drop_chosen
from rl_cluster.config.formats import FORMAT_KEY, is_saved, refusal
from rl_cluster.config.migrations import FORMAT, UNNUMBERED, migrated
from rl_cluster.config.yaml_file import key_lines, read_text, read_yaml
from rl_cluster.errors import ConfigError

__all__ = ["BASE", "Layer", "merged", "origin_of", "read_layers", "value_at"]

BASE = "base"
"""Key of the preset that a file begins from; it is no setting itself."""
MAX_LAYERS = 8


class Layer(NamedTuple):
    """A file."""

    name: str
    data: dict[str, Any]
    """without `base`, as the newest format has it"""
    lines: Mapping[str, int]
    """dotted key -> line, from 1"""
    is_shipped: bool
    """True = it is a preset of the package"""
    given: Mapping[str, Any]
    """the data as it stands in the file"""


def read_layers(path: Path, where: str, presets: Mapping[str, Path]) -> list[Layer]:
    """The file and all that it begins from, lowest first.

    Args:
        path: Of the file.
        where: What messages call it.
        presets: Name -> file of those that may be named as a base.

    Raises:
        ConfigError: A file cannot be read, is no mapping, was written by a newer version, names a base that is no
            preset, or there are too many.
    """
    layers: list[Layer] = []
    while True:
        data = read_yaml(path)
        if not isinstance(data, dict):
            raise ConfigError(where, "is not a mapping", "begin from a preset: rl-cluster config show quick_demo")
        base = data.pop(BASE, None)
        lines = {} if path.suffix.lower() == ".json" else key_lines(read_text(path, ConfigError, "YAML"))
        now = _as_now(data, path, where, is_whole=base is None)
        layers.insert(0, Layer(where, now, lines, path in presets.values(), data))
        if base is None:
            return layers
        if not isinstance(base, str) or base not in presets:
            raise ConfigError(f"{where}: {BASE}", "is no preset", f"choose one of {', '.join(presets)}")
        if len(layers) == MAX_LAYERS:
            raise ConfigError(f"{where}: {BASE}", f"more than {MAX_LAYERS} files build on each other", "name another")
        path = presets[base]
        where = path.name


def _as_now(data: dict[str, Any], path: Path, where: str, *, is_whole: bool) -> dict[str, Any]:
    """The data as the newest format has it; takes its number out of it.

    A file of the user's that has no number is one of the newest format. One that begins from a preset says only what it
    changes: what an older version did not know comes from the preset.

    Raises ConfigError if a newer version has written it.
    """
    number = data.pop(FORMAT_KEY, UNNUMBERED if is_saved(path) else FORMAT)
    if fault := refusal(number, FORMAT):
        raise ConfigError(where, *fault)
    return migrated(data, number) if is_whole else data


def merged(layers: Sequence[Layer]) -> dict[str, Any]:
    """The data of all layers, later ones over earlier ones."""
    data: dict[str, Any] = {}
    for layer in layers:
        drop_chosen(data, {key for key in CHOSEN_BY.values() if value_at(layer.data, key) is not None})
        _join(data, layer.data)
    return data


def _join(data: dict[str, Any], above: Mapping[str, Any]) -> None:
    for key, value in above.items():
        below = data.get(key)
        if isinstance(value, dict) and isinstance(below, dict):
            _join(below, value)
        else:
            data[key] = _copied(value)


def _copied(value: Any) -> Any:
    return {key: _copied(part) for key, part in value.items()} if isinstance(value, dict) else value


def origin_of(key: str, layers: Sequence[Layer], overrides: Mapping[str, str]) -> str:
    """Where a value comes from, in words: an override, a file and its line, or a setting that stands for others.

    Args:
        key: Dotted.
        layers: Lowest first.
        overrides: Dotted key -> what the user wrote.
    """
    for place in _upwards(key):
        if place in overrides:
            return f"{overrides[place]} on the command line"
    chooser = CHOSEN_BY.get(key, "")
    if chooser in overrides:
        return f"follows from {chooser}"
    for layer in reversed(layers):
        if where := _place_in(layer, key):
            return where
        if value_at(layer.data, chooser) is not None:
            break
    return f"follows from {chooser}"


def _place_in(layer: Layer, key: str) -> str | None:
    """The file and the line from which a value comes; None = not from this file."""
    for place in _upwards(key):
        if place in layer.lines and _has(layer.data, place, is_whole=place != key):
            return f"{layer.name} line {layer.lines[place]}"
    if not _has(layer.data, key, is_whole=False):
        return None
    return layer.name if _has(layer.given, key, is_whole=False) else f"{layer.name}, whose format is older"


def _upwards(key: str) -> Iterator[str]:
    """The key, and the sections that it is in."""
    while key:
        yield key
        key = key.rpartition(".")[0]


def value_at(data: Any, key: str) -> Any:
    """The value of a dotted key; None where the data does not hold it."""
    for name in key.split("."):
        data = data.get(name) if isinstance(data, dict) else None
    return data


def _has(data: Any, key: str, *, is_whole: bool) -> bool:
    """Whether the data holds the key; as a whole: and no mapping, into which a value could come from below."""
    for name in key.split("."):
        if not isinstance(data, dict) or name not in data:
            return False
        data = data[name]
    return not (is_whole and isinstance(data, dict))
