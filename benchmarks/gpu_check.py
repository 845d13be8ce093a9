"""Runs all that needs a GPU, and writes what passed, what was skipped, and the figures.

    python -m benchmarks.gpu_check [--json FILE] [--time-limit-s SECONDS]

`scripts/gpu_check.py` makes the environment for it. The tests come first, then the benchmarks in the order of
`BENCHMARKS`, each in a process of its own. Whatever has no time left is recorded as skipped. Nothing here imports Ray.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch

from benchmarks.report import machine
from rl_cluster.errors import ConfigError
from rl_cluster.metrics.gpu import GpuReader
from rl_cluster.model.compiling import check_compiler

__all__ = ["Check", "main", "read_tests", "report", "run_benchmark", "run_tests"]

ROOT = Path(__file__).parents[1]
BENCHMARKS = ("rollout_gpu", "model_gpu")
"""Modules of `benchmarks.measure` that need a GPU. The last one takes the longest."""
COMPILING = "model_gpu"
"""The one of these tests that compiles."""
LEAST_S = 20.0
"""A benchmark with less time than this is not begun."""

Outcome = Literal["passed", "failed", "skipped"]


class Check(NamedTuple):
    """One test, or one benchmark."""

    name: str
    outcome: Outcome
    seconds: float
    message: str = ""
    """Why it failed or was skipped."""
    figures: dict[str, str] = {}  # noqa: RUF012 - a NamedTuple's default, which nobody changes
    """What the test has recorded."""


def run_tests(seconds: float) -> list[Check]:
    """The tests marked `gpu`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "tests.xml")
        command = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "tests/gpu", f"--junitxml={path}"]
        begin_s = time.monotonic()
        # A warning of torch's on some GPU must not hide whether the numbers are right.
        message = _run([*command, "-p", "no:cacheprovider", "-W", "default"], seconds)
        if path.is_file():
            return read_tests(path.read_text(encoding="utf-8"))
        return [Check("tests/gpu", "failed", time.monotonic() - begin_s, message or "pytest wrote no results")]


def read_tests(text: str) -> list[Check]:
    """The checks in pytest's JUnit file."""
    return [_read_test(case) for case in ET.fromstring(text).iter("testcase")]  # noqa: S314 - pytest's own file


def _read_test(case: ET.Element) -> Check:
    outcome: Outcome = "passed"
    message = ""
    for kind in case:
        if kind.tag in {"failure", "error", "skipped"}:
            outcome = "skipped" if kind.tag == "skipped" else "failed"
            message = kind.get("message", "")
    figures = {found.get("name", ""): found.get("value", "") for found in case.iter("property")}
    name = f"{case.get('classname', '')}::{case.get('name', '')}"
    return Check(name, outcome, float(case.get("time", "0")), message, figures)


def run_benchmark(name: str, seconds: float) -> tuple[Check, list[dict[str, Any]]]:
    """A module of `benchmarks.measure`, and its rows."""
    if seconds < LEAST_S:
        return Check(name, "skipped", 0.0, "no time was left; run the check again"), []
    if name == COMPILING and (lack := _lack_of_a_compiler()):
        return Check(name, "skipped", 0.0, lack), []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rows.json")
        command = [sys.executable, "-m", f"benchmarks.measure.{name}", "--quick", "--json", str(path)]
        begin_s = time.monotonic()
        message = _run(command, seconds)
        took_s = time.monotonic() - begin_s
        if message:
            return Check(name, "failed", took_s, message), []
        rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["rows"]
        return Check(name, "passed", took_s), rows


def _lack_of_a_compiler() -> str:
    """Why nothing can be compiled here; empty if it can."""
    try:
        check_compiler()
    except ConfigError as error:
        return f"{error.what}; {error.remedy}"
    return ""


def _run(command: Sequence[str], seconds: float) -> str:
    """Runs it in the repository; returns what went wrong, empty if nothing did."""
    try:
        code = subprocess.run(command, cwd=ROOT, timeout=seconds, check=False).returncode
    except subprocess.TimeoutExpired:
        return f"it was ended after {seconds:.0f} s"
    return f"exit code {code}" if code else ""


def report(checks: Sequence[Check], rows: Sequence[dict[str, Any]], seconds: float) -> dict[str, Any]:
    """What the file holds."""
    return {
        "machine": {**machine(), "gpus": [gpu.name for gpu in GpuReader().read()], "cuda": torch.version.cuda},
        "passed": not any(check.outcome == "failed" for check in checks),
        "seconds": round(seconds, 1),
        "checks": [check._asdict() for check in checks],
        "skipped": [{"name": check.name, "why": check.message} for check in checks if check.outcome == "skipped"],
        "rows": list(rows),
    }


def _check_all(limit_s: float) -> dict[str, Any]:
    begin_s = time.monotonic()
    checks, rows = run_tests(limit_s), []
    for name in BENCHMARKS:
        check, found = run_benchmark(name, limit_s - (time.monotonic() - begin_s))
        checks.append(check)
        rows += found
    return report(checks, rows, time.monotonic() - begin_s)


def main() -> int:
    """Runs, writes, and prints what did not pass. Exit code 1 if something failed, 2 if torch sees no GPU."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", type=Path, default=ROOT / "docs" / "results" / "gpu.json", help="the file to write")
    parser.add_argument("--time-limit-s", type=float, default=450.0, help="seconds after which nothing more is begun")
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        build = f"CUDA {torch.version.cuda}" if torch.version.cuda else "no CUDA"
        parser.exit(
            2, f"error: gpu-check: torch {torch.__version__}, with {build}, sees no GPU; install one that fits\n"
        )
    found = _check_all(arguments.time_limit_s)
    arguments.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    for check in found["checks"]:
        if check["outcome"] != "passed":
            print(f"{check['outcome']}: {check['name']}: {check['message'].partition(chr(10))[0]}")
    print(f"{'passed' if found['passed'] else 'failed'} in {found['seconds']:.0f} s; written to {arguments.json}")
    return 0 if found["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
