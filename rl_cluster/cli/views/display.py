"""The display of a run in progress: a live table on a terminal, else one plain line per iteration.

Nothing is measured here; every number comes from the iteration's metrics.
"""

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rl_cluster.config.schema import Config
from rl_cluster.environment.tasks import task_of
from rl_cluster.metrics.names import (
    AGENT_STEPS_PER_S,
    AGENT_STEPS_TOTAL,
    ELAPSED_S,
    ETA_S,
    FORMS,
    STAGE,
    episode_key,
    evaluation_key,
    phase_key,
)
from rl_cluster.metrics.names import learning_key as learning
from rl_cluster.metrics.phases import PHASES
from rl_cluster.training.run import Record

__all__ = ["Display", "duration", "time_split"]

SHOWN_SHARE = 0.05
"""The least share of an iteration for which a phase is shown."""


class Display:
    """Shows iterations as they end; use it in a `with`, and pass `show` to the loop.

    Args:
        console: Where to show them; if it is not a terminal, plain lines are written.
    """

    def __init__(self, console: Console, config: Config) -> None:
        self._console, self._config = console, config
        self._live = Live(console=console, refresh_per_second=4, transient=False) if console.is_terminal else None
        headline = task_of(config).headline
        self._metric, self._label = headline.name, headline.label
        self._evaluated: float | None = None
        self._is_new_stack = config.api_stack == "new"  # RLlib's stock PPO reports neither phases nor this KL

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def show(self, record: Record) -> None:
        """Takes an iteration; the decisions after it stay on the screen."""
        done, metrics, events = record
        self._evaluated = metrics.get(evaluation_key(self._metric), self._evaluated)
        cells = self._cells(done, metrics)
        if self._live:
            self._live.update(self._table(done, cells))
        else:
            line = "  ".join(f"{name} {value}" for name, value in cells.items())
            self._console.print(line, soft_wrap=True, highlight=False)
        for event in events:
            self._console.print(event.words, soft_wrap=True, highlight=False, markup=False)

    def _cells(self, done: int, metrics: dict[str, float]) -> dict[str, str]:
        """Name -> value as text: a dash if the iteration did not measure it; omitted if the stack never does."""

        def text(key: str, decimals: int) -> str:
            return f"{metrics[key]:.{decimals}f}" if key in metrics else "-"

        def cell(key: str) -> dict[str, str]:
            return {FORMS[key].label: text(key, FORMS[key].decimals)}

        return {
            "iteration": f"{done}/{self._config.training.iterations}",
            "elapsed": duration(metrics[ELAPSED_S]),
            "left": duration(metrics[ETA_S]),
            "agent-steps": f"{metrics[AGENT_STEPS_TOTAL] / 1e6:.2f}M",
            **cell(AGENT_STEPS_PER_S),
            f"{self._label} sampled": text(episode_key(self._metric), 3),
            **(cell(STAGE) if self._config.curriculum else {}),
            f"{self._label} evaluated": "-" if self._evaluated is None else f"{self._evaluated:.3f}",
            **cell(learning("entropy")),
            **(cell(learning("approx_kl")) if self._is_new_stack else {}),
            **cell(learning("explained_variance")),
            **({"time": time_split(metrics)} if self._is_new_stack else {}),
        }

    def _table(self, done: int, cells: dict[str, str]) -> Table:
        table = Table(
            title=Text(f"rl-cluster train {self._config.name} (engine {self._config.engine})"), title_justify="left"
        )
        table.add_column("measure")
        table.add_column("value", justify="right", min_width=24)
        table.add_row("progress", ProgressBar(total=self._config.training.iterations, completed=done, width=24))
        for name, value in cells.items():
            table.add_row(name, value)
        return table


def time_split(metrics: Mapping[str, float]) -> str:
    """The phases that take most of an iteration, largest first: `env 41%, update 38%`; a dash if none was measured."""
    shares = {phase: metrics[phase_key(phase)] for phase in PHASES if phase_key(phase) in metrics}
    largest = sorted(shares, key=lambda phase: -shares[phase])
    return ", ".join(f"{phase} {shares[phase]:.0%}" for phase in largest if shares[phase] >= SHOWN_SHARE) or "-"


def duration(seconds: float) -> str:
    """Minutes and seconds: `12:05`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
