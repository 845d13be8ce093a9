"""The display of a run in progress: a live table on a terminal, else one plain line per iteration.

Nothing is measured here; every number comes from the iteration's metrics.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

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

__all__ = ["LINE_COLUMNS", "Display", "duration", "fitted", "time_split"]

SHOWN_SHARE = 0.05
"""The least share of an iteration for which a phase is shown."""
LINE_COLUMNS = 80
"""The most characters of a plain line."""
REWARD = "per_agent_reward"


class Display:
    """Shows iterations as they end; use it in a `with`, and pass `show` to the loop.

    Args:
        console: Where to show them; if it is not a terminal, plain lines are written.
        config: The run's settings.
        past: Metrics of the iterations that a resumed run has behind it.
    """

    def __init__(self, console: Console, config: Config, past: Iterable[Mapping[str, Any]] = ()) -> None:
        self._console, self._config = console, config
        self._live = Live(console=console, refresh_per_second=4, transient=False) if console.is_terminal else None
        task = task_of(config)
        self._metric, self._label = task.headline.name, task.headline.label
        self._has_reward = any(metric.name == REWARD for metric in task.metrics)
        self._evaluated: float | None = None
        self._best: float | None = None
        self._stage: float | None = None
        self._is_new_stack = config.api_stack == "new"  # RLlib's stock PPO reports neither phases nor this KL
        for metrics in past:
            self._note(metrics)

    def __enter__(self) -> Self:
        if self._live:
            self._live.update(Text("first iteration: where kernels are not compiled yet, that takes a minute or two"))
            self._live.start(refresh=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def show(self, record: Record) -> None:
        """Takes an iteration; the decisions after it stay on the screen."""
        done, metrics, events = record
        self._note(metrics)
        if self._live:
            self._live.update(self._table(done, self._cells(done, metrics)))
        else:
            words = [f"{name} {value}" for name, value in self._line_cells(done, metrics).items()]
            line = fitted(words, min(LINE_COLUMNS, self._console.width))
            self._console.print(line, soft_wrap=True, highlight=False)
        for event in events:
            self._console.print(event.words, soft_wrap=True, highlight=False, markup=False)

    def _note(self, metrics: Mapping[str, Any]) -> None:
        """Takes the last and the best score. Scores of another stage of a curriculum are no measure."""
        if metrics.get(STAGE) != self._stage:
            self._stage, self._best = metrics.get(STAGE), None
        self._evaluated = metrics.get(evaluation_key(self._metric), self._evaluated)
        key = evaluation_key(self._metric) if self._config.training.evaluate_every else episode_key(self._metric)
        if key in metrics:
            self._best = metrics[key] if self._best is None else max(self._best, metrics[key])

    def _cells(self, done: int, metrics: dict[str, float]) -> dict[str, str]:
        """Name -> value as text: a dash if the iteration did not measure it; omitted if the stack never does."""

        def cell(key: str) -> dict[str, str]:
            return {FORMS[key].label: _text(metrics.get(key), FORMS[key].decimals)}

        return {
            "iteration": f"{done}/{self._config.training.iterations}",
            "elapsed": duration(metrics[ELAPSED_S]),
            "left": duration(metrics[ETA_S]),
            "agent-steps": f"{metrics[AGENT_STEPS_TOTAL] / 1e6:.2f}M",
            **cell(AGENT_STEPS_PER_S),
            f"{self._label} sampled": _text(metrics.get(episode_key(self._metric)), 3),
            **(cell(STAGE) if self._config.curriculum else {}),
            f"{self._label} evaluated": _text(self._evaluated, 3),
            f"{self._label} best so far": _text(self._best, 3),
            **self._reward(metrics),
            "loss": _text(self._loss(metrics), 3),
            **cell(learning("entropy")),
            **(cell(learning("approx_kl")) if self._is_new_stack else {}),
            **cell(learning("explained_variance")),
            **({"time": time_split(metrics)} if self._is_new_stack else {}),
        }

    def _line_cells(self, done: int, metrics: dict[str, float]) -> dict[str, str]:
        """What a plain line shows, the most important first."""
        return {
            "iteration": f"{done}/{self._config.training.iterations}",
            "left": duration(metrics[ETA_S]),
            self._label: _text(metrics.get(episode_key(self._metric)), 3),
            **({"stage": _text(metrics.get(STAGE), 0)} if self._config.curriculum else {}),
            "best": _text(self._best, 3),
            **self._reward(metrics),
            "loss": _text(self._loss(metrics), 2),
        }

    def _reward(self, metrics: Mapping[str, float]) -> dict[str, str]:
        return {"reward": _text(metrics.get(episode_key(REWARD)), 2)} if self._has_reward else {}

    def _loss(self, metrics: Mapping[str, float]) -> float | None:
        """The loss of policy and values, without the bonus for entropy and other terms; the old stack has one loss."""
        if (total := metrics.get(learning("total_loss"))) is not None:
            return total
        policy, values = (metrics.get(learning(name)) for name in ("policy_loss", "value_loss"))
        return None if policy is None or values is None else policy + self._config.ppo.value_weight * values

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
    """Minutes and seconds, `12:05`; from an hour on with hours, `3:12:05`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, part = divmod(minutes, 60)
    return f"{hours}:{part:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _text(value: float | None, decimals: int) -> str:
    """The number; a dash where there is none."""
    return "-" if value is None else f"{value:.{decimals}f}"


def fitted(words: Sequence[str], columns: int = LINE_COLUMNS) -> str:
    """Words on a line of so many characters; the last ones are left out where there is no room."""
    if len(line := "  ".join(words)) <= columns:
        return line
    shown = list(words)
    while len(line := " ".join(shown)) > columns and len(shown) > 1:
        shown.pop()
    return line
