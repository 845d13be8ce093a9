"""Reference pages that are generated from the code: every setting, and every metric."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from rl_cluster.config.load import PRESETS, load_config
from rl_cluster.config.schema import json_schema
from rl_cluster.environment.tasks import TASKS
from rl_cluster.metrics.names import CATALOGUE

__all__ = ["metrics_page", "settings_page"]

TASK_CONFIGS = {"allocate": "AllocateConfig", "navigate": "NavigateConfig"}
KINDS = {
    "array": "list",
    "boolean": "true or false",
    "integer": "whole number",
    "null": "null",
    "number": "number",
    "object": "a section",
    "string": "text",
}
PRESET_OF_TASK = {"allocate": "quick_demo", "navigate": "navigate_demo"}
"""The preset whose values the page shows."""


def settings_page() -> str:
    """Every setting of both tasks: its value in a preset, what is allowed, and what it does."""
    lines = [
        "# Settings",
        "",
        "A run is a YAML file of these settings. A file may name a `base` preset and say only what differs. On the",
        "command line every setting is `section.key=value`, as in `rl-cluster train quick_demo ppo.lr=[1e-3,1e-4]`.",
        "",
        f"Presets: {', '.join(f'`{name}`' for name in PRESETS)}.",
    ]
    for task in TASK_CONFIGS:
        lines += ["", f"## Task {task}", ""]
        lines += [f"The values are those of preset `{PRESET_OF_TASK[task]}`.", ""]
        lines += _sections(task)
    return "\n".join(lines) + "\n"


def _sections(task: str) -> Iterator[str]:
    """The run's own settings, and then a table of each section; sections that both tasks share appear once."""
    schema = json_schema()["$defs"]
    values = load_config(PRESET_OF_TASK[task]).model_dump(mode="json")
    fields = schema[TASK_CONFIGS[task]]["properties"]
    plain = {name: field for name, field in fields.items() if not _reference(field)}
    if task == "allocate":
        yield from _table(plain, values, "")
    for name, field in fields.items():
        if not (section := _reference(field)) or (task != "allocate" and not section.startswith("Navigate")):
            continue
        own = values[name] if isinstance(values[name], dict) else {}
        yield from ["", f"### {name}", "", schema[section].get("description", field.get("description", "")), ""]
        yield from _table(schema[section]["properties"], own, f"{name}.")


def _reference(field: dict[str, Any]) -> str:
    """The name of the section that a field holds, if it holds one."""
    options = [field, *field.get("anyOf", [])]
    return next((option["$ref"].rsplit("/", 1)[1] for option in options if "$ref" in option), "")


def _table(fields: dict[str, Any], values: dict[str, Any], prefix: str) -> Iterator[str]:
    yield from ["| setting | value | allowed | effect |", "| --- | --- | --- | --- |"]
    for name, field in fields.items():
        if part := _reference(field):
            own = values[name] if isinstance(values.get(name), dict) else {}
            yield from islice(_table(json_schema()["$defs"][part]["properties"], own, f"{prefix}{name}."), 2, None)
            continue
        value = f"`{_written(values[name])}`" if name in values else ""
        effect = " ".join(field.get("description", "").split())
        yield f"| `{prefix}{name}` | {value} | {_escaped(_allowed(field))} | {_escaped(effect)} |"


def _written(value: Any) -> str:
    text = str(value).replace("'", "") if not isinstance(value, bool) else str(value).lower()
    return text if len(text) <= 40 else "..."


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def _allowed(field: dict[str, Any]) -> str:
    """What a value may be, in words."""
    if "enum" in field:
        return ", ".join(f"`{option}`" for option in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    if "anyOf" in field:
        return " or ".join(_allowed(option) for option in field["anyOf"])
    if "prefixItems" in field:
        return f"[low, high], {_allowed(field['prefixItems'][0])}"
    kind = KINDS[field["type"]]
    low, high = field.get("minimum", field.get("exclusiveMinimum")), field.get("maximum", field.get("exclusiveMaximum"))
    if low is None and high is None:
        return kind
    above, below = "above " * ("exclusiveMinimum" in field), "below " * ("exclusiveMaximum" in field)
    return f"{kind}, {above}{low:,} to {below}{high:,}" if None not in (low, high) else f"{kind}, from {above}{low:,}"


def metrics_page() -> str:
    """Every metric of a run's `metrics.jsonl`, and of episodes in `evaluate --json`."""
    lines = [
        "# Metrics",
        "",
        "## Of an iteration",
        "",
        "These keys stand in `metrics.jsonl`, TensorBoard, MLflow and W&B, and as `ray_rl_cluster_GROUP_NAME` in",
        "Prometheus. A key without a value in an iteration is omitted.",
        "",
        "| key | unit | what |",
        "| --- | --- | --- |",
        *(f"| `{key}` | {metric.unit} | {_escaped(metric.text)} |" for key, metric in CATALOGUE.items()),
    ]
    for name, task in TASKS.items():
        lines += ["", f"## Of an episode of `{name}`", "", "| name | unit | what |", "| --- | --- | --- |"]
        lines += [f"| `{metric.name}` | {metric.unit} | {_escaped(metric.text)} |" for metric in task.metrics]
    return "\n".join(lines) + "\n"
