"""`rl-cluster doctor`: what would break a run on this machine, or on a cluster."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rl_cluster.cli.arguments import checked_head
from rl_cluster.cli.paths import PathCommand, output, path
from rl_cluster.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rl_cluster.operations.finding import Finding

__all__ = ["app"]

app = typer.Typer()
EXIT_FAILED = 1
DEFAULT_PORTS = "6379,8265,10001,52365"
VERDICT_COLUMNS = 8
STYLES = {"ok": "green", "warning": "yellow", "failed": "bold red"}


@app.command(
    "doctor",
    cls=PathCommand,
    epilog="Example: rl-cluster doctor --address auto --storage /mnt/runs --json findings.json",
)
def examine_cluster(
    address: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", callback=checked_head, help="A head, or auto: its nodes are examined too."),
    ] = None,
    storage: Annotated[
        Path | None,
        typer.Option(metavar="DIR", parser=path, help="Where runs are written, on every node; by default your home."),
    ] = None,
    min_free_gib: Annotated[
        float, typer.Option(metavar="GIB", min=0.0, help="Space that must be free in --storage.")
    ] = 2.0,
    ports: Annotated[
        str, typer.Option(metavar="P,P,..", help="Ports that a head on this machine would use.")
    ] = DEFAULT_PORTS,
    perf: Annotated[
        bool, typer.Option("--perf", help="Measure matrix products, copies, all-reduce, env steps; a minute.")
    ] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", parser=output, help="Write the findings to a file, too.")
    ] = None,
) -> None:
    """Find what would break a run: versions, token, ports, storage, shared memory, limits, clocks, GPUs, agents.

    Ends with exit code 1 if anything would.
    """
    import json

    from rl_cluster.config.user_folders import home_folder
    from rl_cluster.operations.doctor import Examination, examine
    from rl_cluster.operations.finding import Verdict
    from rl_cluster.rllib.address import parse_ports
    from rl_cluster.training.files.output_file import is_stdout, write_output

    examined_ports = parse_ports(ports)
    if not math.isfinite(min_free_gib):
        raise ConfigError(f"--min-free-gib {min_free_gib}", "not a number of GiB", "write for example 2")
    findings = examine(Examination(address, storage or home_folder("give --storage"), min_free_gib, examined_ports))
    if perf:
        from rl_cluster.operations.performance_probes import probe_performance

        findings += probe_performance()
    _show(findings, is_on_stderr=is_stdout(json_file))
    if json_file:
        rows = [finding._asdict() for finding in findings]
        write_output(json_file, (json.dumps({"findings": rows}, indent=2) + "\n").encode())
    if any(finding.verdict is Verdict.FAILED for finding in findings):
        raise typer.Exit(EXIT_FAILED)


def _show(findings: "Sequence[Finding]", *, is_on_stderr: bool) -> None:
    from rich.text import Text

    from rl_cluster.cli.console import TABLE_COLUMNS, table_console, wrapped

    console = table_console(is_on_stderr=is_on_stderr)
    for finding in findings:
        remedy = f"; {finding.remedy}" if finding.remedy else ""
        words = f"{finding.verdict:<{VERDICT_COLUMNS}}{finding.node}  {finding.check}: {finding.what}{remedy}"
        text = Text(wrapped(words, min(TABLE_COLUMNS, console.width), hanging=VERDICT_COLUMNS))
        text.stylize(STYLES[finding.verdict], end=len(finding.verdict))
        console.print(text, soft_wrap=True)
