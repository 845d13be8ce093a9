"""The output of every benchmark: rows that compare ours with a peer, as a table and as JSON with the machine."""

import json
import os
import platform
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple, Self

from rich.console import Console
from rich.table import Table

__all__ = ["Row", "finish", "machine", "print_rows", "write"]

PACKAGES = ("numpy", "numba", "torch", "ray", "torch-geometric", "vmas", "mpe2", "ortools")


class Row(NamedTuple):
    """One claim, measured."""

    name: str
    ours: float
    peer: float | None = None
    peer_name: str | None = None
    unit: str = ""
    ratio: float | None = None
    """How many times better than the peer: ours / peer of a large-is-good value, peer / ours of a small-is-good one."""
    goal: float | None = None
    """The ratio to reach; in a row without a peer, the value that `ours` must not exceed."""
    met: bool | None = None
    range: tuple[float, float] | None = None
    """The least and the largest ratio of several rounds, of which `ratio` is the median's."""

    @classmethod
    def of_rounds(
        cls, name: str, ours: Sequence[float], peer: Sequence[float], peer_name: str, unit: str, goal: float | None
    ) -> Self:
        """A row of rounds in which ours and the peer took turns: the medians, their ratio, and the rounds' ratios."""
        ratios = [one / other for one, other in zip(ours, peer, strict=True)]
        row = cls.of(name, median(ours), median(peer), peer_name, unit, goal)
        return row._replace(range=(min(ratios), max(ratios)))

    @classmethod
    def of(cls, name: str, ours: float, peer: float, peer_name: str, unit: str, goal: float | None = None) -> Self:
        """A row that compares ours with a peer; the goal is the lowest ratio that meets it."""
        ratio = ours / peer
        return cls(name, ours, peer, peer_name, unit, ratio, goal, None if goal is None else ratio >= goal)

    @classmethod
    def of_cost(cls, name: str, ours: float, peer: float, peer_name: str, unit: str, goal: float | None = None) -> Self:
        """The same for a value that should be small."""
        ratio = peer / ours
        return cls(name, ours, peer, peer_name, unit, ratio, goal, None if goal is None else ratio >= goal)

    @classmethod
    def at_most(cls, name: str, ours: float, unit: str, goal: float) -> Self:
        """A row without a peer, whose value should not exceed the goal."""
        return cls(name, ours, unit=unit, goal=goal, met=ours <= goal)


def machine() -> dict[str, Any]:
    """The machine, and the versions of the measured packages."""
    cores = os.cpu_count() or 1
    cpu_info = Path("/proc/cpuinfo")
    lines = cpu_info.read_text(encoding="utf-8").splitlines() if cpu_info.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    cpu = models[0] if models else platform.processor()
    return {
        "name": f"{cores} cores of an {cpu}, {_gpu()}",
        "cores": cores,
        "cpu": cpu,
        "python": platform.python_version(),
        **{package: version for package in PACKAGES if (version := _version(package))},
    }


def _gpu() -> str:
    import torch  # noqa: PLC0415 - after the benchmark has set its number of threads

    return f"one {torch.cuda.get_device_name()}" if torch.cuda.is_available() else "no GPU"


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def finish(title: str, rows: Sequence[Row], names: Sequence[str], path: Path | None, **details: Any) -> None:
    """Prints a script's rows, and writes them if a file is named.

    Args:
        title: Of the table.
        rows: What was measured.
        names: The script's rows, whatever the run: a quick one measures the same as a full one, less often.
        path: Where JSON is to be written.
        details: What JSON holds beside the rows.
    """
    assert [row.name for row in rows] == list(names), "a run must give the rows that its script lists"
    print_rows(title, rows)
    if path:
        write(path, rows, **details)


def write(path: Path, rows: Sequence[Row], **details: Any) -> None:
    """Writes machine, rows and details as JSON."""
    data = {"machine": machine(), "rows": [row._asdict() for row in rows], **details}
    path.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")


def print_rows(title: str, rows: Sequence[Row]) -> None:
    """Prints the rows as a table."""
    table = Table("", "ours", "peer", "ratio", "goal", "met", "unit", title=title, box=None)
    for row in rows:
        numbers = (_shown(value) for value in (row.ours, row.peer, row.ratio, row.goal))
        table.add_row(row.name, *numbers, {None: "", True: "yes", False: "no"}[row.met], row.unit)
    Console(width=120).print(table)


def _shown(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
