"""A run, one iteration after another: engine, controllers, evaluations, and all state as a checkpoint.

It writes nothing: `loop.py` gives it a folder, and saves and restarts it.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from rl_cluster.config.schema import Config
from rl_cluster.environment.tasks import make_source, task_of
from rl_cluster.metrics.alerts import Alerts
from rl_cluster.metrics.names import (
    AGENT_STEPS,
    AGENT_STEPS_TOTAL,
    ELAPSED_S,
    ETA_S,
    evaluation_key,
)
from rl_cluster.metrics.record import curriculum_metrics, outcome_means
from rl_cluster.sampling.episodes import ModelPolicy, evaluate
from rl_cluster.schedulers.curriculum import CurriculumState
from rl_cluster.schedulers.pass_score import score_to_pass
from rl_cluster.schedulers.verdict import Verdict
from rl_cluster.training.checkpoints.checkpoint import Checkpoint
from rl_cluster.training.checkpoints.content import CONTROLLERS, COUNTERS
from rl_cluster.training.checkpoints.stage_snapshots import StageSnapshots
from rl_cluster.training.controllers import Controllers
from rl_cluster.training.engine import Engine, EngineState
from rl_cluster.training.events import Event, Floor
from rl_cluster.training.pass_floor import measure_pass_floor

__all__ = ["Record", "Run"]


class Record(NamedTuple):
    """The results of an iteration."""

    done: int
    """iterations done, this one included"""
    metrics: dict[str, float]
    """metrics by the names of `metrics/names.py`"""
    events: Sequence[Event]
    """the controllers' decisions after it, and alerts"""


