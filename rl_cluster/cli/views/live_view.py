"""A run's status on a terminal: curves, where the time goes, env runners, nodes, GPUs, alerts.

Nothing is measured here; all of it is in the status that the run writes (`status.py`).
"""

import time
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from rl_cluster.cli.views.display import duration
from rl_cluster.errors import counted
from rl_cluster.metrics.names import (
    AGENT_STEPS_PER_S,
    CHECKPOINT_AGE_S,
    ELAPSED_S,
    ETA_S,
    EXPOSED_SHARE,
    LEARNER_SAMPLES_PER_S,
    balance_key,
    phase_key,
)
from rl_cluster.metrics.node import NodeReading, node_from_json
from rl_cluster.metrics.phases import PHASES

__all__ = ["live_view", "sparkline"]

BLOCKS = "▁▂▃▄▅▆▇█"
COLUMNS, CURVE_COLUMNS, BAR_COLUMNS, MAX_RUNNERS = 80, 48, 60, 8
LEAST_SILENCE_S, SILENT_ITERATIONS = 60.0, 5.0
"""A run counts as silent after this many seconds, and after this many of its mean iterations."""
COLOURS = dict(
    zip(PHASES, ("green", "cyan", "blue", "magenta", "yellow", "red", "bright_magenta", "bright_black"), strict=True)
)
MAKER = "NVIDIA "
WORD_COLUMNS = {"node": None, "GPU": 19, "held\ndown by": 10}
"""Columns of words, and the characters that they have at most."""
GIB, MIB = float(1 << 30), float(1 << 20)


def live_view(status: Mapping[str, Any]) -> RenderableType:
    """The whole view of a status that has been checked (`status_form.py`)."""
    nodes = [node_from_json(node) for node in status["nodes"]]
    parts: list[RenderableType] = [_headline(status), *_silence(status), *_alerts(status["alerts"])]
    parts += [_curve(name, status["headline"], points) for name, points in status["curves"].items() if points]
    parts += [_phases(status["metrics"]), _speeds(status["metrics"])]
    parts += [_runners(status["runners"], status["metrics"])] if status["runners"] else []
    parts += [_nodes(nodes)] if nodes else []
    parts += [_gpus(nodes)] if any(node.gpus for node in nodes) else []
    return Group(*parts)


def sparkline(values: Sequence[float], columns: int) -> str:
    """A line of blocks, from the least to the greatest value; each stands for the mean of its share of the values."""
    count = min(columns, len(values))
    bounds = [round(index * len(values) / count) for index in range(count + 1)]
    means = [sum(values[low:high]) / (high - low) for low, high in pairwise(bounds)]
    least, span = min(means), max(means) - min(means)
    levels = [round((mean - least) / span * (len(BLOCKS) - 1)) if span else 0 for mean in means]
    return "".join(BLOCKS[level] for level in levels)


def _headline(status: Mapping[str, Any]) -> Text:
    metrics = status["metrics"]
    words = [
        f"elapsed {duration(metrics[ELAPSED_S])}",
        f"left {duration(metrics[ETA_S])}",
        f"checkpoint {duration(metrics[CHECKPOINT_AGE_S])} old",
        f"heard {duration(_age_s(status))} ago",
    ]
    first = f"{status['run']} (engine {status['engine']})  iteration {status['iteration']}/{status['iterations']}"
    return _in_lines([Text(first), *map(Text, words)], "", "bold")


def _in_lines(words: Sequence[Text], start: str, style: str = "") -> Text:
    """Words with two blanks between them, in lines that fit 80 columns; each line but the first is indented."""
    text, used = Text(start, style), len(start)
    for number, word in enumerate(words):
        gap = "  " if number else ""
        if number and used + len(gap) + len(word) > COLUMNS:
            gap, used = f"\n{' ' * len(start)}", len(start) - len(gap)
        text.append(gap).append_text(word)
        used += 2 * bool(number) + len(word)
    return text


def _age_s(status: Mapping[str, Any]) -> float:
    """Seconds since the run was last heard."""
    return float(max(0.0, time.time() - status["time_s"]))


def _silence(status: Mapping[str, Any]) -> list[Text]:
    """A mark on a run that has ended, or that has not been heard for as long as several of its iterations take."""
    metrics, age_s = status["metrics"], _age_s(status)
    if status["iteration"] >= status["iterations"] or metrics[ETA_S] <= 0.0:
        return [Text("ended", style="bold green")]
    usual_s = metrics[ELAPSED_S] / max(1, status["iteration"])
    if age_s <= max(LEAST_SILENCE_S, SILENT_ITERATIONS * usual_s):
        return []
    words = f"silent for {duration(age_s)}: an iteration takes {duration(usual_s)}; it was stopped, hangs or is gone"
    return [Text(words, style="bold yellow")]


def _alerts(alerts: Sequence[str]) -> list[Text]:
    return [Text(f"alert: {key} is beyond its limit", style="bold red") for key in alerts]


