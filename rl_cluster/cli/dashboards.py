"""`rl-cluster dashboards`: what Prometheus and Grafana need to show runs."""

from pathlib import Path
from typing import Annotated

import typer

from rl_cluster.cli.console import say

__all__ = ["app"]

app = typer.Typer()


@app.command(
    "dashboards",
    epilog="Example: rl-cluster dashboards monitoring; then prometheus --config.file monitoring/prometheus.yml",
)
def write_dashboards(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to; it is made if need be.")],
    ray_folder: Annotated[
        Path,
        typer.Option("--ray-folder", metavar="DIR", help="Ray's temporary folder on the head (ray start --temp-dir)."),
    ] = Path("/tmp/ray"),  # noqa: S108 - Ray's own default
) -> None:
    """Write prometheus.yml, alerts.yml and a Grafana dashboard, grafana.json."""
    import json

    from rl_cluster.config.yaml_file import dump_yaml
    from rl_cluster.errors import ConfigError
    from rl_cluster.metrics.dashboard import grafana_dashboard
    from rl_cluster.metrics.prometheus import alert_rules, scrape_config
    from rl_cluster.training.output_file import write_output

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(str(folder), f"cannot be made ({error.strerror})", "choose another folder") from None
    files = {
        "prometheus.yml": dump_yaml(scrape_config(ray_folder.absolute(), "alerts.yml")),
        "alerts.yml": dump_yaml(alert_rules()),
        "grafana.json": json.dumps(grafana_dashboard(), indent=2) + "\n",
    }
    for name, content in files.items():
        write_output(folder / name, content.encode())
        say(f"written: {folder / name}")