class Run:
    """Drives an engine from a checkpoint, or from the engine's own first state if there is none.

    Args:
        engine: The engine. It already has the checkpoint's state, unless `take_over` is called.
        config: The run's settings.
        checkpoint: The first state of counters and controllers.
    """

    done: int
    """Iterations done."""
    _controllers: Controllers
    _snapshots: StageSnapshots
    _counters: dict[str, Any]

    def __init__(self, engine: Engine, config: Config, checkpoint: Checkpoint | None) -> None:
        self._engine, self._config = engine, config
        self._set(checkpoint)
        self._begin_s = time.monotonic() - self._counters[ELAPSED_S]
        self._alerts = Alerts()

    def _set(self, checkpoint: Checkpoint | None) -> None:
        state = dict(checkpoint.state) if checkpoint else {}
        self.done = checkpoint.iteration if checkpoint else 0
        self._controllers, self._snapshots = Controllers(self._config), StageSnapshots()
        if checkpoint:
            self._controllers.load_state_dict(state.pop(CONTROLLERS))
            self._snapshots.load_state_dict(checkpoint.snapshots)
        self._counters = {**dict.fromkeys(COUNTERS, 0.0), **state}

    def take_over(self, checkpoint: Checkpoint | None) -> None:
        """Switches to a checkpoint; None: to the start, whose state the engine already has."""
        if checkpoint:
            self._engine.load_state(EngineState(checkpoint.weights, checkpoint.optimizer, checkpoint.arrays))
        self._set(checkpoint)

    @property
    def is_last(self) -> bool:
        """Whether the last iteration is done or the time limit is reached."""
        training = self._config.training
        return self.done >= training.iterations or self._counters[ELAPSED_S] >= training.time_limit_s

    @property
    def curriculum(self) -> CurriculumState:
        """Where the run stands in its curriculum; always stage 1 if it has none."""
        return self._controllers.curriculum

    @property
    def is_diverging(self) -> bool:
        """Whether the last update or the returns so far show divergence."""
        return self._controllers.is_diverging

    @property
    def alerts(self) -> list[str]:
        """Keys of the metrics that are beyond their limits."""
        return sorted(self._alerts.active)

    def iterate(self) -> Record:
        """Runs one iteration, the evaluation after it if one is due, and the decisions that follow from both."""
        training = self._config.training
        at = self._controllers.curriculum
        if self._controllers.keeps_good and not self._snapshots.good:
            self._snapshots.take_good(self._engine.state())
        metrics = self._engine.iterate(self.done, self._controllers.controls(self.done))
        self.done += 1
        must_restore, told = self._controllers.note_update(metrics, self.done)
        if must_restore:
            self._engine.load_state(self._snapshots.restore_good(self._engine.state()))
        events: list[Event] = [*told]
        scores: dict[int, float] = {}
        if training.evaluate_every and self.done % training.evaluate_every == 0:
            means, scores = self.evaluate()
            metrics |= means
            events += self._decide(scores[at.stage])
        if self._config.curriculum:
            metrics |= self._curriculum_metrics(at, scores)
        if self._controllers.keeps_good and self.done % training.checkpoint_every == 0 and not self.is_diverging:
            self._snapshots.take_good(self._engine.state())
        self._counters[AGENT_STEPS_TOTAL] += metrics[AGENT_STEPS]
        self._counters[ELAPSED_S] = time.monotonic() - self._begin_s
        metrics |= {**self._counters, ETA_S: self._eta_s()}
        return Record(self.done, metrics, [*events, *self._alerts.note(metrics)])

    def _eta_s(self) -> float:
        """Seconds to the last iteration at the pace so far, or to the time limit if that comes first."""
        training, elapsed_s = self._config.training, self._counters[ELAPSED_S]
        pace_s = elapsed_s / self.done
        left_s: float = max(0.0, min(pace_s * (training.iterations - self.done), training.time_limit_s - elapsed_s))
        return left_s

    def _decide(self, score: float) -> list[Event]:
        floors = [self._measure_floor()] if self._controllers.lacks_floor else []
        decision, events = self._controllers.note_score(score, self.done)
        if decision.verdict is Verdict.ADVANCE:
            self._snapshots.take(decision.from_stage, self._engine.state())
        if decision.verdict is Verdict.FALLBACK:
            state = self._snapshots.restore(decision.to_stage, self._engine.state())
            self._engine.load_state(state)
            if self._controllers.keeps_good:
                self._snapshots.take_good(state)
        return [*floors, *events]

    def _measure_floor(self) -> Floor:
        stage = self._controllers.curriculum.stage
        measured = measure_pass_floor(self._config, stage)
        return measured.told(stage, self._controllers.note_floor(measured.floor))

    def _curriculum_metrics(self, at: CurriculumState, scores: Mapping[int, float]) -> dict[str, float]:
        """The curriculum's metrics for an iteration that was trained at state `at`."""
        after = self._controllers.curriculum
        pass_score = score_to_pass(self._config.curriculum, at.stage, after.floors)
        return curriculum_metrics(at.stage, str(after.mode), scores, at.references, pass_score)

    def evaluate(self) -> tuple[dict[str, float], dict[int, float]]:
        """Mean metrics of argmax play in the current stage, and the scores of all stages so far, from 1.

        Episodes come from the evaluation stream, the same every time. Without a curriculum there is only one stage.
        """
        config, last = self._config, self._controllers.curriculum.stage
        policy = ModelPolicy(self._engine.model(), "argmax")
        metric = config.curriculum.metric if config.curriculum else task_of(config).headline.name
        means: dict[str, float] = {}
        scores: dict[int, float] = {}
        for stage in range(1, last + 1):
            of_stage = stage if config.curriculum else None
            source = make_source(config, config.seed, is_training=False, stage=of_stage)
            outcomes = evaluate(policy, source, config, config.training.evaluation_episodes)
            means = outcome_means(outcomes, evaluation_key)
            scores[stage] = means.get(evaluation_key(metric), float("nan"))
        return means, scores

    def checkpoint(self) -> Checkpoint:
        """All state at the end of the last iteration."""
        state = self._engine.state()
        return Checkpoint(
            config=self._config,
            iteration=self.done,
            weights=state.weights,
            optimizer=state.optimizer,
            arrays=state.arrays,
            state={**self._counters, CONTROLLERS: self._controllers.state_dict()},
            snapshots=self._snapshots.state_dict(),
        )
