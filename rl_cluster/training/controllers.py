"""Everything that adapts during a run, together: schedules, curriculum, plateau, trust region, divergence.

The rules are in `schedulers/`; this module says which metric each of them reads, and what it changes. One signal
changes one setting: KL changes the penalty's weight after every update, the evaluated score changes stage or learning
rate after every evaluation. The trainer's process decides once, and sends the decision to all env runners and Learners.
"""

import json
import math
from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

from pydantic import ConfigDict, Field, TypeAdapter

from rl_cluster.config.schema import Config
from rl_cluster.config.section import Share, Tally
from rl_cluster.metrics.names import episode_key, learning_key
from rl_cluster.schedulers.curriculum import CurriculumState, Decision, decide
from rl_cluster.schedulers.divergence import (
    RESTORED_LR,
    SpreadState,
    decide_restore,
    forget_recent,
    note_return,
    why_diverging,
)
from rl_cluster.schedulers.learning_rate import PlateauState, note_score, schedule, warmup
from rl_cluster.schedulers.pass_score import score_to_pass
from rl_cluster.schedulers.trust_region import TrustRegionState, adapt_kl_weight
from rl_cluster.schedulers.verdict import Verdict
from rl_cluster.training.events import Diverging, LearningRates, Plateau, Restore, StageChange
from rl_cluster.types import Controls, StageMix

__all__ = ["Controllers"]


class _State(NamedTuple):
    """The state of all controllers."""

    trust_region: TrustRegionState
    curriculum: CurriculumState = CurriculumState()
    plateau: PlateauState = PlateauState()
    spread: SpreadState = SpreadState()
    lr_factor: Share = 1.0
    entropy_factor: Annotated[float, Field(ge=1.0, le=1e30)] = 1.0
    held_lr: Share | None = None
    """the learning rate, if the curriculum is held"""
    is_finite: bool = True
    """False = an update since the last evaluation was not finite"""
    why_diverging: Annotated[str, Field(max_length=300)] | None = None
    restores: Tally = 0
    """restores after divergence so far"""


_FORM = TypeAdapter(_State, config=ConfigDict(strict=True, allow_inf_nan=False, extra="forbid"))


