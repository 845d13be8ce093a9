"""A trial: the same settings trained with several seeds, side by side in one process, scored as one.

One step is a round: every run continues to its next evaluation. Runs are those of `training/run.py`, on the engine
without Ray. After each round every run saves one of our checkpoints in STUDY/trials/TRIAL/SEED; Tune's own checkpoint
only names it.
"""

import json
import logging
import math
from pathlib import Path
from typing import Any

from ray import tune

from rl_cluster.config.schema import Config
from rl_cluster.config.yaml_file import parse_yaml
from rl_cluster.errors import CheckpointError
from rl_cluster.metrics.names import AGENT_STEPS_TOTAL, STAGE
from rl_cluster.schedulers.curriculum import Mode
from rl_cluster.training.local_engine import LocalEngine
from rl_cluster.training.run import Record, Run
from rl_cluster.tune.entry import objective
from rl_cluster.tune.search_space import sampled
from rl_cluster.tune.trial_settings import trial_config
from rl_cluster.tune.trial_store import TrialStore

__all__ = ["DIVERGED", "HELD", "ROUNDS", "SAMPLE", "SCORE", "SEED_SCORE", "STAGE_ROUNDS", "StudyTrial"]

SCORE = "score"
"""Key of the `objective` of the last evaluations of all seeds."""
SEED_SCORE = "score_seed_"
"""Prefix of a seed; the key of its last evaluation."""
ROUNDS = "rounds"
"""Key of the rounds done, including those of another trial whose checkpoint was taken over."""
SAMPLE = "sample"
"""Key of the sample that the round was trained with."""
HELD, DIVERGED = "held", "diverged"
"""Keys of the shares of seeds whose curriculum is held, and whose training diverges."""
STAGE_ROUNDS = "stage_rounds"
"""Key of the rounds that the slowest seed has spent in its stage."""
POINTER = "checkpoint.json"

logger = logging.getLogger(__name__)


class StudyTrial(tune.Trainable):
    """The trainable that Tune runs.

    Its config holds the sample and what all trials share, because a population copies it from one to another: `run`
    (settings as YAML), `seeds`, `trials` (the folder of all trials), and `resumed`, which says how many rounds each
    trial has done in earlier processes.
    """

    _sample: dict[str, Any]
    _configs: list[Config]
    _runs: list[Run]
    """one for each seed, like `_configs` and `_scores`"""
    _scores: list[float]
    _metric: str
    _every: int
    """iterations of a round"""
    _store: TrialStore
    _saved: int
    """iteration of the last checkpoint; 0 = none"""

    def setup(self, config: dict[str, Any]) -> None:
        """Makes an engine for each seed, which resumes from the trial's own last checkpoint if there is one."""
        settings = parse_yaml(config["run"], "study")
        self._sample = sampled(config)
        self._configs = [trial_config(config["run"], self._sample, seed) for seed in config["seeds"]]
        self._metric, self._every = settings["study"]["metric"], settings["training"]["evaluate_every"]
        self._runs = [Run(LocalEngine(run), run, None) for run in self._configs]
        self._scores = [math.nan] * len(self._runs)
        self._store = TrialStore(Path(config["trials"]), str(self.trial_id), config["seeds"])
        self._saved = 0
        if rounds := config["resumed"].get(self.trial_id):
            self._take_over(self._store, rounds * self._every)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Prepares the process of an ended trial for the next. Tune reuses processes, which take seconds to start."""
        self.setup(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """Runs one round of every seed, which is saved before it is reported."""
        last = [self._round(number, run) for number, run in enumerate(self._runs)]
        self._save()
        metrics = [record.metrics for record in last]
        slowest = min((run.curriculum for run in self._runs), key=lambda at: (at.stage, at.rounds))
        held = [run.curriculum.mode is Mode.HELD for run in self._runs]
        seeds = [config.seed for config in self._configs]
        return {
            SCORE: objective(self._scores),
            **{f"{SEED_SCORE}{seed}": score for seed, score in zip(seeds, self._scores, strict=True)},
            SAMPLE: self._sample,
            ROUNDS: self._runs[0].done // self._every,
            STAGE: slowest.stage,
            STAGE_ROUNDS: slowest.rounds,
            HELD: sum(held) / len(held),
            DIVERGED: sum(run.is_diverging for run in self._runs) / len(self._runs),
            "iterations": self._runs[0].done,
            AGENT_STEPS_TOTAL: sum(metric[AGENT_STEPS_TOTAL] for metric in metrics),
            "done": all(run.is_last for run in self._runs),
        }

    def _round(self, number: int, run: Run) -> Record:
        """Iterates to the next evaluation, or to the end."""
        while True:
            record = run.iterate()
            if self._metric in record.metrics or run.is_last:
                self._scores[number] = record.metrics.get(self._metric, self._scores[number])
                return record

    def _save(self) -> None:
        """Saves. A full disk costs no round: the trial continues, and the next round is saved."""
        try:
            self._store.save([run.checkpoint() for run in self._runs])
        except CheckpointError as error:
            logger.warning("%s; the trial goes on", error)
        else:
            self._saved = self._runs[0].done

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Names our checkpoint for Tune."""
        pointer = {"trial": self.trial_id, "iteration": self._saved}
        Path(checkpoint_dir, POINTER).write_text(json.dumps(pointer), encoding="utf-8")

    def load_checkpoint(self, checkpoint_dir: str) -> None:
        """Continues from a checkpoint: this trial's own, or a better trial's, without that trial's settings."""
        pointer = json.loads(Path(checkpoint_dir, POINTER).read_text(encoding="utf-8"))
        if pointer["iteration"]:
            self._take_over(self._store.of(pointer["trial"]), pointer["iteration"])

    def _take_over(self, store: TrialStore, iteration: int) -> None:
        """Sets all seeds to the newest checkpoint up to an iteration, or to the start if there is none.

        At least one round is left: Tune asks for one, and its score is that of the trial.
        """
        iteration = min(iteration, self._configs[0].training.iterations - self._every)
        for run, checkpoint in zip(self._runs, store.load(iteration, self._configs), strict=False):
            run.take_over(checkpoint)
        self._saved = self._runs[0].done
