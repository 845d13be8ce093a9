"""`rl-cluster dashboards`: what Prometheus and Grafana need to show runs."""

from pathlib import Path
from typing import Annotated

import typer

from rl_cluster.cli.console import say
from rl_cluster.cli.paths import PathCommand, new_folder, path

__all__ = ["app"]

app = typer.Typer()


@app.command(
    "dashboards",
    cls=PathCommand,
    epilog="Example: rl-cluster dashboards monitoring; then prometheus --config.file monitoring/prometheus.yml",
)
def write_dashboards(
    folder: Annotated[
        Path,
        typer.Argument(metavar="DIR", parser=new_folder, help="Folder to write to; it is made if it does not exist."),
    ],
    ray_folder: Annotated[
        Path,
        typer.Option(
            "--ray-folder",
            metavar="DIR",
            parser=path,
            help="Ray's temporary folder on the head (ray start --temp-dir).",
        ),
    ] = Path("/tmp/ray"),  # noqa: S108 - Ray's own default
) -> None:
    """Write prometheus.yml, alerts.yml and a Grafana dashboard, grafana.json."""
    import json

    from rl_cluster.config.yaml_file import dump_yaml
    from rl_cluster.metrics.dashboard import grafana_dashboard
    from rl_cluster.metrics.prometheus import alert_rules, scrape_config
    from rl_cluster.training.files.new_folder import make_folder
    from rl_cluster.training.files.output_file import write_outputs

    files = {
        "prometheus.yml": dump_yaml(scrape_config(ray_folder.absolute(), "alerts.yml")),
        "alerts.yml": dump_yaml(alert_rules()),
        "grafana.json": json.dumps(grafana_dashboard(), indent=2) + "\n",
    }
    if folder.is_dir():
        write_outputs({folder / name: content.encode() for name, content in files.items()})
    else:
        make_folder(folder, lambda beside: _fill(beside, files), remedy="choose another folder")
    for name in files:
        say(f"written: {folder / name}")


def _fill(folder: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")