def _curve(name: str, label: str, points: Sequence[Sequence[float]]) -> Text:
    values = [float(value) for _, value in points]
    line, end = Text(f"{label} {name:<9} "), f"  {values[-1]:.3f}  ({min(values):.3f} to {max(values):.3f})"
    line.append(sparkline(values, max(1, min(CURVE_COLUMNS, COLUMNS - len(line) - len(end)))), style="green")
    return line.append(end)


def _phases(metrics: Mapping[str, float]) -> Text:
    """A bar of the phases, and what its colours mean."""
    shares = {phase: metrics[phase_key(phase)] for phase in PHASES if phase_key(phase) in metrics}
    if not shares:
        return Text("time  not measured")
    bar = Text("time  ")
    for phase, share in shares.items():
        bar.append("█" * round(share * BAR_COLUMNS), style=COLOURS[phase])
    legend = [Text(f"{phase} {share:.0%}", COLOURS[phase]) for phase, share in shares.items() if share >= 0.005]
    return bar.append("\n").append_text(_in_lines(legend, "      "))


def _speeds(metrics: Mapping[str, float]) -> Text:
    shown = {"agent-steps/s": AGENT_STEPS_PER_S, "learner samples/s": LEARNER_SAMPLES_PER_S}
    words = [f"{name} {metrics[key]:,.0f}" for name, key in shown.items() if key in metrics]
    if EXPOSED_SHARE in metrics:
        words.append(f"all-reduce {metrics[EXPOSED_SHARE]:.0%} of updating")
    return _in_lines([Text(word) for word in words], "speed ")


def _runners(runners: Sequence[Mapping[str, Any]], metrics: Mapping[str, float]) -> Table:
    imbalance = metrics.get(balance_key("runner", "imbalance"))
    told = "" if imbalance is None else f", imbalance {imbalance:.0%}"
    count = counted(len(runners), "env runner")
    table = _table(f"{count}{told}, slowest first", "runner", "node", "fragments", "busy", "env", "inference")
    slowest = sorted(runners, key=lambda one: -sum(one["seconds"].values()))[:MAX_RUNNERS]
    for one in slowest:
        seconds, busy_s = one["seconds"], sum(one["seconds"].values())
        shares = [f"{seconds.get(phase, 0.0) / busy_s:.0%}" if busy_s else "-" for phase in ("env", "inference")]
        table.add_row(
            Text(str(one["runner"])),
            Text(str(one["node"])),
            str(one.get("num_fragments", 1)),
            f"{busy_s:.3f} s",
            *shares,
        )
    return table


def _nodes(nodes: Sequence[NodeReading]) -> Table:
    heads = ("CPU", "memory\nGiB", "store\nGiB", "spilled\nGiB", "disk", "sent\nMiB/s", "received\nMiB/s")
    table = _table("nodes", "node", *heads)
    for node in nodes:
        host, store = node.host, node.object_store
        table.add_row(
            Text(node.node),
            f"{host.cpu_share:.0%}",
            _used(host.memory_used_bytes, host.memory_total_bytes),
            _used(store.used_bytes, store.total_bytes) if store else "-",
            _gib(store.spilled_bytes) if store else "-",
            f"{host.disk_share:.0%}",
            f"{host.sent_bytes_per_s / MIB:.1f}",
            f"{host.received_bytes_per_s / MIB:.1f}",
        )
    return table


def _used(used_bytes: float, total_bytes: float) -> str:
    return f"{_gib(used_bytes)}/{_gib(total_bytes)}"


def _gib(num_bytes: float) -> str:
    """The number in GiB, with a decimal place below 100."""
    gib = num_bytes / GIB
    return f"{gib:.1f}" if gib < 99.95 else f"{gib:.0f}"


def _gpus(nodes: Sequence[NodeReading]) -> Table:
    heads = ("GPU", "busy", "memory", "power\nW", "heat\ndegC", "clock\nMHz", "held\ndown by")
    table = _table("GPUs", "node", *heads)
    for node in nodes:
        for gpu in node.gpus:
            table.add_row(
                Text(node.node),
                Text(f"{gpu.index} {gpu.name.removeprefix(MAKER)}"),
                _text(gpu.busy_share, ".0%"),
                _text(gpu.memory_share, ".0%"),
                _text(gpu.power_w, ".0f"),
                _text(gpu.temperature_c, ".0f"),
                _text(gpu.sm_clock_mhz, ".0f"),
                ", ".join(gpu.throttles) or "-",
            )
    return table


def _text(value: float | None, form: str) -> str:
    return "-" if value is None else f"{value:{form}}"


def _table(title: str, first: str, *others: str) -> Table:
    """Names and words may take several lines, numbers not: a narrow terminal shows them whole."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    table.add_column(first, overflow="fold")
    for name in others:
        width, is_words = WORD_COLUMNS.get(name), name in WORD_COLUMNS
        table.add_column(name, justify="left" if is_words else "right", no_wrap=not is_words, max_width=width)
    return table
