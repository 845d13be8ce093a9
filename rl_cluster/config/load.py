"""From the name of a preset or a file, and `key=value` overrides, to a checked `Config`, and back to YAML.

`schema.py` says what is allowed, `yaml_file.py` reads and writes the text, `faults.py` words what is wrong.
"""

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from rl_cluster.config.capabilities import Override, check_effects
from rl_cluster.config.choices import drop_chosen
from rl_cluster.config.curriculum import fill_pace
from rl_cluster.config.faults import dotted_keys, first_fault, unknown_key
from rl_cluster.config.formats import FORMAT_KEY, refusal
from rl_cluster.config.layers import Layer, merged, origin_of, read_layers
from rl_cluster.config.migrations import FORMAT, UNNUMBERED, migrated, numbered
from rl_cluster.config.mistaken import mistaken_data, mistaken_path
from rl_cluster.config.model_size import fill_model_size
from rl_cluster.config.own_tasks import preset_of, settings_of, task_names
from rl_cluster.config.schema import Config
from rl_cluster.config.shipped_presets import PRESETS
from rl_cluster.config.yaml_file import dump_yaml, parse_yaml, read_yaml
from rl_cluster.errors import ConfigError

__all__ = [
    "PRESETS", "describe_origins", "dotted_settings", "load_config", "load_saved", "overridden", "to_yaml", "validated",
]  # fmt: skip


def load_config(
    preset_or_file: str, overrides: Sequence[str] = (), scenarios: Sequence[Mapping[str, Any]] = ()
) -> Config:
    """The settings of a preset or YAML file, with overrides in place.

    Args:
        preset_or_file: A name in `PRESETS`, else the path of a YAML file (`./debug` names a file, `debug` a preset).
        overrides: `key=value` with a dotted key and a YAML value: `ppo.lr=[1e-3, 1e-4]`. The last of a key counts.
        scenarios: What the run is to train on, in the form of scenario files, in place of any in the settings.

    Raises:
        ConfigError: The file cannot be read, an override is no `key=value`, a key is unknown or missing, or a value is
            of the wrong type, out of range, not finite or at odds with another, or what the user has set has no effect.
    """
    given = [Override("--scenario", "generator.scenarios", [dict(one) for one in scenarios])] if scenarios else []
    return _load(preset_or_file, overrides, given).config


def describe_origins(preset_or_file: str, overrides: Sequence[str] = ()) -> list[tuple[str, Any, str]]:
    """Dotted key, value, and in words where it comes from, of all settings. Raises as `load_config`."""
    config, layers, parsed = _load(preset_or_file, overrides)
    given = {override.key: override.text for override in parsed}
    return [(key, value, origin_of(key, layers, given)) for key, value in _leaves(config.model_dump(mode="json"), "")]


def dotted_settings(config: Config) -> dict[str, Any]:
    """Dotted key -> value, as plain data, of all settings."""
    return dict(_leaves(config.model_dump(mode="json"), ""))


def _shipped() -> list[dict[str, Any]]:
    """The plain data of all presets."""
    return [merged(read_layers(path, path.name, PRESETS)) for path in PRESETS.values()]


class _Loaded(NamedTuple):
    config: Config
    layers: list[Layer]
    overrides: list[Override]


def _load(preset_or_file: str, overrides: Sequence[str], given: Sequence[Override] = ()) -> _Loaded:
    path = _path_of(preset_or_file)
    where = path.name if preset_or_file in PRESETS else preset_or_file
    _check_name(preset_or_file, path)
    if mistaken := mistaken_path(path):
        raise ConfigError(where, *mistaken)
    layers = read_layers(path, where, PRESETS)
    data = merged(layers)
    if mistaken := mistaken_data(data, "settings"):
        raise ConfigError(where, *mistaken)
    kind = _kind(data, where)
    parsed = [*(_parse_override(text, kind) for text in overrides), *given]
    for override in parsed:
        if override.key == "task" and override.value != data["task"]:
            remedy = "begin from a preset of the task that is wanted"
            raise ConfigError(override.text, f"{where} has the settings of task {data['task']}", remedy)
    drop_chosen(data, {override.key for override in parsed})
    for override in parsed:
        _put(data, override, where)
    fill_model_size(data)
    fill_pace(data)
    config = _validate(data, where, parsed, kind)
    check_effects(config, layers, parsed, _shipped)
    return _Loaded(config, layers, parsed)