class Controllers:
    """The controllers of one run. Nothing here draws or measures anything: equal metrics lead to equal decisions."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._state = _State(TrustRegionState(config.controllers.kl_weight))

    @property
    def curriculum(self) -> CurriculumState:
        """Where the run stands in its curriculum; in stage 1 for ever if it has none."""
        return self._state.curriculum

    @property
    def is_diverging(self) -> bool:
        """Whether the last update or the returns so far show divergence."""
        return self._state.why_diverging is not None

    def controls(self, done: int) -> Controls:
        """The decisions for the iteration after `done`."""
        config, state = self._config, self._state
        planned = schedule(config.ppo, done / config.training.iterations)
        lr = planned.lr * warmup(config.controllers, done)
        lowered = max(min(lr, config.controllers.min_lr), lr * state.lr_factor)
        return Controls(
            lr=lowered if state.held_lr is None else state.held_lr,
            entropy_weight=planned.entropy_weight * state.entropy_factor,
            kl_weight=state.trust_region.weight if config.controllers.kl_target else 0.0,
            mix=self._mix(),
        )

    def _mix(self) -> StageMix | None:
        if not self._config.curriculum:
            return None
        at = self._state.curriculum
        return StageMix(at.stage, self._config.curriculum.stages[at.stage - 1].mix[0], at.transitions)

    @property
    def keeps_good(self) -> bool:
        """Whether the run may have to go back to its last good state."""
        return self._config.controllers.on_divergence == "restore"

    @property
    def lacks_floor(self) -> bool:
        """Whether the current stage's floor must be measured before its next score is noted."""
        curriculum, at = self._config.curriculum, self._state.curriculum
        return curriculum is not None and curriculum.floor_share is not None and len(at.floors) < at.stage

    def note_floor(self, floor: float) -> float:
        """Takes the floor of the current stage, and returns the score that passes the stage."""
        at = self._state.curriculum
        at = at._replace(floors=(*at.floors, floor))
        self._state = self._state._replace(curriculum=at)
        return score_to_pass(self._config.curriculum, at.stage, at.floors)

    def note_update(self, metrics: Mapping[str, float], done: int) -> tuple[bool, list[Diverging]]:
        """Takes the metrics of iteration `done`.

        Returns:
            Whether weights and optimizer must go back to the last good state; events to report.
        """
        settings, state = self._config.controllers, self._state
        kl = metrics.get(learning_key("last_epoch_kl"))  # the old API stack measures none
        loss = metrics.get(learning_key("policy_loss"), math.nan)
        spread = note_return(state.spread, metrics.get(episode_key("per_agent_reward"), math.nan))
        trust_region = state.trust_region
        if settings.kl_target:
            trust_region = adapt_kl_weight(settings, trust_region, math.nan if kl is None else kl)
        why = why_diverging(spread, loss, kl or 0.0, settings.kl_target)
        self._state = state._replace(trust_region=trust_region, spread=spread, why_diverging=why.words if why else None)
        if why and decide_restore(settings, why, state.restores):
            return True, [Diverging("diverging", why, self._restore(done))]
        self._state = self._state._replace(is_finite=state.is_finite and math.isfinite(loss))
        return False, [Diverging("diverging", why)] if why and not state.why_diverging else []

    def _restore(self, done: int) -> Restore:
        """Lowers the learning rate for the restored weights."""
        state, before = self._state, self.controls(done).lr
        self._state = state._replace(
            spread=forget_recent(state.spread),
            why_diverging=None,
            restores=state.restores + 1,
            lr_factor=state.lr_factor * RESTORED_LR,
            held_lr=state.held_lr and state.held_lr * RESTORED_LR,
        )
        lr = LearningRates(before, self.controls(done).lr)
        return Restore(state.restores + 1, self._config.controllers.max_restores, lr)

    def note_score(self, score: float, done: int) -> tuple[Decision, list[StageChange | Plateau]]:
        """Takes the score of an evaluation after `done` iterations; returns the decision and the events to report."""
        before = self.controls(done).lr
        decision = self._decide(score)
        match decision.verdict:
            case Verdict.FALLBACK:
                self._state = self._state._replace(lr_factor=self._state.lr_factor * self._config.curriculum.lr_decay)
            case Verdict.HELD:
                self._state = self._state._replace(held_lr=before)
            case Verdict.PLATEAU:
                self._leave_plateau()
        return decision, self._told(decision, LearningRates(before, self.controls(done).lr))

    def _decide(self, score: float) -> Decision:
        """Decides by the curriculum's rules, or without a curriculum by those of a plateau."""
        state = self._state
        if self._config.curriculum:
            curriculum, decision = decide(self._config.curriculum, state.curriculum, score, state.is_finite)
            self._state = state._replace(curriculum=curriculum, is_finite=True)
            return decision
        is_plateau = False
        if self._config.controllers.plateau != "none":
            plateau, is_plateau = note_score(self._config.controllers, state.plateau, score)
            self._state = state._replace(plateau=plateau)
        return Decision(Verdict.PLATEAU if is_plateau else Verdict.STAY, 1, 1, score, math.nan)

    def _told(self, decision: Decision, lr: LearningRates) -> list[StageChange | Plateau]:
        """The event of a decision; none if nothing changes."""
        verdict, from_stage, to_stage, score, bound = decision
        if verdict is Verdict.STAY:
            return []
        if verdict is Verdict.PLATEAU:
            is_staged = bool(self._config.curriculum)
            return [Plateau(verdict, from_stage if is_staged else None, bound if is_staged else score, lr)]
        return [StageChange(verdict, from_stage, to_stage, _finite(score), _finite(bound), lr)]

    def _leave_plateau(self) -> None:
        factor, state = self._config.controllers.plateau_factor, self._state
        match self._config.controllers.plateau:
            case "lr":
                self._state = state._replace(lr_factor=state.lr_factor * factor)
            case "entropy":
                self._state = state._replace(entropy_factor=state.entropy_factor / factor)

    def state_dict(self) -> dict[str, Any]:
        """The state as JSON values."""
        state = self._state
        return {
            **state._asdict(),
            "trust_region": state.trust_region._asdict(),
            "plateau": state.plateau._asdict(),
            "spread": state.spread._asdict(),
            "curriculum": {**state.curriculum._asdict(), "fallback": state.curriculum.fallback._asdict()},
        }

    def load_state_dict(self, data: Mapping[str, Any]) -> None:
        """Takes back what `state_dict` gave. Raises ValueError for anything else."""
        text = json.dumps(data)
        self._state = _FORM.validate_json(text)
        if json.loads(json.dumps(self.state_dict())) != json.loads(text):
            raise ValueError("a part of the controllers' state is missing")

    def check(self) -> None:
        """Raises ValueError if a run of these settings cannot have the state that was taken back."""
        state, settings, curriculum = self._state, self._config.controllers, self._config.curriculum
        at, plateau = state.curriculum, state.plateau
        num_stages = len(curriculum.stages) if curriculum else 1
        low, high = settings.kl_weight_range
        tests = {
            f"stage {at.stage} of {num_stages}": at.stage <= num_stages,
            "references that do not match the stage": at.stage - 1 <= len(at.references) <= num_stages,
            "ways back of more stages than there are": len(at.fallback.used) <= num_stages,
            "floors of more stages than there are": len(at.floors) <= num_stages,
            "more ways back from divergence than are allowed": state.restores <= settings.max_restores,
            "passes of a stage that is passed": len(at.passes) < (curriculum.num_passes if curriculum else 1),
            "a curriculum that is not set": bool(curriculum) or at == CurriculumState(),
            "a window that is over-full": len(plateau.window) < settings.plateau_rounds,
            "a best window of another size": len(plateau.best) in {0, settings.plateau_rounds},
            "a weight of KL out of its range": low <= state.trust_region.weight <= high,
        }
        if wrong := [what for what, is_right in tests.items() if not is_right]:
            raise ValueError(f"{wrong[0]}: no run of these settings comes to that")


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
