"""A trial: the same settings trained with several seeds, side by side in one process, scored as one.

One step is a round: every run goes on to its next evaluation. Runs are those of `training/run.py`, on the engine
without Ray; a trial's checkpoint holds one of ours for each seed, so nothing of a run is pickled.
"""

import math
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from ray import tune

from rl_cluster.config.load import validated
from rl_cluster.config.schema import Config
from rl_cluster.config.yaml_file import parse_yaml
from rl_cluster.metrics.names import AGENT_STEPS_TOTAL, STAGE
from rl_cluster.schedulers.curriculum import Mode
from rl_cluster.training.checkpoint import Checkpoint, find_checkpoint
from rl_cluster.training.engine import LocalEngine
from rl_cluster.training.run import Record, Run
from rl_cluster.tune.search_space import apply_sample, sampled

__all__ = ["DIVERGED", "HELD", "SCORE", "STAGE_ROUNDS", "StudyTrial", "objective", "trial_config"]

SCORE = "score"
"""Mean over the seeds minus half their standard deviation, of the last evaluation."""
HELD, DIVERGED = "held", "diverged"
"""Shares of the seeds whose curriculum is held, or whose training diverges."""
STAGE_ROUNDS = "stage_rounds"
"""Rounds that the slowest seed has spent in its stage."""
CAUTION = 0.5


def objective(scores: list[float]) -> float:
    """Mean minus half the standard deviation: of two settings that are as good, the steadier one. NaN counts as 0."""
    known = [score if math.isfinite(score) else 0.0 for score in scores]
    return fmean(known) - (CAUTION * stdev(known) if len(known) > 1 else 0.0)


def trial_config(run: str, sample: dict[str, float], seed: int) -> Config:
    """The settings of one run of a trial.

    Args:
        run: Settings of the study, as YAML.
        sample: What the search has chosen.
        seed: Of the run.
    """
    data = parse_yaml(run, "study")
    gpus = data["study"]["gpus_per_trial"]
    data |= {"seed": seed, "engine": "local", "study": None}
    data["learners"] |= {"gpus_per_learner": gpus, "num_learners": 0}
    data["sampling"] |= {"gpus_per_runner": 0.0, "overlap": False}
    data["training"] |= {"time_limit_s": 1e9}  # trials are compared by rounds
    return apply_sample(validated(data, "study"), sample)


class StudyTrial(tune.Trainable):
    """What Tune trains. Its config holds `run` (settings as YAML), `seeds`, and the sample."""

    def setup(self, config: dict[str, Any]) -> None:
        """Makes an engine for each seed."""
        sample = sampled(config)
        self._configs = [trial_config(config["run"], sample, seed) for seed in config["seeds"]]
        self._metric = parse_yaml(config["run"], "study")["study"]["metric"]
        self._runs = [Run(LocalEngine(run), run, None) for run in self._configs]
        self._scores = [math.nan] * len(self._runs)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Tune hands the process of a trial that has ended on to the next one: to start another takes seconds."""
        self.setup(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """One round of every seed."""
        last = [self._round(number, run) for number, run in enumerate(self._runs)]
        metrics = [record.metrics for record in last]
        slowest = min((run.curriculum for run in self._runs), key=lambda at: (at.stage, at.rounds))
        held = [run.curriculum.mode is Mode.HELD for run in self._runs]
        return {
            SCORE: objective(self._scores),
            "score_mean": fmean(self._scores),
            **{f"score_seed_{run.seed}": score for run, score in zip(self._configs, self._scores, strict=True)},
            STAGE: slowest.stage,
            STAGE_ROUNDS: slowest.rounds,
            HELD: sum(held) / len(held),
            DIVERGED: sum(run.is_diverging for run in self._runs) / len(self._runs),
            "iterations": self._runs[0].done,
            AGENT_STEPS_TOTAL: sum(metric[AGENT_STEPS_TOTAL] for metric in metrics),
            "done": all(run.is_last for run in self._runs),
        }

    def _round(self, number: int, run: Run) -> Record:
        """Iterations up to the next evaluation, or to the end."""
        while True:
            record = run.iterate()
            if self._metric in record.metrics or run.is_last:
                self._scores[number] = record.metrics.get(self._metric, self._scores[number])
                return record

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """One of our checkpoints for each seed."""
        for number, run in enumerate(self._runs):
            run.checkpoint().save(Path(checkpoint_dir) / str(number), keep=2)

    def load_checkpoint(self, checkpoint_dir: str) -> None:
        """Goes on from a checkpoint: this trial's own, or a better one's, whose settings do not come with it."""
        for number, run in enumerate(self._runs):
            run.take_over(Checkpoint.load(find_checkpoint(Path(checkpoint_dir) / str(number)).folder))