def _path_of(preset_or_file: str) -> Path:
    """The file: of a preset, of the preset of a user's task, or as it is named."""
    return PRESETS.get(preset_or_file) or preset_of(preset_or_file) or Path(preset_or_file)


def _leaves(data: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in data.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def to_yaml(config: Config) -> str:
    """The settings as a YAML file that `load_config` reads back to an equal `Config`."""
    return dump_yaml(numbered(config.model_dump(mode="json")))


def validated(data: dict[str, Any], where: str, unnumbered: int = FORMAT) -> Config:
    """Settings from plain data, as a run has written them: what has no effect is taken.

    Args:
        data: Of the newest or an older format.
        where: What messages call it.
        unnumbered: The format of data that has no number.

    Raises ConfigError, which names `where`.
    """
    number = data.get(FORMAT_KEY, unnumbered)
    if fault := refusal(number, FORMAT):
        raise ConfigError(where, *fault)
    data = migrated({key: value for key, value in data.items() if key != FORMAT_KEY}, number)
    return _validate(data, where, (), _kind(data, where))


def load_saved(path: Path) -> Config:
    """The settings that a run has written into its folder. Raises ConfigError if they cannot be read."""
    data = read_yaml(path)
    if not isinstance(data, dict):
        raise ConfigError(str(path), "is not a mapping", "copy the config.yaml of the newest checkpoint over it")
    return validated(data, str(path), UNNUMBERED)


def overridden(config: Config, overrides: Sequence[str], where: str) -> Config:
    """Settings with `key=value` overrides in place.

    Args:
        config: What is overridden.
        overrides: As `load_config` takes them.
        where: What messages call the settings as a whole.

    Raises ConfigError as `load_config`; only overrides are refused for having no effect.
    """
    data, kind = config.model_dump(mode="json"), type(config)
    layer = Layer(where, config.model_dump(mode="json"), {}, is_shipped=True, given={})
    parsed = [_parse_override(text, kind) for text in overrides]
    for override in parsed:
        _put(data, override, where)
    new = _validate(data, where, parsed, kind)
    check_effects(new, [layer], parsed, _shipped)
    return new


def _kind(data: dict[str, Any], where: str) -> type[Config]:
    """The settings' class. Raises ConfigError if they do not say which task they are for."""
    task = data.get("task")
    kind = settings_of(task) if isinstance(task, str) else None
    if not kind:
        got = f"got {json.dumps(task, default=str)}" if "task" in data else "is missing"
        own = " or install the package that adds it" if isinstance(task, str) and task.isidentifier() else ""
        raise ConfigError(f"{where}: task", got, f"give one of {', '.join(task_names())}{own and ',' + own}")
    return kind


def _check_name(name: str, path: Path) -> None:
    """Raises ConfigError for a bare word that is neither preset nor file: it was meant as a preset."""
    if name not in PRESETS and not path.suffix and path.name == name and not path.exists():
        near = "".join(f"did you mean {one}? Or " for one in difflib.get_close_matches(name, PRESETS, n=1))
        remedy = f"{near}choose a YAML file or one of {', '.join(PRESETS)}"
        raise ConfigError(name, "is neither a preset nor a file", remedy)


def _parse_override(text: str, kind: type[Config]) -> Override:
    key, has_value, value = text.partition("=")
    if not has_value:
        raise ConfigError(text, "override without '='", "write key=value, for example ppo.clip=0.1")
    if key not in dotted_keys(kind):
        _, what, remedy = unknown_key(key.split("."), kind)
        raise ConfigError(text, what, remedy)
    return Override(text, key, parse_yaml(value, text))


def _put(data: dict[str, Any], override: Override, where: str) -> None:
    """Sets the override's value in nested data, with the sections on the way where the file left them out."""
    *sections, name = override.key.split(".")
    for section in sections:
        data = data.setdefault(section, {})
        if not isinstance(data, dict):
            raise ConfigError(f"{where}: {section}", "is not a mapping", f"write its keys below {section}:")
    data[name] = override.value


def _validate(data: dict[str, Any], where: str, overrides: Sequence[Override], kind: type[Config]) -> Config:
    # Strict JSON rules let a list be a tuple and 1 be 1.0, but neither text nor true be a number.
    try:
        return kind.model_validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        place, what, remedy = first_fault(error, kind)
    for override in reversed(overrides):
        if place == override.key or place.startswith(f"{override.key}."):
            raise ConfigError(override.text if place == override.key else f"{override.text}: {place}", what, remedy)
    raise ConfigError(f"{where}: {place}" if place else where, what, remedy)
